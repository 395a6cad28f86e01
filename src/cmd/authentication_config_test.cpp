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
