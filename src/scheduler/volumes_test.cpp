// Where pods with volumes go, and what is to be written for them.
#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

using testing::object_of;
using Kind = Lister::Kind;

constexpr std::string_view kSpec = "volumes: [{name: v, persistentVolumeClaim: {claimName: c}}]";

struct Volumes : testing::Cluster {
  explicit Volumes(std::string_view config = {}) : Cluster(config) {
    node("n1", "{topology.kubernetes.io/zone: a}");
    node("n2", "{topology.kubernetes.io/zone: b}");
    lister.put(Kind::StorageClass, object_of("storage.k8s.io/v1", "StorageClass",
                                             "{metadata: {name: late}, provisioner: p.example, volumeBindingMode: WaitForFirstConsumer}"));
    lister.put(Kind::StorageClass,
               object_of("storage.k8s.io/v1", "StorageClass", "{metadata: {name: now}, provisioner: p.example, volumeBindingMode: Immediate}"));
    lister.put(Kind::StorageClass, object_of("storage.k8s.io/v1", "StorageClass",
                                             "{metadata: {name: local}, provisioner: kubernetes.io/no-provisioner, volumeBindingMode: "
                                             "WaitForFirstConsumer}"));
  }
  void claim(std::string_view storage_class, std::string_view volume = {}, std::string_view annotations = "{}",
             std::string_view mode = "ReadWriteOnce") {
    lister.clear(Kind::PersistentVolumeClaim);
    lister.put(Kind::PersistentVolumeClaim,
               object_of("v1", "PersistentVolumeClaim",
                         concat("{metadata: {name: c, namespace: default, uid: uc, annotations: ", annotations, "}, spec: {storageClassName: ",
                                storage_class, ", accessModes: [", mode, "], resources: {requests: {storage: 1Gi}}",
                                volume.empty() ? "" : concat(", volumeName: ", volume), "}}"),
                         7));
  }
  void volume(std::string_view name, std::string_view node, std::string_view size = "1Gi", std::string_view labels = "{}",
              std::string_view more = {}) {
    lister.put(Kind::PersistentVolume,
               object_of("v1", "PersistentVolume",
                         concat("{metadata: {name: ", name, ", labels: ", labels, "}, spec: {storageClassName: local, capacity: {storage: ", size,
                                "}, accessModes: [ReadWriteOnce], hostPath: {path: /x}", more, node.empty() ? "" :
                                concat(", nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: "
                                       "In, values: [", node, "]}]}]}}"),
                                "}, status: {phase: Available}}"),
                         5));
  }
  std::string why() {
    auto message = decide(kSpec);
    auto from = message.find(": "), to = message.find(". no new claims");
    return from == std::string::npos || to == std::string::npos ? message : message.substr(from + 2, to - from - 2);
  }
};
constexpr std::string_view kBound = "{pv.kubernetes.io/bind-completed: 'yes'}";

