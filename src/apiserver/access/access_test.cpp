// Credentials that are no tokens of service accounts: certificates, front proxies, bootstrap tokens, nobody's.
#include "apiserver/access/access.h"

#include <gtest/gtest.h>

#include "apiserver/access/request_headers.h"
#include "apiserver/admission/testing.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

using testing::Trial;

std::string shown(const User& user) {
  std::string text = concat(user.name, "|", user.uid, "|", join(user.groups, ","));
  for (const auto& [key, values] : user.extra) append(text, "|", key, "=", join(values, ","));
  return text;
}

std::unique_ptr<Access> access_of(Trial& trial, Executor& workers, AccessConfig config) {
  auto access = Access::create(std::move(config), trial.catalog(), trial.clock, trial.random, workers);
  check(access.has_value());
  return std::move(*access);
}

TEST(Access, FrontProxiesSayWhoOthersAre) {
  Trial trial;
  auto workers = make_thread_pool(1);
  AccessConfig config;
  config.authenticators.push_back(request_header_authenticator({.allowed_names = {"proxy"},
                                                                .username_headers = {"X-Remote-User", "X-Other"},
                                                                .uid_headers = {"X-Remote-Uid"},
                                                                .group_headers = {"X-Remote-Group"},
                                                                .extra_prefixes = {"X-Remote-Extra-"}}));
  config.authenticators.push_back(certificate_authenticator());
  config.anonymous = false;
  auto access = access_of(trial, *workers, std::move(config));
  struct Case {
    bool is_client, is_proxy;
    std::string_view name;
    net::Headers headers;
    std::string_view want;
  };
  const net::Headers full = {{"x-remote-user", "jane"}, {"x-remote-uid", "7"}, {"x-remote-group", "a"}, {"x-remote-group", "b"}, {"x-remote-extra-a%2fb", "c"}};
  for (const Case& it : {Case{false, true, "proxy", full, "jane|7|a,b,system:authenticated|a/b=c"},
                         {false, true, "other", full, "Unauthorized"},
                         {true, false, "proxy", full, "proxy||system:authenticated|authentication.kubernetes.io/credential-id=X509SHA256=f"},
                         {false, false, "proxy", full, "Unauthorized"},
                         {false, true, "proxy", {{"x-other", "joe"}}, "joe|||"},
                         {false, true, "proxy", {}, "Unauthorized"}}) {
    net::Request request;
    request.headers = it.headers;
    auto peer = std::make_shared<net::PeerCertificate>();
    peer->common_name = it.name;
    peer->fingerprint = "f";
    peer->is_client = it.is_client;
    peer->is_proxy = it.is_proxy;
    request.peer = peer;
    auto identity = access->authenticate(request, "/api");
    auto got = identity ? shown(identity->user) : identity.error().message();
    EXPECT_EQ(got, it.want == "joe|||" ? "joe||system:authenticated" : it.want);
    // Nobody behind us sees the headers of who came in by them.
    if (it.is_proxy && identity) {
      EXPECT_TRUE(request.headers.empty());
    }
  }
}

TEST(Access, AnonymousComeWhereTheyMay) {
  Trial trial;
  auto workers = make_thread_pool(1);
  AccessConfig config;
  config.anonymous_paths = {"/livez"};
  auto access = access_of(trial, *workers, std::move(config));
  for (auto [path, may] : {std::pair<std::string_view, bool>{"/livez", true}, {"/livez/", false}, {"/LIVEZ", false}, {"//livez", false}, {"/livez/..", false}, {"/api", false}}) {
    net::Request request;
    EXPECT_EQ(access->authenticate(request, path).has_value(), may) << path;
    request.headers = {{"authorization", "Bearer x"}};
    EXPECT_FALSE(access->authenticate(request, path)) << path;  // a bad credential is worse than none
    request = {};
    request.peer = std::make_shared<net::PeerCertificate>(net::PeerCertificate{.is_client = false});
    EXPECT_FALSE(access->authenticate(request, path)) << path;
    request.peer = std::make_shared<net::PeerCertificate>(net::PeerCertificate{.common_name = "proxy", .is_client = false, .is_proxy = true});
    EXPECT_FALSE(access->authenticate(request, path)) << path;  // a front proxy that names nobody
  }
}

