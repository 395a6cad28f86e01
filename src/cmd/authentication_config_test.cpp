#include "cmd/authentication_config.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace sampan::cmd {
namespace {

constexpr std::string_view kHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\n";

TEST(AuthenticationConfig, Anonymous) {
  const struct {
    std::string_view text;
    bool says, on;
    std::vector<std::string> paths;
  } cases[] = {
      {"", false, false, {}},
      {"anonymous: {enabled: false}\n", true, false, {}},
      {"anonymous: {enabled: true}\n", true, true, {}},
      {"anonymous:\n  enabled: true\n  conditions:\n  - path: /livez\n  - path: /readyz\n", true, true, {"/livez", "/readyz"}},
  };
  for (const auto& it : cases) {
    auto config = parse_authentication_config(concat(kHead, it.text));
    ASSERT_TRUE(config) << config.error().message();
    EXPECT_EQ(config->says_anonymous, it.says) << it.text;
    EXPECT_EQ(config->anonymous, it.on) << it.text;
    EXPECT_EQ(config->anonymous_paths, it.paths) << it.text;
  }
}

TEST(AuthenticationConfig, Issuers) {
  auto config = parse_authentication_config(concat(kHead, R"(jwt:
- issuer: {url: https://id.test, discoveryURL: https://id.test/other, audiences: [a, b], audienceMatchPolicy: MatchAny, certificateAuthority: PEM}
  claimMappings:
    username: {claim: email, prefix: "id:"}
    groups: {claim: roles, prefix: "g:"}
    uid: {claim: sub}
  claimValidationRules: [{claim: hd, requiredValue: example.com}]
)"));
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->issuers.size(), 1u);
  const auto& issuer = config->issuers[0];
  EXPECT_EQ(concat(issuer.issuer, " ", issuer.discovery_url, " ", join(issuer.audiences, ","), " ", issuer.tls.ca_pem), "https://id.test https://id.test/other a,b PEM");
  EXPECT_EQ(concat(issuer.username.prefix, issuer.username.claim, " ", issuer.groups.prefix, issuer.groups.claim, " ", issuer.uid_claim), "id:email g:roles sub");
  EXPECT_EQ(concat(issuer.required[0].first, "=", issuer.required[0].second), "hd=example.com");
}

TEST(AuthenticationConfig, Complaints) {
  const struct {
    std::string text;
    std::string_view want;
  } cases[] = {
      {concat(kHead, "foo: 1\n"), R"(strict decoding error: unknown field "foo")"},
      {concat(kHead, "anonymous: {enable: true}\n"), R"(strict decoding error: unknown field "anonymous.enable")"},
      {concat(kHead, "anonymous: {enabled: true, conditions: [{}]}\n"), "anonymous.conditions[0].path: Required value"},
      {concat(kHead, "anonymous: {enabled: false, conditions: [{path: /a}]}\n"),
       "anonymous.conditions: Invalid value: enabled should be set to true when conditions are defined"},
      {concat(kHead, "jwt: [{issuer: {url: 'http://a', audiences: [x]}}]\n"), R"(jwt[0].issuer.url: Invalid value: "http://a": URL scheme must be https)"},
      {concat(kHead, "jwt: [{issuer: {url: 'https://a'}}]\n"), "jwt[0].issuer.audiences: Required value: at least one jwt.issuer.audiences is required"},
      {concat(kHead, "jwt: [{issuer: {url: 'https://a', audiences: [x]}, claimMappings: {username: {expression: claims.sub}}}]\n"),
       "jwt[0]: expressions are not supported: name claims instead"},
      {"", R"(no kind "" is registered for version ""; expected AuthenticationConfiguration of apiserver.config.k8s.io/v1)"},
  };
  for (const auto& it : cases) {
    auto config = parse_authentication_config(it.text);
    ASSERT_FALSE(config) << it.text;
    EXPECT_EQ(config.error().message(), it.want);
  }
}

}  // namespace
}  // namespace sampan::cmd
