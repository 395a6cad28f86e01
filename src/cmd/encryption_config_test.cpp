#include "cmd/encryption_config.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace sampan::cmd {
namespace {

constexpr std::string_view kHead = "apiVersion: apiserver.config.k8s.io/v1\nkind: EncryptionConfiguration\nresources:\n";
constexpr std::string_view kSecret = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";  // 32 bytes

TEST(EncryptionConfig, ResourcesFindTheirProviders) {
  auto config = parse_encryption_config(concat(kHead, "- {resources: [events], providers: [identity: {}]}\n",  //
                                               "- {resources: [secrets, deployments.apps], providers: [{aescbc: {keys: [{name: a, secret: ", kSecret, "}]}}, identity: {}]}\n",
                                               "- {resources: ['*.apps'], providers: [{aesgcm: {keys: [{name: b, secret: ", kSecret, "}]}}]}\n",
                                               "- {resources: ['*.'], providers: [{secretbox: {keys: [{name: c, secret: ", kSecret, "}]}}]}\n",
                                               "- {resources: ['*.*'], providers: [{aesgcm: {keys: [{name: d, secret: ", kSecret, "}, {name: e, secret: ", kSecret, "}]}}]}\n"));
  ASSERT_TRUE(config.has_value()) << config.error().message();
  const struct {
    std::string_view key, want;
  } cases[] = {
      {"/registry/events/a/b", ""},
      {"/registry/secrets/a/b", "k8s:enc:aescbc:v1:a:"},
      {"/registry/deployments/a/b", "k8s:enc:aescbc:v1:a:"},
      {"/registry/daemonsets/a/b", "k8s:enc:aesgcm:v1:b:"},
      {"/registry/services/specs/a/b", "k8s:enc:secretbox:v1:c:"},
      {"/registry/minions/a", "k8s:enc:secretbox:v1:c:"},
      {"/registry/leases/a/b", "k8s:enc:aesgcm:v1:d:"},
      {"/registry/apiregistration.k8s.io/apiservices/a", "k8s:enc:aesgcm:v1:d:"},
      {"/registry/ranges/serviceips", ""},
  };
  for (const auto& it : cases) {
    auto value = (*config)->of(it.key).seal("text", it.key);
    ASSERT_TRUE(value.has_value());
    EXPECT_TRUE(it.want.empty() ? *value == "text" : value->starts_with(it.want)) << it.key << " " << *value;
  }
}

TEST(EncryptionConfig, Complaints) {
  std::string good = concat("[{aescbc: {keys: [{name: a, secret: ", kSecret, "}]}}]");
  const struct {
    std::string resources;
    std::string_view want;
  } cases[] = {
      {"[]", "resources: Required value: at least one resources is required"},
      {concat("[{resources: [], providers: ", good, "}]"), "resources[0].resources: Required value: at least one resources[0].resources is required"},
      {"[{resources: [secrets], providers: []}]", "resources[0].providers: Required value: at least one resources[0].providers is required"},
      {concat("[{resources: [Secrets], providers: ", good, "}]"), R"(resources[0].resources[0]: Invalid value: "Secrets": resource name should not contain capital letters)"},
      {concat("[{resources: ['*'], providers: ", good, "}]"),
       R"(resources[0].resources[0]: Invalid value: "*": use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources)"},
      {concat("[{resources: [secrets, '*.'], providers: ", good, "}]"),
       R"(resources[0].resources: Invalid value: ["secrets","*."]: using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked)"},
      {concat("[{resources: [secrets, secrets], providers: ", good, "}]"),
       R"(resources[0].resources: Invalid value: ["secrets","secrets"]: the same resource cannot be specified multiple times)"},
      {concat("[{resources: ['*.'], providers: ", good, "}, {resources: [secrets], providers: ", good, "}]"),
       R"(error while building transformers: resource "secrets" is masked by earlier rule "*.")"},
      {"[{resources: [secrets], providers: [{aescbc: {keys: []}}]}]", "resources[0].providers[0].aescbc.keys: Required value: at least one keys is required"},
      {"[{resources: [secrets], providers: [{aescbc: {keys: [{name: a, secret: YWJj}]}}]}]",
       R"(resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "REDACTED": secret is not of the expected length, got 3, expected one of [16 24 32])"},
      {"[{resources: [secrets], providers: [{secretbox: {keys: [{name: a, secret: '%'}]}}]}]",
       R"(resources[0].providers[0].secretbox.keys[0].secret: Invalid value: "REDACTED": secrets must be base64 encoded)"},
      {"[{resources: [secrets], providers: [{kms: {apiVersion: v2, name: 'a:b', endpoint: 'tcp://x'}}]}]",
       R"([resources[0].providers[0].kms.name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':', )"
       R"(resources[0].providers[0].kms.endpoint: Invalid value: "tcp://x": unsupported scheme "tcp" for KMS provider, only unix is supported])"},
      {concat("[{resources: [secrets], providers: [{identity: {}, aescbc: {keys: [{name: a, secret: ", kSecret, "}]}}]}]"),
       "resources[0].providers[0]: Invalid value: {}: more than one provider specified in a single element, should split into different list elements"},
  };
  for (const auto& it : cases) {
    auto config = parse_encryption_config(concat("{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: ", it.resources, "}"));
    ASSERT_FALSE(config.has_value()) << it.resources;
    EXPECT_EQ(config.error().message(), it.want);
  }
  EXPECT_FALSE(parse_encryption_config("kind: Config").has_value());
}

}  // namespace
}  // namespace sampan::cmd