TEST(Volumes, what_stands_against_a_pod) {
  Volumes cluster;
  EXPECT_EQ(cluster.why(), "persistentvolumeclaim \"c\" not found");
  cluster.claim("now");
  EXPECT_EQ(cluster.why(), "pod has unbound immediate PersistentVolumeClaims");
  cluster.claim("local");
  EXPECT_EQ(cluster.why(), "2 node(s) didn't find available persistent volumes to bind");
  cluster.claim("local", "gone", kBound);
  EXPECT_EQ(cluster.why(), "persistentvolume \"gone\" not found");  // VolumeZone asks before there is a node in question
  Volumes without_zones(R"(
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles: [{plugins: {multiPoint: {disabled: [{name: VolumeZone}]}}}]
)");
  without_zones.claim("local", "gone", kBound);
  EXPECT_EQ(without_zones.why(), "2 node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
}

TEST(Volumes, bound_ones_say_where) {
  Volumes cluster;
  cluster.volume("here", "n2");
  cluster.claim("local", "here", kBound);
  EXPECT_EQ(cluster.why(), "n2");
  Volumes zoned;
  zoned.volume("here", "", "1Gi", "{topology.kubernetes.io/zone: b__c}");
  zoned.claim("local", "here", kBound);
  EXPECT_EQ(zoned.why(), "n2");
  Volumes nowhere;
  nowhere.volume("here", "n3");
  nowhere.claim("local", "here", kBound);
  EXPECT_EQ(nowhere.why(), "2 node(s) didn't match PersistentVolume's node affinity");
}

TEST(Volumes, unbound_ones_are_matched_with_the_smallest_that_will_do) {
  Volumes cluster;
  cluster.claim("local");
  cluster.volume("small", "n1", "100Mi");
  EXPECT_EQ(cluster.why(), "2 node(s) didn't find available persistent volumes to bind");
  cluster.volume("big", "n2", "10Gi");
  cluster.volume("right", "n2", "2Gi");
  EXPECT_EQ(cluster.why(), "n2");
  // Held for this pod, the volume is no more there for another.
  auto pod = cluster.state.make_pod(testing::Cluster::pod_object("p", kSpec));
  Cycle cycle{cluster.state, pod, *pod};
  Diagnosis diagnosis;
  auto decision = cluster.algorithm.decide(*cluster.profile, cycle, diagnosis);
  ASSERT_NE(decision.node, nullptr);
  Placement placement;
  placement.pod = pod;
  placement.node = decision.node->name;
  EXPECT_TRUE(cluster.profile->reserve(cycle, placement).ok());
  cluster.lister.clear(Kind::PersistentVolumeClaim);
  cluster.lister.put(Kind::PersistentVolumeClaim,
                     object_of("v1", "PersistentVolumeClaim",
                               "{metadata: {name: c, namespace: default, uid: other}, spec: {storageClassName: local, accessModes: "
                               "[ReadWriteOnce], resources: {requests: {storage: 2Gi}}}}",
                               9));
  EXPECT_EQ(cluster.why(), "n2");  // the big one
  cluster.profile->unreserve(placement);
}

TEST(Volumes, those_to_be_made_name_their_node) {
  Volumes cluster;
  cluster.claim("late");
  EXPECT_EQ(cluster.why().size(), 2u);
  cluster.claim("late", {}, "{volume.kubernetes.io/selected-node: n2}");
  EXPECT_EQ(cluster.why(), "n2");
}

TEST(Volumes, capacity_is_asked_where_drivers_tell_it) {
  Volumes cluster;
  cluster.claim("late");
  cluster.lister.put(Kind::CsiDriver, object_of("storage.k8s.io/v1", "CSIDriver", "{metadata: {name: p.example}, spec: {storageCapacity: true}}"));
  EXPECT_EQ(cluster.why(), "2 node(s) did not have enough free storage");
  cluster.lister.put(Kind::CsiStorageCapacity,
                     object_of("storage.k8s.io/v1", "CSIStorageCapacity",
                               "{metadata: {name: x, namespace: default}, storageClassName: late, capacity: 5Gi, nodeTopology: {matchLabels: "
                               "{kubernetes.io/hostname: n1}}}"));
  EXPECT_EQ(cluster.why(), "n1");
}

TEST(Volumes, one_pod_only) {
  Volumes cluster;
  cluster.volume("here", "");
  cluster.claim("local", "here", kBound, "ReadWriteOncePod");
  EXPECT_EQ(cluster.why().size(), 2u);
  cluster.placed("there", "n1", kSpec);
  EXPECT_EQ(cluster.why(), "2 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod");
}

TEST(Volumes, disks_that_cannot_be_shared) {
  Volumes cluster;
  std::string_view disk = "volumes: [{name: d, gcePersistentDisk: {pdName: x}}]";
  cluster.placed("there", "n1", disk);
  EXPECT_EQ(cluster.decide(disk), "n2");
  cluster.placed("there2", "n2", disk);
  EXPECT_NE(cluster.decide(disk).find("2 node(s) had no available disk"), std::string::npos);
}

TEST(Volumes, drivers_have_limits) {
  Volumes cluster;
  for (auto node : {"n1", "n2"})
    cluster.lister.put(Kind::CsiNode, object_of("storage.k8s.io/v1", "CSINode",
                                                concat("{metadata: {name: ", node, "}, spec: {drivers: [{name: p.example, nodeID: x, allocatable: "
                                                       "{count: ", node == std::string_view("n1") ? 0 : 1, "}}]}}")));
  cluster.claim("late");
  EXPECT_EQ(cluster.why(), "n2");
  cluster.placed("there", "n2", kSpec);  // the same volume: attached once
  EXPECT_EQ(cluster.why(), "n2");
}

}  // namespace
}  // namespace sampan::scheduler
