// Tokens of service accounts, asked for and used over a whole server.
#include "apiserver/access/service_account_tokens.h"

#include <gtest/gtest.h>

#include "apiserver/access/access.h"
#include "apiserver/testing.h"
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kIssuer = "https://issuer.test";

const JwtKey& our_key() {
  static const JwtKey key = *JwtKey::read_private(*JwtKey::make_private_pem());
  return key;
}

ServerConfig config_with_tokens() {
  ServerConfig config;
  ServiceAccountConfig accounts;
  accounts.keys = {our_key()};
  accounts.signer = our_key();
  accounts.issuers = {std::string(kIssuer), "https://old.test"};
  accounts.max_expiration_s = 7200;
  config.access.service_accounts = std::move(accounts);
  config.admission.disable = {"NamespaceLifecycle", "ServiceAccount", "PodSecurity"};
  return config;
}

class Tokens : public ::testing::Test {
 protected:
  Tokens() : server(config_with_tokens()) {
    post("/api/v1/namespaces/shop/serviceaccounts", R"({"metadata":{"name":"robot"}})");
    post("/api/v1/nodes", R"({"metadata":{"name":"n1"}})");
    post("/api/v1/namespaces/shop/pods",
         R"({"metadata":{"name":"web"},"spec":{"serviceAccountName":"robot","nodeName":"n1","containers":[{"name":"c","image":"i"}]}})");
  }
  net::Response post(std::string_view path, std::string body) {
    return server.ask("POST", path, {{"content-type", "application/json"}}, std::move(body));
  }
  net::Response request(std::string spec) {
    return post("/api/v1/namespaces/shop/serviceaccounts/robot/token", concat(R"({"spec":)", spec, "}"));
  }
  std::string token(std::string spec) {
    auto answer = request(std::move(spec));
    EXPECT_EQ(answer.status, 201) << answer.body;
    Arena arena;
    return std::string((*schema::parse_json(answer.body, arena))["status"]["token"].as_string());
  }
  IdentityResult use(std::string_view token) { return server.server().services().access->authenticate_token(token, nullptr); }
  bool good(std::string_view token) {
    auto identity = use(token);
    return identity && *identity;
  }
  std::string field(std::string_view path, std::string_view member) {
    Arena arena;
    auto answer = server.ask("GET", path, {});
    return std::string((*schema::parse_json(answer.body, arena))["metadata"][member].as_string());
  }
  // Signed by us, but with claims of somebody's own.
  std::string forged(std::string_view times, std::string_view issuer = kIssuer) {
    return sign_jwt(our_key(), concat(R"({"iss":")", issuer, R"(","aud":["https://issuer.test"],"sub":"x",)", times,
                                      R"("kubernetes.io":{"namespace":"shop","serviceaccount":{"name":"robot","uid":")",
                                      field("/api/v1/namespaces/shop/serviceaccounts/robot", "uid"), R"("}}})"));
  }
  TestServer server;
};

TEST_F(Tokens, TellWhoTheyAreBoundTo) {
  auto identity = use(token(R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web"}})"));
  ASSERT_TRUE(identity) << identity.error().message();
  const User& user = (*identity)->user;
  EXPECT_EQ(user.name, "system:serviceaccount:shop:robot");
  EXPECT_EQ(user.uid, field("/api/v1/namespaces/shop/serviceaccounts/robot", "uid"));
  EXPECT_EQ(join(user.groups, ","), "system:serviceaccounts,system:serviceaccounts:shop,system:authenticated");
  std::string extra;
  for (const auto& [key, values] : user.extra) append(extra, key.substr(key.find('/') + 1), "=", values[0].substr(0, 4), " ");
  EXPECT_EQ(extra, concat("credential-id=JTI= node-name=n1 node-uid=", field("/api/v1/nodes/n1", "uid").substr(0, 4), " pod-name=web pod-uid=",
                          field("/api/v1/namespaces/shop/pods/web", "uid").substr(0, 4), " "));
  EXPECT_EQ(join((*identity)->audiences, ","), concat(kIssuer, ",https://old.test"));
}

TEST_F(Tokens, EndWithWhatTheyAreBoundTo) {
  post("/api/v1/namespaces/shop/secrets", R"({"metadata":{"name":"key"}})");
  auto plain = token("{}"), of_secret = token(R"({"boundObjectRef":{"kind":"Secret","apiVersion":"v1","name":"key"}})"),
       of_node = token(R"({"boundObjectRef":{"kind":"Node","apiVersion":"v1","name":"n1"}})"),
       of_pod = token(R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web"}})");
  for (const auto& it : {plain, of_secret, of_node, of_pod}) EXPECT_TRUE(good(it));
  server.ask("DELETE", "/api/v1/namespaces/shop/secrets/key", {});
  EXPECT_FALSE(good(of_secret));
  server.ask("DELETE", "/api/v1/nodes/n1", {});
  EXPECT_FALSE(good(of_node));
  EXPECT_TRUE(good(of_pod));
  server.ask("DELETE", "/api/v1/namespaces/shop/pods/web?gracePeriodSeconds=0", {});
  EXPECT_FALSE(good(of_pod));
  EXPECT_TRUE(good(plain));
  server.ask("DELETE", "/api/v1/namespaces/shop/serviceaccounts/robot", {});
  EXPECT_FALSE(good(plain));
  post("/api/v1/namespaces/shop/serviceaccounts", R"({"metadata":{"name":"robot"}})");
  EXPECT_FALSE(good(plain));  // another account of that name
}

