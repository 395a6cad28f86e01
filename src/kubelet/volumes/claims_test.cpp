#include "kubelet/volumes/claims.h"

#include <sys/mount.h>

#include "kubelet/cluster_for_test.h"
#include "kubelet/volumes/beneath.h"
#include "kubelet/volumes/command.h"
#include "kubelet/volumes/folder_for_test.h"
#include "kubelet/volumes/local_folders.h"
#include "kubelet/volumes/set_up.h"
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {
namespace {

class ClaimsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options.paths.root = folder / "kubelet";
    options.node_name = "node-1";
    node("{zone: a}");
    claim("bound", "phase: Bound", "volumeName: pv");
    restart();
  }
  void restart() { volumes = make_volumes(cluster, options); }
  void node(std::string_view labels) { cluster.put("nodes", core_v1::Node::schema_type(), concat("{metadata: {name: node-1, labels: ", labels, "}}")); }
  void claim(std::string_view name, std::string_view status, std::string_view spec, std::string_view meta = "") {
    cluster.put("persistentvolumeclaims", core_v1::PersistentVolumeClaim::schema_type(),
                concat("{metadata: {name: ", name, ", namespace: default, uid: claim-uid", meta, "}, spec: {", spec, "}, status: {", status, "}}"));
  }
  void volume(std::string_view spec, std::string_view annotations = "{}", std::string_view reference = "claimRef: {name: bound, namespace: default, uid: claim-uid}") {
    cluster.put("persistentvolumes", core_v1::PersistentVolume::schema_type(),
                concat("{metadata: {name: pv, annotations: ", annotations, "}, spec: {", reference, reference.empty() ? "" : ", ", spec, "}}"));
  }
  static schema::ObjectRef pod(std::string_view uid, std::string_view source = "persistentVolumeClaim: {claimName: bound}", std::string_view more = "",
                               std::string_view use = "volumeMounts: [{name: v, mountPath: /v}]") {
    return object_of(core_v1::Pod::schema_type(), concat("{metadata: {name: p, namespace: default, uid: ", uid, "}, spec: {containers: [{name: c, ", use, "}], volumes: [{name: v, ", source, "}]", more, "}}"));
  }
  std::string mounted(const schema::ObjectRef& pod) {
    auto outcome = volumes->mount(pod->as<core_v1::Pod>());
    if (!outcome.errors.empty()) return outcome.errors[0].message;
    auto& made = outcome.volumes.at("v");
    return made.block_device.empty() ? made.host_path : made.block_device;
  }
  std::string in_pod(std::string_view uid) { return options.paths.volume(uid, "kubernetes.io/local-volume", "pv"); }

  FolderForTest folder;
  ClusterForTest cluster;
  VolumesOptions options;
  std::unique_ptr<Volumes> volumes;
};

TEST_F(ClaimsTest, WhatKeepsAClaimFromBeingUsed) {
  constexpr std::string_view unable = "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: ";
  claim("pending", "phase: Pending", "");
  claim("going", "phase: Bound", "volumeName: pv", ", deletionTimestamp: \"2026-01-01T00:00:00Z\"");
  claim("nowhere", "phase: Bound", "volumeName: other");
  claim("p-v", "phase: Bound", "volumeName: pv");
  struct Case {
    std::string_view source, error;
  };
  volume("hostPath: {path: /dev}", "{}", "");
  for (auto& c : std::vector<Case>{
           {"persistentVolumeClaim: {claimName: none}", "error processing PVC default/none: failed to fetch PVC from API server: persistentvolumeclaims \"none\" not found"},
           {"persistentVolumeClaim: {claimName: pending}", "error processing PVC default/pending: PVC is not bound"},
           {"persistentVolumeClaim: {claimName: going}", "error processing PVC default/going: PVC is being deleted"},
           {"persistentVolumeClaim: {claimName: nowhere}", "error processing PVC default/nowhere: failed to fetch PV other from API server: persistentvolumes \"other\" not found"},
           {"persistentVolumeClaim: {claimName: bound}",
            "error processing PVC default/bound: found PV object pv but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim"},
           {"ephemeral: {volumeClaimTemplate: {spec: {}}}", "PVC default/p-v was not created for pod default/p (pod is not owner)"},
           {"cephfs: {monitors: [m]}", "failed to get Plugin from volumeSpec for volume \"v\" err=no volume plugin matched"}})
    EXPECT_EQ(mounted(pod("u", c.source)), concat(unable, c.error));
  volume("hostPath: {path: /dev}", "{}", "claimRef: {uid: other}");
  EXPECT_EQ(mounted(pod("u")), concat(unable, "error processing PVC default/bound: found PV object pv but its pv.Spec.ClaimRef.UID other does not point to claim.UID claim-uid"));
}

