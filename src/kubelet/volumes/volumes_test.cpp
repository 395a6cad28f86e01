#include "kubelet/volumes/volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/un.h>

#include "kubelet/cluster_for_test.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/folder_for_test.h"

namespace sampan::kubelet {
namespace {

// A cluster whose tokens live as long as the test says.
class TestCluster : public ClusterForTest {
 public:
  int64_t life = 3600;
  std::string broken;
  int asked = 0;
  Result<ServiceAccountToken> service_account_token(const TokenRequest& request) override {
    if (!broken.empty()) return fail(failure(broken));
    return ServiceAccountToken{concat("token ", ++asked, " of ", request.service_account, " for ", request.audience), ::time(nullptr) + life};
  }
};

class VolumesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options.paths.root = folder / "kubelet";
    options.node_name = "n";
    options.allocatable = [] { return std::pair(std::string("2"), std::string("1Gi")); };
    restart();
  }
  void restart() { volumes = make_volumes(cluster, options); }
  void config_map(std::string_view name, std::string_view rest) {
    cluster.put("configmaps", core_v1::ConfigMap::schema_type(), concat("{metadata: {name: ", name, ", namespace: default}, ", rest, "}"));
  }
  void secret(std::string_view name, std::string_view rest) {
    cluster.put("secrets", core_v1::Secret::schema_type(), concat("{metadata: {name: ", name, ", namespace: default}, ", rest, "}"));
  }
  // `source` is that of the volume v, which the container has.
  static schema::ObjectRef pod(std::string_view source, std::string_view more = "") {
    return pod_with(concat("{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}], serviceAccountName: robot, volumes: [{name: v, ", source, "}]", more, "}"));
  }
  MountOutcome mount(const schema::ObjectRef& pod) { return volumes->mount(pod->as<core_v1::Pod>()); }
  // Its path, or what is wrong.
  std::string mounted(const schema::ObjectRef& pod) {
    auto outcome = mount(pod);
    if (!outcome.errors.empty()) return outcome.errors[0].message;
    auto at = outcome.volumes.find("v");
    return at == outcome.volumes.end() ? "none" : at->second.host_path;
  }
  std::string in_pod(std::string_view rest) { return concat(options.paths.volumes("u"), "/", rest); }

  FolderForTest folder;
  TestCluster cluster;
  VolumesOptions options;
  std::unique_ptr<Volumes> volumes;
};

TEST_F(VolumesTest, EmptyDirOnDiskKeepsWhatWasChangedInIt) {
  auto p = pod("emptyDir: {}", ", securityContext: {fsGroup: 1234}");
  auto path = mounted(p);
  EXPECT_EQ(path, in_pod("kubernetes.io~empty-dir/v"));
  EXPECT_EQ(mode_of(path), "2777 0:1234");
  ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
  ASSERT_TRUE(write_file(path + "/data", "hello"));
  restart();
  EXPECT_EQ(mounted(p), path);
  EXPECT_EQ(mode_of(path), "0700 0:1234");
  EXPECT_EQ(content_of(path + "/data"), "hello");
  auto usage = volumes->usage(p->as<core_v1::Pod>(), "v");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->inodes_used, 2u);
  EXPECT_GT(usage->used_bytes, 0u);
  EXPECT_GT(usage->capacity_bytes, usage->used_bytes);
  ASSERT_TRUE(volumes->unmount("u"));
  EXPECT_FALSE(exists(options.paths.volumes("u")));
  EXPECT_FALSE(exists(options.paths.pod("u") + "/plugins"));
}

TEST_F(VolumesTest, EmptyDirInMemoryHasItsSize) {
  struct Case {
    std::string_view name, source, more;
    uint64_t bytes;
  };
  for (auto& c : std::vector<Case>{{"its own limit", "emptyDir: {medium: Memory, sizeLimit: 8Mi}", "", 8 << 20},
                                   {"what the node can give", "emptyDir: {medium: Memory}", "", 1 << 30},
                                   {"a limit above that", "emptyDir: {medium: Memory, sizeLimit: 8Gi}", "", 1 << 30},
                                   {"the pod's limit", "emptyDir: {medium: Memory}", ", resources: {limits: {memory: 64Mi}}", 64 << 20}}) {
    SCOPED_TRACE(c.name);
    auto path = mounted(pod(c.source, c.more));
    struct statfs info = {};
    ASSERT_EQ(::statfs(path.c_str(), &info), 0) << path;
    EXPECT_EQ(info.f_type, 0x01021994);
    EXPECT_EQ(info.f_blocks * static_cast<uint64_t>(info.f_bsize), c.bytes);
    EXPECT_EQ(mode_of(path), "1777 0:0");
    ASSERT_TRUE(volumes->unmount("u"));
    EXPECT_FALSE(exists(path));
  }
}