TEST_F(Tokens, RequestsAreChecked) {
  struct Case {
    std::string_view spec;
    int status;
    std::string_view message;
  };
  for (const Case& it : {
           Case{R"({"expirationSeconds":599})", 422, "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"},
           {R"({"expirationSeconds":4294967297})", 422, "may not specify a duration larger than 2^32 seconds"},
           {R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"gone"}})", 404, "pods \\\"gone\\\" not found"},
           {R"({"boundObjectRef":{"kind":"Pod","apiVersion":"v1","name":"web","uid":"other"}})", 409, "Operation cannot be fulfilled on Pod \\\"web\\\""},
           {R"({"boundObjectRef":{"kind":"Job","apiVersion":"batch/v1","name":"x"}})", 400, "cannot bind token to object of type batch/v1, Kind=Job"},
           {R"({"expirationSeconds":86400})", 201, "\"expirationSeconds\":7200"},
       }) {
    auto answer = request(std::string(it.spec));
    EXPECT_EQ(answer.status, it.status) << it.spec;
    EXPECT_NE(answer.body.find(it.message), std::string::npos) << it.spec << "\n" << answer.body;
  }
  EXPECT_EQ(post("/api/v1/namespaces/shop/serviceaccounts/nobody/token", R"({"spec":{}})").status, 404);
}

TEST_F(Tokens, AudienceDecides) {
  auto other = token(R"({"audiences":["vault"]})");
  EXPECT_FALSE(good(other));
  std::vector<std::string> wanted = {"nobody", "vault"};
  auto identity = server.server().services().access->authenticate_token(other, &wanted);
  ASSERT_TRUE(identity);
  EXPECT_EQ(join((*identity)->audiences, ","), "vault");
}

TEST_F(Tokens, ForgeriesAreRefused) {
  EXPECT_TRUE(good(forged("")));
  EXPECT_TRUE(good(forged("", "https://old.test")));
  int64_t now_s = real_clock().now_us() / 1'000'000;
  EXPECT_FALSE(good(forged(concat("\"exp\":", now_s - 100, ","))));
  EXPECT_FALSE(good(forged(concat("\"nbf\":", now_s + 100, ","))));
  EXPECT_FALSE(good(forged(concat("\"iat\":", now_s + 100, ","))));
  EXPECT_FALSE(good(forged("", "https://else.test")));

  auto real = token("{}");
  ASSERT_TRUE(good(real));
  auto last = real.rfind('.'), first = real.find('.');
  auto encoded = [](std::string_view text) {
    std::string out;
    append_base64_url(out, text);
    return out;
  };
  EXPECT_FALSE(good(real.substr(0, last + 1)));
  EXPECT_FALSE(good(concat(encoded(R"({"alg":"none"})"), real.substr(first, last - first + 1))));
  EXPECT_FALSE(good(concat(encoded(R"({"alg":"HS256"})"), real.substr(first))));
  EXPECT_FALSE(good(concat(encoded(R"({"alg":"RS256","kid":"other"})"), real.substr(first))));
  EXPECT_FALSE(good(concat(real.substr(0, first + 1), encoded(R"({"iss":"https://issuer.test"})"), real.substr(last))));
  // Another's key, under our name.
  static const JwtKey other = *JwtKey::read_private(*JwtKey::make_private_pem());
  std::string payload;
  ASSERT_TRUE(decode_base64_url(std::string_view(real).substr(first + 1, last - first - 1), payload));
  EXPECT_FALSE(good(sign_jwt(other, payload)));
}

TEST_F(Tokens, OldOnesLiveInTheirSecret) {
  auto uid = field("/api/v1/namespaces/shop/serviceaccounts/robot", "uid");
  auto old = sign_jwt(our_key(), concat(R"({"iss":"kubernetes/serviceaccount","sub":"system:serviceaccount:shop:robot","kubernetes.io/serviceaccount/namespace":"shop",)",
                                        R"("kubernetes.io/serviceaccount/secret.name":"old","kubernetes.io/serviceaccount/service-account.name":"robot",)",
                                        R"("kubernetes.io/serviceaccount/service-account.uid":")", uid, "\"}"));
  EXPECT_FALSE(good(old));
  std::string data;
  append_base64(data, old);
  post("/api/v1/namespaces/shop/secrets", concat(R"({"metadata":{"name":"old","annotations":{"kubernetes.io/service-account.name":"robot"}},"type":"kubernetes.io/service-account-token","data":{"token":")", data, "\"}}"));
  EXPECT_TRUE(good(old));
  server.ask("PATCH", "/api/v1/namespaces/shop/secrets/old", {{"content-type", "application/merge-patch+json"}}, R"({"data":{"token":"AAAA"}})");
  EXPECT_FALSE(good(old));
  server.ask("DELETE", "/api/v1/namespaces/shop/secrets/old", {});
  EXPECT_FALSE(good(old));
}

TEST_F(Tokens, OnlyBearersCome) {
  auto real = token("{}");
  auto status = [&](net::Headers headers) { return server.ask("GET", "/api/v1/nodes", std::move(headers)).status; };
  EXPECT_EQ(status({{"authorization", concat("Bearer ", real)}}), 200);
  EXPECT_EQ(status({{"authorization", concat("Bearer ", real, "x")}}), 401);
  EXPECT_EQ(status({{"authorization", "Bearer nonsense"}}), 401);
  EXPECT_EQ(status({{"upgrade", "websocket"}, {"sec-websocket-protocol", concat("base64url.bearer.authorization.k8s.io.", [&] {
                                                  std::string encoded;
                                                  append_base64_url(encoded, real + "x");
                                                  return encoded;
                                                }(), ", v5.channel.k8s.io")}}),
            401);
}

}  // namespace

}  // namespace sampan::apiserver
