#include "schema/config_file.h"

#include <gtest/gtest.h>

namespace sampan::schema {
namespace {

constexpr std::string_view kVersions[] = {"v1", "v1beta1"};
constexpr ConfigKind kKinds[] = {{"apps", "Deployment", kVersions, "io.k8s.api.apps.v1.Deployment"}, {"", "Pod", kVersions, "io.k8s.api.core.v1.Pod"}};

TEST(ConfigFile, IsHeldAgainstItsKind) {
  const struct {
    std::string_view text, want;  // the kind that is found, or a complaint
  } cases[] = {
      {"apiVersion: apps/v1beta1\nkind: Deployment\nspec: {replicas: 2}\n", "Deployment"},
      {R"({"apiVersion":"v1","kind":"Pod"})", "Pod"},
      {"kind: Pod", "Object 'apiVersion' is missing in 'kind: Pod'"},
      {"apiVersion: v1", "Object 'Kind' is missing in 'apiVersion: v1'"},
      {"apiVersion: v2\nkind: Pod", R"(no kind "Pod" is registered for version "v2")"},
      {"apiVersion: apps/v1\nkind: Pod", R"(no kind "Pod" is registered for version "apps/v1")"},
      {"apiVersion: v1\nkind: Pod\nspec: {hostname: 1}", "json: cannot unmarshal number into Go struct field PodSpec.spec.hostname of type string"},
      {"apiVersion: v1\nkind: Pod\nfoo: 1\nspec: {bar: 1}", R"(strict decoding error: unknown field "foo", unknown field "spec.bar")"},
      {"apiVersion: v1\nkind: Pod\nkind: Pod\nfoo: 1", "strict decoding error: yaml: unmarshal errors:\n  line 3: key \"kind\" already set in map, unknown field \"foo\""},
  };
  for (const auto& it : cases) {
    Arena arena;
    const ConfigKind* found = nullptr;
    auto tree = read_config(it.text, kKinds, arena, &found);
    EXPECT_EQ(tree ? found->kind : std::string_view(tree.error().message()), it.want);
  }
}

}  // namespace
}  // namespace sampan::schema
