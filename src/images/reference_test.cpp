#include "images/reference.h"

#include <gtest/gtest.h>

#include "images/platform.h"

namespace sampan::images {
namespace {

TEST(Reference, canonical_names) {
  std::string digest = "sha256:" + std::string(64, 'a');
  struct {
    std::string name, canonical;  // "": refused
  } cases[] = {
      {"busybox", "docker.io/library/busybox:latest"},
      {"busybox:1.35", "docker.io/library/busybox:1.35"},
      {"team/app", "docker.io/team/app:latest"},
      {"docker.io/busybox", "docker.io/library/busybox:latest"},
      {"index.docker.io/team/app:1", "docker.io/team/app:1"},
      {"localhost/app:1", "localhost/app:1"},
      {"localhost:5000/team/app", "localhost:5000/team/app:latest"},
      {"registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"},
      {"app@" + digest, "docker.io/library/app@" + digest},
      {"app:1@" + digest, "docker.io/library/app:1@" + digest},
      {"", ""},
      {":v1", ""},
      {"app:", ""},
      {"App", ""},
      {"../x", ""},
      {"a//b", ""},
      {"-a", ""},
      {"a b", ""},
      {"a@sha256:12", ""},
      {std::string("a\0b", 3), ""},
  };
  for (const auto& one : cases) {
    auto canonical = canonical_name(one.name);
    EXPECT_EQ(canonical ? *canonical : "", one.canonical) << one.name;
  }
  EXPECT_EQ(parse_reference("App").error().message(), "invalid reference format: repository name (library/App) must be lowercase");
}

TEST(Platform, ranks) {
  struct {
    Platform platform;
    int amd64, arm64;
  } cases[] = {
      {{"linux", "amd64", ""}, 0, -1},    {{"linux", "amd64", "v1"}, 0, -1}, {{"linux", "amd64", "v3"}, -1, -1}, {{"Linux", "x86_64", ""}, 0, -1},
      {{"linux", "386", ""}, 1, -1},      {{"linux", "arm64", ""}, -1, 0},   {{"linux", "arm64", "v8"}, -1, 0},  {{"linux", "aarch64", ""}, -1, 0},
      {{"linux", "arm", "v7"}, -1, 2},    {{"linux", "arm", "6"}, -1, 3},    {{"linux", "arm", ""}, -1, 2},      {{"windows", "amd64", ""}, -1, -1},
      {{"unknown", "unknown", ""}, -1, -1},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(rank_of(one.platform, "amd64"), one.amd64) << text_of(one.platform);
    EXPECT_EQ(rank_of(one.platform, "arm64"), one.arm64) << text_of(one.platform);
  }
}

}  // namespace
}  // namespace sampan::images
