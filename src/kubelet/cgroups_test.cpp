// The folders of a pod's cgroups, in folders that stand for mounted hierarchies.
#include "kubelet/cgroups.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/text.h"

namespace sampan::kubelet {
namespace {

namespace fs = std::filesystem;

TEST(Cgroups, APodLeavesNoFolderInAnyHierarchy) {
  struct Case {
    std::string_view name;
    std::vector<std::string_view> hierarchies;
    std::string_view mark;  // a file of the mount
  } cases[] = {
      {"version 1", {"/cpu", "/memory", "/devices", "/systemd"}, ""},
      {"both", {"/cpu", "/memory", "/unified"}, ""},  // what runtimes make there, nobody else takes away
      {"version 2", {""}, "cgroup.controllers"},
  };
  for (const auto& c : cases) {
    char folder[] = "/tmp/sampan-cgroups-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    std::string mount = folder;
    if (!c.mark.empty()) std::ofstream(concat(mount, "/", c.mark)) << "cpu memory\n";
    auto pod = [&](std::string_view hierarchy, std::string_view uid) { return concat(mount, hierarchy, "/kubepods/besteffort/pod", uid); };
    for (auto hierarchy : c.hierarchies)
      for (auto uid : {"a", "b"}) fs::create_directories(concat(pod(hierarchy, uid), "/container"));
    Cgroups cgroups(mount, "");
    EXPECT_EQ(cgroups.pods(), (std::vector<std::string>{"a", "b"})) << c.name;
    EXPECT_TRUE(cgroups.remove("/kubepods/besteffort/poda")) << c.name;
    EXPECT_EQ(cgroups.pods(), std::vector<std::string>{"b"}) << c.name;
    for (auto hierarchy : c.hierarchies) {
      EXPECT_FALSE(fs::exists(pod(hierarchy, "a"))) << c.name << hierarchy;
      EXPECT_TRUE(fs::exists(pod(hierarchy, "b"))) << c.name << hierarchy;
    }
    fs::remove_all(mount);
  }
}

}  // namespace
}  // namespace sampan::kubelet