TEST_F(ClaimsTest, VolumesAreHeldAgainstTheNodeAndTheirUse) {
  constexpr std::string_view affinity = "nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [";
  for (auto& c : std::vector<std::pair<std::string, std::string>>{
           {concat("hostPath: {path: /dev}, ", affinity, "b]}]}]}}"), "MountVolume.NodeAffinity check failed for volume \"pv\" : no matching NodeSelectorTerms"},
           {concat("hostPath: {path: /dev}, ", affinity, "b, a]}]}]}}"), "/dev"},
           {"hostPath: {path: /dev, type: File}", "MountVolume.SetUp failed for volume \"pv\" : hostPath type check failed: /dev is not a file"},
           {"local: {path: /none}", "MountVolume.NewMounter initialization failed for volume \"pv\" : path \"/none\" does not exist"},
           {"local: {path: /dev/null}", "MountVolume.NewMounter initialization failed for volume \"pv\" : only directory and block device are supported"},
           {"local: {path: /a/../b}", "MountVolume.SetUp failed for volume \"pv\" : invalid path: /a/../b must not contain '..'"},
           {"csi: {driver: d, volumeHandle: h}",
            "MountVolume.MountDevice failed for volume \"pv\" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name d not found in the list of registered CSI drivers"},
           {"local: {path: /dev/null}, volumeMode: Block",
            "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: volume v has volumeMode Block, but is specified in volumeMounts"}}) {
    SCOPED_TRACE(c.first);
    restart();
    volume(c.first);
    EXPECT_EQ(mounted(pod("u")), c.second);
  }
  restart();
  auto device = pod("u", "persistentVolumeClaim: {claimName: bound}", "", "volumeDevices: [{name: v, devicePath: /dev/x}]");
  volume("local: {path: /dev/null}, volumeMode: Block");
  EXPECT_EQ(mounted(device), "MapVolume.SetUpDevice failed for volume \"pv\" : /dev/null is not a block device");
}

TEST_F(ClaimsTest, ALocalFolderIsSharedByPodsAndOutlivesThem) {
  ASSERT_TRUE(make_folders(folder / "disk"));
  ASSERT_TRUE(write_file(folder / "disk/file", "data"));
  volume(concat("local: {path: ", folder / "disk", "}"));
  auto first = pod("u1", "persistentVolumeClaim: {claimName: bound}", ", securityContext: {fsGroup: 1234}");
  auto second = pod("u2", "persistentVolumeClaim: {claimName: bound, readOnly: true}", ", securityContext: {fsGroup: 99}");
  EXPECT_EQ(mounted(first), in_pod("u1"));
  EXPECT_EQ(content_of(in_pod("u1") + "/file"), "data");
  EXPECT_EQ(mode_of(folder / "disk/file"), "0664 0:1234");
  EXPECT_EQ(mode_of(folder / "disk"), "2775 0:1234");
  restart();
  EXPECT_EQ(mounted(first), in_pod("u1")) << "found again";
  EXPECT_EQ(mounted(second), in_pod("u2"));
  EXPECT_EQ(mode_of(folder / "disk/file"), "0664 0:1234") << "another pod uses it";
  EXPECT_FALSE(write_file(in_pod("u2") + "/new", "")) << "read-only";
  EXPECT_TRUE(write_file(in_pod("u1") + "/new", ""));
  auto usage = volumes->usage(first->as<core_v1::Pod>(), "v");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->claim_name, "bound");
  EXPECT_GT(usage->capacity_bytes, 0u);
  ASSERT_TRUE(volumes->unmount("u1"));
  volumes->clean_up({});
  EXPECT_FALSE(exists(options.paths.volumes("u1")) || exists(options.paths.volumes("u2")));
  EXPECT_EQ(content_of(folder / "disk/file"), "data");
}

TEST_F(ClaimsTest, OncePerPodIsOncePerPod) {
  ASSERT_TRUE(make_folders(folder / "disk"));
  volume(concat("accessModes: [ReadWriteOncePod], local: {path: ", folder / "disk", "}"));
  EXPECT_EQ(mounted(pod("u1")), in_pod("u1"));
  EXPECT_EQ(mounted(pod("u2")), "MountVolume.SetUp failed for volume \"pv\" : volume uses the ReadWriteOncePod access mode and is already in use by another pod");
  ASSERT_TRUE(volumes->unmount("u1"));
  EXPECT_EQ(mounted(pod("u2")), in_pod("u2"));
}