TEST_F(VolumesTest, AnInterruptedSetUpIsFinished) {
  // The agent died between the mount and the mark.
  auto path = in_pod("kubernetes.io~empty-dir/v");
  ASSERT_TRUE(make_folders(path, 0700));
  ASSERT_TRUE(mount_file_system("tmpfs", path, "tmpfs", "size=1m"));
  EXPECT_EQ(mounted(pod("emptyDir: {medium: Memory}", ", securityContext: {fsGroup: 1234}")), path);
  EXPECT_EQ(mode_of(path), "3777 0:1234");
  auto table = mount_table();
  ASSERT_TRUE(table);
  EXPECT_EQ(std::ranges::count(*table, path, &MountPoint::path), 1);
}

TEST_F(VolumesTest, HostPathsAreWhatTheyMustBe) {
  ASSERT_TRUE(make_folders(folder / "host/folder"));
  ASSERT_TRUE(write_file(folder / "host/file", "x"));
  Descriptor server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = {}};
  auto socket_path = folder / "host/socket";
  ASSERT_LT(socket_path.size(), sizeof address.sun_path);
  std::ranges::copy(socket_path, address.sun_path);
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  struct Case {
    std::string_view path, type, error;
  };
  for (auto& c : std::vector<Case>{{"missing", "", ""},
                                   {"folder", "Directory", ""},
                                   {"file", "Directory", "hostPath type check failed: PATH is not a directory"},
                                   {"missing", "Directory", "hostPath type check failed: PATH is not a directory"},
                                   {"made/deep", "DirectoryOrCreate", ""},
                                   {"file", "DirectoryOrCreate", "hostPath type check failed: PATH is not a directory"},
                                   {"file", "File", ""},
                                   {"folder", "File", "hostPath type check failed: PATH is not a file"},
                                   {"made-file", "FileOrCreate", ""},
                                   {"no-folder/file", "FileOrCreate", "open PATH: no such file or directory"},
                                   {"socket", "Socket", ""},
                                   {"file", "Socket", "hostPath type check failed: PATH is not a socket file"},
                                   {"file", "CharDevice", "hostPath type check failed: PATH is not a character device"},
                                   {"file", "BlockDevice", "hostPath type check failed: PATH is not a block device"},
                                   {"a/../b", "", "invalid HostPath `PATH`: must not contain '..'"},
                                   {"file", "Pipe", "Pipe is an invalid volume type"}}) {
    SCOPED_TRACE(concat(c.path, " ", c.type));
    restart();
    auto path = folder / concat("host/", c.path);
    auto error = std::string(c.error);
    if (auto at = error.find("PATH"); at != std::string::npos) error.replace(at, 4, path);
    auto wanted = error.empty() ? path : concat("MountVolume.SetUp failed for volume \"v\" : ", error);
    EXPECT_EQ(mounted(pod(concat("hostPath: {path: ", path, ", type: \"", c.type, "\"}"))), wanted);
  }
  EXPECT_EQ(mode_of(folder / "host/made/deep"), "0755 0:0");
  EXPECT_EQ(mode_of(folder / "host/made-file"), "0644 0:0");
}

TEST_F(VolumesTest, ConfigMapsAreFilesThatChangeAllAtOnce) {
  config_map("m", "data: {a: one, b: two}, binaryData: {c: AAE=}");
  auto p = pod("configMap: {name: m, defaultMode: 420}");
  auto path = mounted(p);
  EXPECT_EQ(path, in_pod("kubernetes.io~configmap/v"));
  EXPECT_EQ(content_of(path + "/a"), "one");
  EXPECT_EQ(content_of(path + "/c"), std::string("\0\1", 2));
  EXPECT_EQ(mode_of(path + "/..data/a"), "0644 0:0");
  EXPECT_TRUE(mount(p).volumes["v"].read_only);

  auto before = names_in(path).value();
  EXPECT_EQ(volumes->refresh(p->as<core_v1::Pod>()), std::nullopt);
  EXPECT_EQ(names_in(path).value(), before) << "nothing new is nothing to write";

  config_map("m", "data: {a: three, d: four}");
  // An update that was interrupted left these.
  ASSERT_TRUE(make_folders(path + "/..2020_01_01_00_00_00.1"));
  ASSERT_EQ(::symlink("..2020_01_01_00_00_00.1", (path + "/..data_tmp").c_str()), 0);
  (void)volumes->refresh(p->as<core_v1::Pod>());
  EXPECT_EQ(content_of(path + "/a"), "three");
  EXPECT_EQ(content_of(path + "/d"), "four");
  EXPECT_FALSE(exists(path + "/b"));
  EXPECT_FALSE(exists(path + "/..data_tmp"));
  EXPECT_EQ(names_in(path)->size(), 4u) << "a, d, ..data and what that points to";
  ASSERT_TRUE(volumes->unmount("u"));
  EXPECT_FALSE(exists(path));
}

