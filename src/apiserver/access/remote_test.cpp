// Others who are asked: an OpenID provider and webhooks, on a real listener with TLS.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>

#include "apiserver/access/jwt.h"
#include "apiserver/access/oidc.h"
#include "apiserver/access/webhooks.h"
#include "apiserver/audit/backend.h"
#include "base/check.h"
#include "base/text.h"
#include "net/server.h"

namespace sampan::apiserver {

namespace {

std::string pem_text(const std::function<void(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* data;
  long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

// Files with a certificate that signs itself, for 127.0.0.1.
struct Certificate {
  Certificate() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -60);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("other"), -1, -1, 0);
    X509_set_issuer_name(x509, X509_get_subject_name(x509));
    X509_set_pubkey(x509, key);
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, x509, x509, nullptr, nullptr, 0);
    for (auto [id, value] : {std::pair{NID_basic_constraints, "critical,CA:TRUE"}, {NID_subject_alt_name, "IP:127.0.0.1"}}) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
      X509_add_ext(x509, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(x509, key, EVP_sha256());
    certificate = pem_text([&](BIO* bio) { PEM_write_bio_X509(bio, x509); });
    auto key_pem = pem_text([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(x509);
    EVP_PKEY_free(key);
    char name[] = "/tmp/sampan-remote-XXXXXX";
    folder = ::mkdtemp(name);
    save("crt", certificate);
    save("key", key_pem);
  }
  ~Certificate() {
    for (auto file : {"/crt", "/key"}) std::remove((folder + file).c_str());
    std::remove(folder.c_str());
  }
  void save(std::string_view name, const std::string& text) const {
    FILE* file = std::fopen(concat(folder, "/", name).c_str(), "we");
    check(file && std::fwrite(text.data(), 1, text.size(), file) == text.size());
    std::fclose(file);
  }
  std::string certificate, folder;
};

class Others : public ::testing::Test {
 protected:
  Others() {
    net::ServerOptions options;
    options.address = "127.0.0.1";
    options.port = 0;
    options.tls = {.certificate_file = certificate.folder + "/crt", .key_file = certificate.folder + "/key"};
    options.io_threads = 1;
    auto listening = net::listen(std::move(options), [this](std::shared_ptr<net::Exchange> exchange) { answer(*exchange); });
    check(listening.has_value());
    server = std::move(*listening);
    issuer = concat("https://127.0.0.1:", server->port());
  }
  void answer(net::Exchange& exchange) {
    const auto& request = exchange.request();
    asked++;
    body = request.body;
    target = request.query.empty() ? request.path : concat(request.path, "?", request.query);
    if (request.path == "/.well-known/openid-configuration")
      return exchange.respond({.body = concat(R"({"issuer":")", issuer, R"(","jwks_uri":")", issuer, "/keys\"}")});
    if (request.path == "/keys") return exchange.respond({.body = concat(R"({"keys":[)", key.jwk(), R"(,{"kty":"oct","k":"AAAA"}]})")});
    exchange.respond({.status = status, .body = reply});
  }
  Result<std::unique_ptr<TokenAuthenticator>> oidc() {
    OidcConfig config;
    config.issuer = issuer;
    config.tls.ca_pem = certificate.certificate;
    config.audiences = {"app", "cli"};
    config.algorithms = {"ES256", "RS256"};
    config.username = {"email", "id:"};
    config.groups = {"roles", "g:"};
    config.required = {{"hd", "example.com"}};
    return oidc_authenticator(std::move(config), real_clock());
  }
  WebhookConfig webhook() {
    WebhookConfig config;
    config.url = issuer + "/hook";
    config.tls.ca_pem = certificate.certificate;
    config.version = "v1";
    config.retry_pause_ms = 1;
    config.allowed_ttl_us = config.denied_ttl_us = 60'000'000;
    return config;
  }

  static JwtKey make_key() { return *JwtKey::read_private(*JwtKey::make_private_pem()); }

  Certificate certificate;
  JwtKey key = make_key();
  std::string issuer, reply, body, target;
  int status = 200;
  std::atomic<int> asked = 0;
  std::unique_ptr<net::Server> server;
};

TEST_F(Others, AnOpenIdProviderVouches) {
  auto made = oidc();
  ASSERT_TRUE(made) << made.error().message();
  int64_t now_s = real_clock().now_us() / 1'000'000;
  auto claims = [&](std::string_view more, int64_t expires_s, std::string_view audience = "\"cli\"") {
    return concat(R"({"iss":")", issuer, R"(","aud":)", audience, R"(,"exp":)", expires_s, R"(,"email":"jane@example.com","hd":"example.com","roles":["a","b"])", more, "}");
  };
  auto who = [&](std::string_view token) -> std::string {
    auto identity = (*made)->authenticate_token(token, nullptr);
    if (!identity) return identity.error().message();
    return *identity ? concat((*identity)->user.name, " ", join((*identity)->user.groups, ",")) : "nobody";
  };
  EXPECT_EQ(who(sign_jwt(key, claims("", now_s + 100))), "id:jane@example.com g:a,g:b");
  EXPECT_EQ(who(sign_jwt(key, claims("", now_s + 100, R"(["x","app"])"))), "id:jane@example.com g:a,g:b");
  int after_first = asked;
  EXPECT_EQ(who(sign_jwt(key, claims(R"(,"email_verified":true)", now_s + 100))), "id:jane@example.com g:a,g:b");
  EXPECT_EQ(asked, after_first);  // the keys are known
  EXPECT_EQ(who(sign_jwt(key, claims(R"(,"email_verified":false)", now_s + 100))), "oidc: email not verified");
  EXPECT_EQ(who(sign_jwt(key, claims("", now_s - 10))), "oidc: verify token: token is expired");
  EXPECT_EQ(who(sign_jwt(key, claims(concat(R"(,"nbf":)", now_s + 600), now_s + 900))), "oidc: verify token: token is not valid yet");
  EXPECT_EQ(who(sign_jwt(key, claims("", now_s + 100, "\"other\""))), "oidc: verify token: expected audience in [app cli] got [other]");
  EXPECT_EQ(who(sign_jwt(make_key(), claims("", now_s + 100))), "oidc: verify token: failed to verify signature: failed to verify id token signature");
  EXPECT_EQ(asked, after_first);  // and strangers do not make us ask again and again
  EXPECT_EQ(who(sign_jwt(key, R"({"iss":"https://else"})")), "nobody");
  std::string none = "eyJhbGciOiJub25lIn0.";
  append_base64_url(none, claims("", now_s + 100));
  EXPECT_EQ(who(none + "."), "oidc: id token signed with unsupported algorithm, expected [ES256 RS256] got \"none\"");
}

TEST_F(Others, AWebhookKnowsTokens) {
  auto made = webhook_token_authenticator(webhook(), {"api"}, real_clock());
  ASSERT_TRUE(made);
  reply = R"({"status":{"authenticated":true,"user":{"username":"jane","groups":["dev"],"extra":{"k":["v"]}}}})";
  auto identity = (*made)->authenticate_token("secret", nullptr);
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->user.name, "jane");
  EXPECT_EQ(body, R"({"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{"token":"secret","audiences":["api"]}})");
  EXPECT_TRUE(*(*made)->authenticate_token("secret", nullptr));
  EXPECT_EQ(asked, 1);
  // It says nothing of audiences, so it vouches for nobody else's.
  std::vector<std::string> other = {"vault"};
  EXPECT_FALSE(*(*made)->authenticate_token("secret", &other));
  reply = R"({"status":{"authenticated":false,"error":"unknown"}})";
  EXPECT_EQ((*made)->authenticate_token("bad", nullptr).error().message(), "unknown");
  status = 500;
  EXPECT_FALSE((*made)->authenticate_token("later", nullptr));
}

TEST_F(Others, AWebhookDecides) {
  AccessMetrics metrics;
  auto config = webhook();
  config.timeout_ms = 2500;
  auto made = webhook_authorizer(config, "w", real_clock(), metrics);
  ASSERT_TRUE(made);
  RequestInfo info;
  info.is_resource = true;
  info.verb = "list";
  info.version = "v1";
  info.resource = "pods";
  info.name_space = "shop";
  std::string reason, error;
  auto decide = [&](std::string_view user) {
    reason.clear(), error.clear();
    return (*made)->try_authorize({std::string(user), "7", {"dev"}}, info, reason, error);
  };
  reply = R"({"status":{"allowed":true,"reason":"yes"}})";
  EXPECT_EQ(decide("jane"), Decision::Allow);
  EXPECT_EQ(reason, "yes");
  EXPECT_EQ(target, "/hook?timeout=2.5s");
  EXPECT_EQ(body, R"({"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":{"resourceAttributes":{"namespace":"shop","verb":"list","version":"v1","resource":"pods"},"user":"jane","groups":["dev"],"uid":"7"}})");
  reply = R"({"status":{"denied":true,"reason":"no"}})";
  EXPECT_EQ(decide("jane"), Decision::Allow);  // kept
  EXPECT_EQ(decide("joe"), Decision::Deny);
  EXPECT_EQ(reason, "no");
  reply = R"({"status":{"allowed":true,"denied":true}})";
  EXPECT_EQ(decide("jim"), Decision::Deny);
  EXPECT_EQ(error, "webhook subject access review returned both allow and deny response");

  info.field_selector = "spec.nodeName=a,status.phase!=Failed";
  info.label_selector = "app in (x,y),n>3,!old";
  reply = R"({"status":{}})";
  EXPECT_EQ(decide("jane"), Decision::NoOpinion);
  EXPECT_NE(body.find(R"("fieldSelector":{"requirements":[{"key":"spec.nodeName","operator":"In","values":["a"]},{"key":"status.phase","operator":"NotIn","values":["Failed"]}]},)"
                      R"("labelSelector":{"requirements":[{"key":"app","operator":"In","values":["x","y"]},{"key":"old","operator":"DoesNotExist"}]})"),
            std::string::npos) << body;

  info.name = std::string(10'000, 'x');
  decide("jane");
  int before = asked;
  decide("jane");
  EXPECT_EQ(asked, before + 1);  // a question as large as that is not kept

  status = 500;
  reply = "busy";
  asked = 0;
  EXPECT_EQ(decide("jack"), Decision::NoOpinion);  // who does not answer allows nothing
  EXPECT_EQ(error, R"(an error on the server ("busy") has prevented the request from succeeding)");
  EXPECT_EQ(asked, 5);
  status = 403;
  reply = R"({"kind":"Status","message":"go away"})";
  config.denies_on_failure = true;
  asked = 0;
  made = webhook_authorizer(config, "strict", real_clock(), metrics);
  EXPECT_EQ(decide("jack"), Decision::Deny);
  EXPECT_EQ(error, "go away");
  EXPECT_EQ(asked, 1);

  std::string text;
  metrics.write(text);
  for (std::string_view line : {R"(apiserver_authorization_webhook_evaluations_total{name="w",result="error"} 5)",
                                R"(apiserver_authorization_webhook_evaluations_total{name="strict",result="error"} 1)",
                                R"(apiserver_authorization_webhook_evaluations_fail_open_total{name="w",result="error"} 1)",
                                R"(apiserver_authorization_webhook_duration_seconds_count{name="w",result="success"} 6)"})
    EXPECT_NE(text.find(concat(line, "\n")), std::string::npos) << line << "\n" << text;
  EXPECT_EQ(text.find(R"(fail_open_total{name="strict")"), std::string::npos);
}

TEST_F(Others, AWebhookIsAskedAboutWhatItsConditionsSay) {
  AccessMetrics metrics;
  auto config = webhook();
  RequestInfo info;
  info.is_resource = true;
  info.verb = "get";
  info.version = "v1";
  info.resource = "pods";
  info.field_selector = "spec.nodeName=a";
  info.label_selector = "!old";
  reply = R"({"status":{"allowed":true}})";
  std::string error;
  auto decide = [&](std::vector<std::string> conditions, bool strict = false) {
    config.match_conditions = std::move(conditions);
    config.denies_on_failure = strict;
    auto made = webhook_authorizer(config, strict ? "strict" : "w", real_clock(), metrics);
    std::string reason;
    error = made ? "" : made.error().message();
    return made ? (*made)->try_authorize({"jane", "7", {"dev"}, {{"k", {"v"}}}}, info, reason, error) : Decision::NoOpinion;
  };
  const std::string good = "request.user == 'jane' && request.uid == '7' && 'dev' in request.groups && request.extra['k'] == ['v']";
  const std::string about = "request.resourceAttributes.resource == 'pods' && request.resourceAttributes.subresource == '' && !has(request.nonResourceAttributes)";
  const std::string narrow = "request.resourceAttributes.fieldSelector.requirements[0].values == ['a'] && request.resourceAttributes.labelSelector.requirements.all(r, "
                             "r.key == 'old' && r.operator == 'DoesNotExist' && r.values.size() == 0)";
  const std::string broken = "request.nonResourceAttributes.path == '/'", no_key = "resulted in error: no such key: nonResourceAttributes";
  EXPECT_EQ(decide({good, about, narrow}), Decision::Allow) << error;
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(decide({good, "request.user != 'jane'"}, true), Decision::NoOpinion);
  EXPECT_EQ(decide({broken, "request.user != 'jane'"}, true), Decision::NoOpinion);  // what is false decides
  EXPECT_EQ(error, "");
  EXPECT_EQ(decide({good, broken}), Decision::NoOpinion);
  EXPECT_EQ(error, concat("cel evaluation error: expression '", broken, "' ", no_key));
  EXPECT_EQ(decide({good, broken}, true), Decision::Deny);
  EXPECT_EQ(asked, 1);
  info.is_resource = false;
  info.path = "/";
  EXPECT_EQ(decide({broken}), Decision::Allow);
  EXPECT_EQ(decide({"request.user"}), Decision::NoOpinion);
  EXPECT_EQ(error, "must evaluate to bool but got string");

  std::string text;
  metrics.write(text);
  for (std::string_view line : {R"(apiserver_authorization_match_condition_evaluation_errors_total{name="w",type="Webhook"} 1)",
                                R"(apiserver_authorization_match_condition_exclusions_total{name="strict",type="Webhook"} 2)",
                                R"(apiserver_authorization_match_condition_evaluation_seconds_count{name="w",type="Webhook"} 3)"})
    EXPECT_NE(text.find(concat(line, "\n")), std::string::npos) << line << "\n" << text;
}

TEST_F(Others, AWebhookTakesAuditEvents) {
  AuditCounts counts;
  AuditWebhookConfig config{.server = webhook(), .initial_backoff_us = 1};
  config.server.token = "of-ours";
  auto made = audit_webhook(config, secure_random(), counts);
  ASSERT_TRUE(made.has_value());
  auto event = [](std::string id) {
    auto made_event = std::make_shared<AuditEvent>();
    made_event->id = std::move(id);
    return AuditEventRef(made_event);
  };
  std::vector<AuditEventRef> events = {event("a"), event("b")};
  EXPECT_TRUE((*made)->process(events));
  EXPECT_EQ(body, concat(R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[)", events[0]->json(), ",", events[1]->json(), "]}\n"));
  status = 503;
  asked = 0;
  EXPECT_FALSE((*made)->process(events));
  EXPECT_EQ(asked, 5);  // it tries again
  (*made)->stop();
  asked = 0;
  EXPECT_FALSE((*made)->process(events));
  EXPECT_EQ(asked, 1);  // but waits for nothing when all is over
}

}  // namespace

}  // namespace sampan::apiserver