TEST_F(ClaimsTest, AnEphemeralClaimBelongsToThePod) {
  ASSERT_TRUE(make_folders(folder / "disk"));
  claim("p-v", "phase: Bound", "volumeName: pv", ", ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: u, controller: true}]");
  volume(concat("local: {path: ", folder / "disk", "}"));
  EXPECT_EQ(mounted(pod("u", "ephemeral: {volumeClaimTemplate: {spec: {}}}")), in_pod("u"));
}

TEST_F(ClaimsTest, FoldersOfTheProvisionerAreMadeAndReclaimed) {
  auto root = folder / "volumes", path = root + "/pv";
  volume(concat("local: {path: ", path, "}"), "{pv.kubernetes.io/provisioned-by: sampan.io/local-path}");
  ASSERT_EQ(mounted(pod("u")), in_pod("u"));
  EXPECT_EQ(mode_of(path), "0777 0:0");
  ASSERT_TRUE(write_file(path + "/data", "x"));
  EXPECT_FALSE(remove_local_folder(options.paths, "pv")) << "in use";
  ASSERT_TRUE(volumes->unmount("u"));
  EXPECT_EQ(content_of(path + "/data"), "x");
  EXPECT_TRUE(remove_local_folder(options.paths, "pv"));
  EXPECT_TRUE(exists(root) && !exists(path));
}

TEST_F(ClaimsTest, OnlyAFolderOfTheVolumesNameIsTheProvisioners) {
  volume("local: {path: /etc}", "{pv.kubernetes.io/provisioned-by: sampan.io/local-path}");
  EXPECT_EQ(mounted(pod("u")), "MountVolume.SetUp failed for volume \"pv\" : invalid path: /etc is no folder of volume pv");
}

TEST(CommandTest, SaysHowTheProgramEnded) {
  struct Case {
    std::vector<std::string> words;
    int code;
    std::string_view output;
  };
  for (auto& c : std::vector<Case>{{{"sh", "-c", "echo out; echo err >&2; exit 3"}, 3, "out\nerr\n"},
                                   {{"sh", "-c", "kill -9 $$"}, 137, ""},
                                   {{"no-such-program"}, 127, "exec: \"no-such-program\": executable file not found in $PATH"}}) {
    auto result = run_command(c.words);
    EXPECT_EQ(result.exit_code, c.code);
    EXPECT_EQ(result.output, c.output);
  }
}

TEST(BeneathTest, TreesOfAnyDepthAreRemovedAndMountsAreNot) {
  FolderForTest folder;
  auto root = open_folder(folder.path);
  std::string deep = "tree";
  for (int i = 0; i < 300; i++) deep += "/d";
  ASSERT_TRUE(make_folders_beneath(root.get(), deep, 0700));
  ASSERT_TRUE(make_folders(folder / "outside"));
  ASSERT_TRUE(write_file(folder / "outside/file", "data"));
  ASSERT_EQ(::symlink((folder / "outside").c_str(), (folder / "tree/link").c_str()), 0);
  ASSERT_TRUE(make_folders(folder / "tree/mounted"));
  ASSERT_TRUE(bind_mount(folder / "outside", folder / "tree/mounted", false));
  auto removed = remove_beneath(root.get(), "tree");
  ASSERT_FALSE(removed);
  EXPECT_EQ(content_of(folder / "outside/file"), "data");
  ASSERT_TRUE(unmount_all(folder / "tree"));
  EXPECT_TRUE(remove_beneath(root.get(), "tree"));
  EXPECT_EQ(names_in(folder.path).value(), std::vector<std::string>{"outside"});
  EXPECT_EQ(content_of(folder / "outside/file"), "data");
  EXPECT_FALSE(make_folders_beneath(root.get(), "../x", 0700));
}

TEST(MountTableTest, ReadsWhatTheKernelWrites) {
  auto table = parse_mount_table(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
      "40 35 0:5 / /with\\040space\\134 rw shared:1 master:2 - tmpfs tmpfs rw\nnonsense\n");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[0].path, "/mnt2");
  EXPECT_EQ(table[0].root, "/mnt1");
  EXPECT_EQ(table[0].device, "98:0");
  EXPECT_EQ(table[0].type, "ext3");
  EXPECT_EQ(table[1].path, "/with space\\");
  EXPECT_EQ(table[1].type, "tmpfs");
  EXPECT_TRUE(is_at_or_below("/a/b", "/a") && is_at_or_below("/a", "/a"));
  EXPECT_FALSE(is_at_or_below("/ab", "/a"));
}

}  // namespace
}  // namespace sampan::kubelet
