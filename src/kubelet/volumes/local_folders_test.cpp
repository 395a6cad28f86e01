// Folders of local volumes: made, and removed with whatever pods left in them, without a step outside.
#include "kubelet/volumes/local_folders.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "client/local_path.h"
#include "schema/conform.h"

namespace sampan::kubelet {
namespace {

schema::ObjectRef volume(std::string_view name, std::string_view path) {
  Arena arena;
  schema::Value tree = schema::Value::object(arena);
  schema::Value metadata = tree.ensure_object("metadata");
  metadata.set("name", name);
  metadata.ensure_object("annotations").set("pv.kubernetes.io/provisioned-by", client::kLocalPathProvisioner);
  tree.ensure_object("spec").ensure_object("local").set("path", path);
  return *schema::freeze(tree, *schema::builtin_kind("", "v1", "PersistentVolume"));
}

class LocalFolders : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/sampan-local-XXXXXX";
    base_ = mkdtemp(pattern);
    root_ = base_ + "/state/volumes";
  }
  void TearDown() override { ASSERT_EQ(system(concat("rm -rf ", base_).c_str()), 0); }
  bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }
  void run(const std::string& command) { ASSERT_EQ(system(command.c_str()), 0) << command; }

  std::string base_, root_;
};

TEST_F(LocalFolders, AreMadeForAnybody) {
  auto path = root_ + "/pvc-1";
  ASSERT_TRUE(ensure_local_folder(*volume("pvc-1", path), root_).has_value());
  struct stat about {};
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0777u);
  EXPECT_TRUE(ensure_local_folder(*volume("pvc-1", path), root_).has_value());
  EXPECT_FALSE(ensure_local_folder(*volume("pvc-2", "/etc"), root_).has_value());
  EXPECT_FALSE(ensure_local_folder(*volume("..", root_ + "/.."), root_).has_value());
}

TEST_F(LocalFolders, GoWithAllThatIsInThem) {
  run(concat("mkdir -p ", root_, "/pvc-1/a/b/c ", root_, "/pvc-1/a/.removing-0/x ", root_, "/pvc-2 ", base_, "/outside && touch ", base_,
             "/outside/file ", root_, "/pvc-1/a/b/c/file && ln -s ", base_, "/outside ", root_, "/pvc-1/a/link && mkfifo ", root_, "/pvc-1/pipe"));
  std::string deep = root_ + "/pvc-1";
  for (int i = 0; i < 100; i++) deep += "/deep", mkdir(deep.c_str(), 0700);
  auto removed = remove_local_folder(root_, "pvc-1");
  EXPECT_TRUE(removed.has_value()) << removed.error().message();
  EXPECT_FALSE(exists(root_ + "/pvc-1"));
  EXPECT_TRUE(exists(root_ + "/pvc-2"));
  EXPECT_TRUE(exists(base_ + "/outside/file"));
  EXPECT_TRUE(remove_local_folder(root_, "pvc-1").has_value());
}

TEST_F(LocalFolders, NothingOutsideCanBeNamed) {
  run(concat("mkdir -p ", root_, " ", base_, "/outside/sub && ln -s ", base_, "/outside ", root_, "/link"));
  for (auto name : {"", ".", "..", "../outside", "link/sub", "/tmp"}) EXPECT_FALSE(remove_local_folder(root_, name).has_value()) << name;
  EXPECT_FALSE(remove_local_folder(root_, "link").has_value());
  EXPECT_TRUE(exists(base_ + "/outside/sub"));
}

}  // namespace
}  // namespace sampan::kubelet