TEST(Access, BootstrapTokensLiveInTheirSecret) {
  Trial trial;
  auto workers = make_thread_pool(1);
  AccessConfig config;
  config.bootstrap_tokens = true;
  auto access = access_of(trial, *workers, std::move(config));
  auto put = [&](std::string_view id, std::initializer_list<std::pair<std::string_view, std::string_view>> data, std::string_view type = "bootstrap.kubernetes.io/token") {
    std::string json = concat("{'metadata':{'name':'bootstrap-token-", id, "','namespace':'kube-system'},'type':'", type, "','data':{");
    for (const auto& [key, value] : data) {
      append(json, json.back() == '{' ? "" : ",", "'", key, "':'");
      append_base64(json, value);
      json += '\'';
    }
    trial.put("", "secrets", json + "}}");
  };
  constexpr std::pair<std::string_view, std::string_view> secret{"token-secret", "0123456789abcdef"}, usage{"usage-bootstrap-authentication", "true"};
  put("good00", {{"token-id", "good00"}, secret, usage, {"auth-extra-groups", "system:bootstrappers:z:b,system:bootstrappers:a"}});
  put("later0", {{"token-id", "later0"}, secret, usage, {"expiration", "2099-01-01T00:00:00Z"}});
  put("past00", {{"token-id", "past00"}, secret, usage, {"expiration", "2001-01-01T00:00:00Z"}});
  put("other0", {{"token-id", "good00"}, secret, usage});
  put("unused", {{"token-id", "unused"}, secret, {"usage-bootstrap-signing", "true"}});
  put("group0", {{"token-id", "group0"}, secret, usage, {"auth-extra-groups", "system:masters"}});
  put("opaque", {{"token-id", "opaque"}, secret, usage}, "Opaque");
  auto who = [&](std::string_view token) {
    auto identity = access->authenticate_token(token, nullptr);
    return identity && *identity ? shown((*identity)->user) : std::string();
  };
  EXPECT_EQ(who("good00.0123456789abcdef"), "system:bootstrap:good00||system:bootstrappers,system:bootstrappers:a,system:bootstrappers:z:b,system:authenticated");
  EXPECT_NE(who("later0.0123456789abcdef"), "");
  for (std::string_view bad : {"good00.0123456789abcdee", "good00.0123456789abcde", "past00.0123456789abcdef", "other0.0123456789abcdef", "unused.0123456789abcdef",
                               "group0.0123456789abcdef", "opaque.0123456789abcdef", "absent.0123456789abcdef", "GOOD00.0123456789abcdef"})
    EXPECT_EQ(who(bad), "") << bad;
}

// Says what it was told to; the name goes into the reason.
class Voice final : public Authorizer {
 public:
  Voice(std::string name, Decision decision, std::string error = {}) : name_(std::move(name)), decision_(decision), error_(std::move(error)) {}
  Decision authorize(const User&, const RequestInfo&, std::string& reason) override {
    reason = name_;
    return decision_;
  }
  Decision try_authorize(const User& user, const RequestInfo& request, std::string& reason, std::string& error) override {
    error = error_;
    return authorize(user, request, reason);
  }

 private:
  std::string name_;
  Decision decision_;
  std::string error_;
};

TEST(Access, AuthorisersAreAskedUntilOneDecides) {
  Trial trial;
  auto workers = make_thread_pool(1);
  auto ask = [&](std::vector<Voice> voices) {
    AccessConfig config;
    for (auto& voice : voices) config.authorizers.push_back(std::make_unique<Voice>(std::move(voice)));
    auto access = access_of(trial, *workers, std::move(config));
    std::string reason, error;
    auto decision = access->authorize({}, {}, reason, &error);
    return concat(decision == Decision::Allow ? "allow" : decision == Decision::Deny ? "deny" : "none", "|", reason, "|", error);
  };
  EXPECT_EQ(ask({{"a", Decision::NoOpinion}, {"b", Decision::NoOpinion}}), "none|a\nb|");
  EXPECT_EQ(ask({{"a", Decision::NoOpinion, "x"}, {"b", Decision::Allow}}), "allow|b|");
  EXPECT_EQ(ask({{"a", Decision::NoOpinion, "x"}, {"b", Decision::Deny, "y"}, {"c", Decision::Allow}}), "deny|b|y");
  EXPECT_EQ(ask({{"a", Decision::NoOpinion, "x"}, {"b", Decision::NoOpinion, "y"}}), "none|a\nb|[x, y]");
  EXPECT_EQ(ask({}), "none||");
}

TEST(Access, TheChainMayBeReplaced) {
  Trial trial;
  auto workers = make_thread_pool(1);
  AccessConfig config;
  config.chain = authorizer_modes({"RBAC", "AlwaysDeny"});
  config.chain_may_change = true;
  auto access = access_of(trial, *workers, std::move(config));
  User anybody{"joe", "", {}};
  RequestInfo request;
  EXPECT_FALSE(access->allows(anybody, request));
  EXPECT_FALSE(access->asks_others());
  ASSERT_TRUE(access->use_chain(authorizer_modes({"RBAC", "AlwaysAllow"})));
  EXPECT_TRUE(access->allows(anybody, request));
  for (auto type : {"Node", "ABAC"})
    EXPECT_EQ(access->use_chain(authorizer_modes({type})).error().message(),
              concat("authorizer type ", type, " is not allowed if it was not enabled at initial server startup"));
  EXPECT_TRUE(access->allows(anybody, request));  // a bad chain changes nothing
  auto webhook = authorizer_modes({"Webhook", "RBAC"});
  webhook[0].webhook = WebhookConfig{.url = "https://127.0.0.1:1/", .version = "v1"};
  ASSERT_TRUE(access->use_chain(webhook));
  EXPECT_TRUE(access->asks_others());
  std::string metrics;
  access->metrics().write(metrics);
  EXPECT_NE(metrics.find(R"(apiserver_authorization_decisions_total{decision="allowed",name="alwaysallow",type="AlwaysAllow"} 2)"), std::string::npos) << metrics;
}

}  // namespace

}  // namespace sampan::apiserver