TEST_F(VolumesTest, ItemsModesOptionsAndTheirErrors) {
  config_map("m", "data: {a: one, b: two}");
  secret("s", "data: {k: b25l}");
  struct Case {
    std::string_view source, path, want, mode;
  };
  for (auto& c : std::vector<Case>{
           {"configMap: {name: m, defaultMode: 384, items: [{key: a, path: x/y/z}]}", "x/y/z", "one", "0600 0:0"},
           {"configMap: {name: m, defaultMode: 384, items: [{key: a, path: z, mode: 292}]}", "..data/z", "one", "0444 0:0"},
           {"configMap: {name: m, defaultMode: 420, items: [{key: q, path: z}]}", "", "configmap references non-existent config key: q", ""},
           {"configMap: {name: m, defaultMode: 420, optional: true, items: [{key: q, path: z}, {key: a, path: w}]}", "..data/w", "one", "0644 0:0"},
           {"configMap: {name: none, defaultMode: 420}", "", "configmap \"none\" not found", ""},
           {"configMap: {name: none, defaultMode: 420, optional: true}", "..data", "", "0777 0:0"},
           {"configMap: {name: m, defaultMode: 420, items: [{key: a, path: ../x}]}", "", "invalid path: must not contain '..': ../x", ""},
           {"configMap: {name: m, defaultMode: 420, items: [{key: a, path: ..x}]}", "", "invalid path: must not start with '..': ..x", ""},
           {"configMap: {name: m}", "", "no defaultMode used, not even the default value for it", ""},
           {"secret: {secretName: s, defaultMode: 256}", "..data/k", "one", "0400 0:0"},
           {"secret: {secretName: s, defaultMode: 420, items: [{key: q, path: z}]}", "", "references non-existent secret key: q", ""},
           {"secret: {secretName: none, defaultMode: 420}", "", "secret \"none\" not found", ""},
           {"projected: {defaultMode: 420, sources: [{secret: {name: s}}, {configMap: {name: m, items: [{key: b, path: k2}]}}]}", "..data/k2", "two", "0644 0:0"},
           {"projected: {defaultMode: 420, sources: [{secret: {name: none}}, {configMap: {name: nix}}]}", "", "[secret \"none\" not found, configmap \"nix\" not found]", ""},
           {"downwardAPI: {defaultMode: 420, items: [{path: name, fieldRef: {fieldPath: metadata.name}}]}", "..data/name", "p", "0644 0:0"},
           {"downwardAPI: {defaultMode: 420, items: [{path: name, fieldRef: {fieldPath: spec.x}}]}", "", "unsupported fieldPath: spec.x", ""},
           {"downwardAPI: {defaultMode: 420, items: [{path: name, resourceFieldRef: {containerName: c, resource: limits.memory, divisor: 1Mi}}]}", "..data/name", "1024", "0644 0:0"},
           {"csi: {driver: d}", "", "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name d not found in the list of registered CSI drivers", ""}}) {
    SCOPED_TRACE(c.source);
    auto path = mounted(pod(c.source));
    if (c.path.empty()) {
      EXPECT_EQ(path, concat("MountVolume.SetUp failed for volume \"v\" : ", c.want));
    } else if (!c.want.empty()) {
      EXPECT_EQ(content_of(concat(path, "/", c.path)), c.want);
      EXPECT_EQ(mode_of(concat(path, "/..data/", c.path.starts_with("..data/") ? c.path.substr(7) : c.path)), c.mode);
    } else {
      EXPECT_TRUE(exists(concat(path, "/", c.path)));
    }
    ASSERT_TRUE(volumes->unmount("u"));
  }
}

TEST_F(VolumesTest, SecretsAreInMemoryAndBelongToTheGroup) {
  secret("s", "data: {k: b25l}");
  auto path = mounted(pod("secret: {secretName: s, defaultMode: 256}", ", securityContext: {fsGroup: 1234}"));
  struct statfs info = {};
  ASSERT_EQ(::statfs(path.c_str(), &info), 0) << path;
  EXPECT_EQ(info.f_type, 0x01021994);
  EXPECT_EQ(mode_of(path + "/..data/k"), "0440 0:1234");
  EXPECT_EQ(mode_of(path), "3777 0:1234") << "sticky, as the kernel makes folders in memory";
}

