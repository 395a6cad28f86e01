// Folders of local volumes: made, and removed with whatever pods left in them, without a step outside.
#include "kubelet/volumes/local_folders.h"

#include "client/local_path.h"
#include "kubelet/testing.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/folder_for_test.h"

namespace sampan::kubelet {
namespace {

class LocalFolders : public ::testing::Test {
 protected:
  LocalFolders() { paths.root = folder / "kubelet"; }
  Result<void> ensure(std::string_view name, const std::string& path, std::string_view by = client::kLocalPathProvisioner) {
    auto volume = object_of(core_v1::PersistentVolume::schema_type(),
                            concat("{metadata: {name: ", sampan::quoted(name), ", annotations: {pv.kubernetes.io/provisioned-by: ", by, "}}, spec: {local: {path: ", sampan::quoted(path), "}}}"));
    return ensure_local_folder(paths, volume->as<core_v1::PersistentVolume>());
  }
  void run(const std::string& command) { ASSERT_EQ(::system(command.c_str()), 0) << command; }

  FolderForTest folder;
  Paths paths;
};

TEST_F(LocalFolders, AreMadeForAnybody) {
  auto path = folder / "state/volumes/pvc-1";
  for (int i = 0; i < 2; i++) {
    ASSERT_TRUE(ensure("pvc-1", path));
    EXPECT_EQ(mode_of(path), "0777 0:0");
  }
  EXPECT_TRUE(ensure("pvc-3", folder / "pvc-3", "somebody-else"));
  EXPECT_FALSE(exists(folder / "pvc-3"));
}

TEST_F(LocalFolders, AreOnlyThoseOfTheVolumesName) {
  for (auto [name, path] : {std::pair("pvc-2", "/etc"), std::pair("..", "/a/.."), std::pair("a/b", "/x/a/b"), std::pair("pvc-2", "pvc-2"), std::pair(".x", "/a/.x")}) {
    EXPECT_FALSE(ensure(name, path)) << name;
    EXPECT_EQ(remove_local_folder(paths, name).has_value(), std::string_view(name) == "pvc-2") << name;
  }
}

TEST_F(LocalFolders, GoWithAllThatIsInThem) {
  auto root = folder / "volumes", path = root + "/pvc-1";
  ASSERT_TRUE(ensure("pvc-1", path) && ensure("pvc-2", root + "/pvc-2"));
  run(concat("mkdir -p ", path, "/a/b/c ", path, "/..deep.0/x ", folder / "outside", " ", root, "/unknown && touch ", folder / "outside/file ", path, "/a/b/c/file && ln -s ",
             folder / "outside ", path, "/a/link && mkfifo ", path, "/pipe"));
  auto held = open_folder(path);
  std::string deep;
  for (int i = 0; i < 200; i++) deep += "/deep";
  ASSERT_TRUE(make_folders_beneath(held.get(), deep, 0700));
  held = Descriptor();
  auto removed = remove_local_folder(paths, "pvc-1");
  EXPECT_TRUE(removed) << removed.error().message();
  EXPECT_FALSE(exists(path));
  EXPECT_TRUE(exists(root + "/pvc-2"));
  EXPECT_TRUE(exists(folder / "outside/file"));
  EXPECT_TRUE(remove_local_folder(paths, "pvc-1")) << "twice is as good as once";
  EXPECT_TRUE(remove_local_folder(paths, "unknown"));
  EXPECT_TRUE(exists(root + "/unknown")) << "no pod used it as a volume";
}

TEST_F(LocalFolders, StayWhileTheyAreMounted) {
  auto path = folder / "volumes/pvc-1", pod = folder / "pod";
  ASSERT_TRUE(ensure("pvc-1", path) && make_folders(path + "/part") && make_folders(pod));
  for (auto& part : {path, path + "/part"}) {
    ASSERT_TRUE(bind_mount(part, pod, false));
    auto removed = remove_local_folder(paths, "pvc-1");
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().message(), "volume pvc-1 is still mounted in a pod");
    ASSERT_TRUE(unmount_all(pod));
  }
  // A file system inside is somebody's: left alone.
  ASSERT_TRUE(mount_file_system("tmpfs", path + "/part", "tmpfs", "size=64k"));
  ASSERT_TRUE(write_file(path + "/part/file", "data"));
  EXPECT_FALSE(remove_local_folder(paths, "pvc-1"));
  EXPECT_EQ(content_of(path + "/part/file"), "data");
  ASSERT_TRUE(unmount_all(path));
  EXPECT_TRUE(remove_local_folder(paths, "pvc-1"));
  EXPECT_FALSE(exists(path));
}

}  // namespace
}  // namespace sampan::kubelet