TEST_F(VolumesTest, TokensAreRenewedInTime) {
  auto source = "projected: {defaultMode: 420, sources: [{serviceAccountToken: {path: token, audience: me, expirationSeconds: 3600}}]}";
  auto p = pod(source);
  auto view = p->as<core_v1::Pod>();
  auto path = mounted(p);
  EXPECT_EQ(content_of(path + "/token"), "token 1 of robot for me");
  EXPECT_EQ(mode_of(path + "/..data/token"), "0644 0:0");
  auto next = volumes->refresh(view);
  ASSERT_TRUE(next);
  auto now = ::time(nullptr);
  EXPECT_NEAR(*next / 1'000'000, now + 2880, 5) << "80% of its life";
  EXPECT_EQ(cluster.asked, 1);

  restart();
  cluster.life = 600;  // older than 80%: of no use for long
  EXPECT_EQ(mounted(p), path);
  (void)volumes->refresh(view);
  EXPECT_EQ(content_of(path + "/token"), "token 2 of robot for me");
  cluster.broken = "server is away";
  next = volumes->refresh(view);
  EXPECT_EQ(content_of(path + "/token"), "token 2 of robot for me") << "valid, even if it should be renewed";
  ASSERT_TRUE(next);
  EXPECT_LT(*next / 1'000'000, now + 120);
  cluster.broken.clear();
  (void)volumes->refresh(view);
  EXPECT_EQ(content_of(path + "/token"), "token 3 of robot for me");

  ASSERT_TRUE(volumes->unmount("u"));
  cluster.broken = "no such account";
  EXPECT_EQ(mounted(p), "MountVolume.SetUp failed for volume \"v\" : failed to fetch token: no such account");
}

TEST_F(VolumesTest, TokensBelongToTheUserOfAllContainers) {
  auto path = mounted(pod("projected: {defaultMode: 420, sources: [{serviceAccountToken: {path: token}}]}", ", securityContext: {runAsUser: 77, fsGroup: 1234}"));
  EXPECT_EQ(mode_of(path + "/..data/token"), "0640 77:1234");
}

TEST_F(VolumesTest, TheDownwardApiFollowsThePod) {
  auto with = [&](std::string_view label) {
    return object_of(core_v1::Pod::schema_type(),
                     concat("{metadata: {name: p, namespace: default, uid: u, labels: {app: ", label, "}}, spec: {containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}]}], "
                            "volumes: [{name: v, downwardAPI: {defaultMode: 420, items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}]}}]}}"));
  };
  auto first = with("one"), second = with("two");
  auto path = mounted(first);
  EXPECT_EQ(content_of(path + "/labels"), "app=\"one\"");
  (void)volumes->refresh(second->as<core_v1::Pod>());
  EXPECT_EQ(content_of(path + "/labels"), "app=\"two\"");
}

TEST_F(VolumesTest, OnlyWhatContainersUseIsMade) {
  auto p = pod_with("{containers: [{name: c, volumeMounts: [{name: v, mountPath: /v}, {name: w, mountPath: /v/in/it}]}], volumes: [{name: unused, configMap: {name: none, defaultMode: 420}}, "
                    "{name: v, configMap: {name: m, defaultMode: 420}}, {name: w, emptyDir: {}}]}");
  config_map("m", "data: {a: one}");
  auto outcome = mount(p);
  EXPECT_TRUE(outcome.errors.empty());
  EXPECT_EQ(outcome.volumes.size(), 2u);
  EXPECT_TRUE(exists(outcome.volumes["v"].host_path + "/in/it")) << "for the runtime, which cannot make it in a read-only folder";
}

TEST_F(VolumesTest, WhatIsLeftBehindIsCleanedUp) {
  secret("s", "data: {k: b25l}");
  auto path = mounted(pod("secret: {secretName: s, defaultMode: 256}"));
  // As sub-paths are held: bind mounts of folders and files.
  auto held = options.paths.volume_sub_paths("u", "v", "c");
  ASSERT_TRUE(make_folders(held));
  ASSERT_TRUE(write_file(held + "/0", ""));
  ASSERT_TRUE(bind_mount(path + "/..data/k", held + "/0", false));
  // Something of somebody else is mounted in a folder of the pod's own: its data stays.
  ASSERT_TRUE(write_file(folder / "precious", "data"));
  restart();
  volumes->clean_up({"u"});
  EXPECT_TRUE(exists(path + "/k"));
  volumes->clean_up({"other"});
  EXPECT_FALSE(exists(options.paths.volumes("u")));
  EXPECT_FALSE(exists(options.paths.pod("u") + "/volume-subpaths"));
  EXPECT_EQ(content_of(folder / "precious"), "data");
  EXPECT_TRUE(volumes->unmount("u")) << "twice is as good as once";
  EXPECT_FALSE(volumes->unmount("../other"));
}

TEST_F(VolumesTest, WhatIsInUseStays) {
  auto path = mounted(pod("emptyDir: {medium: Memory}"));
  Descriptor used(::open((path + "/file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  auto gone = volumes->unmount("u");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().message(), concat("unmount ", path, ": device or resource busy"));
  EXPECT_TRUE(exists(path + "/file"));
  used = Descriptor();
  EXPECT_TRUE(volumes->unmount("u"));
}

}  // namespace
}  // namespace sampan::kubelet
