// Claims and volumes: who gets what, and a volume's whole life on a node's folder.
#include "base/text.h"
#include "client/local_path.h"
#include "controllers/seeds_for_test.h"
#include "controllers/tree.h"
#include "controllers/volume_match.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using schema::ObjectRef;
using client::kReclaim;
using simulate::World;

ObjectRef volume_of(std::string_view name, std::string_view size, std::string_view more = {}, std::string_view phase = "Available") {
  return registry::testing::make("v1", "PersistentVolume",
                                 concat("{'metadata':{'name':'", name, "','labels':{'disk':'", name, "'}},'spec':{'capacity':{'storage':'", size,
                                        "'},'accessModes':['ReadWriteOnce'", more, "},'status':{'phase':'", phase, "'}}"));
}

ObjectRef claim_of(std::string_view size, std::string_view more = {}) {
  return registry::testing::make("v1", "PersistentVolumeClaim",
                                 concat("{'metadata':{'name':'c','namespace':'default','uid':'u'},'spec':{'resources':{'requests':{'storage':'", size,
                                        "'}},'accessModes':['ReadWriteOnce']", more, "}}"));
}

TEST(Volumes, Match) {
  std::vector<ObjectRef> volumes = {
      volume_of("huge", "10Gi", "]"),
      volume_of("small", "1Gi", "]"),
      volume_of("many", "2Gi", ",'ReadOnlyMany']"),
      volume_of("right", "3Gi", "]"),
      volume_of("used", "2Gi", "],'claimRef':{'namespace':'default','name':'other'}", "Bound"),
      volume_of("fast", "5Gi", "],'storageClassName':'fast'"),
      volume_of("block", "2Gi", "],'volumeMode':'Block'"),
  };
  const struct {
    std::string_view name;
    ObjectRef claim;
    bool waits;
    std::string_view volume;
  } cases[] = {
      {"the smallest that is large enough", claim_of("2Gi"), false, "right"},
      {"exactly", claim_of("1Gi"), false, "small"},
      {"too large", claim_of("20Gi"), false, ""},
      {"more modes than others only if there is nothing else", claim_of("1Gi", ",'selector':{'matchLabels':{'disk':'many'}}"), false, "many"},
      {"class", claim_of("1Gi", ",'storageClassName':'fast'"), false, "fast"},
      {"mode", claim_of("1Gi", ",'volumeMode':'Block'"), false, "block"},
      {"nobody gets what is another's", claim_of("1Gi", ",'selector':{'matchLabels':{'disk':'used'}}"), false, ""},
      {"waits", claim_of("1Gi"), true, ""},
  };
  for (const auto& c : cases) {
    auto found = find_volume(volumes, *c.claim, c.waits);
    EXPECT_EQ(found ? name_of(*found) : std::string_view(), c.volume) << c.name;
  }
  volumes.push_back(volume_of("reserved", "2Gi", "],'claimRef':{'namespace':'default','name':'c'}"));
  auto reserved = find_volume(volumes, *claim_of("1Gi"), true);
  ASSERT_TRUE(reserved);
  EXPECT_EQ(name_of(*reserved), "reserved");
}

TEST(Volumes, WhyNot) {
  EXPECT_EQ(why_unfit(*volume_of("v", "1Gi", "]"), *claim_of("2Gi")), "requested PV is too small");
  EXPECT_EQ(why_unfit(*volume_of("v", "1Gi", "]"), *claim_of("1Gi", ",'storageClassName':'x'")), "storageClassName does not match");
  EXPECT_EQ(why_unfit(*volume_of("v", "1Gi", "],'volumeMode':'Block'"), *claim_of("1Gi")), "incompatible volumeMode");
  EXPECT_EQ(why_unfit(*volume_of("v", "1Gi", "]"), *claim_of("1Gi")), "");
}

std::string volume(std::string_view name, std::string_view policy) {
  return concat("apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: ", name, "}\n",
                "spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], persistentVolumeReclaimPolicy: ", policy,
                ", hostPath: {path: /data}, storageClassName: manual}\n");
}
std::string claim(std::string_view name, std::string_view storage_class) {
  return concat("apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: ", name, "}\n",
                "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, storageClassName: ", storage_class, "}\n");
}

std::string phase(World& world, std::string_view resource, std::string_view name) {
  auto object = world.get("", resource, resource == "persistentvolumes" ? "" : "default", name);
  return object ? std::string((*object)["status"]["phase"].as_string()) : "gone";
}

const std::vector<std::string_view> kControllers = {"persistentvolume-binder-controller", "local-path-provisioner-controller",
                                                    "persistentvolumeclaim-protection-controller", "persistentvolume-protection-controller",
                                                    "ephemeral-volume-controller", "garbage-collector-controller"};

TEST(Volumes, AreBoundAndReleased) {
  for_seeds([](World& world) {
    world.start_controllers(kControllers);
    world.apply(claim("first", "manual"));
    world.apply(claim("second", "manual"));
    world.apply(volume("kept", "Retain"));
    auto bound = [&](std::string_view name) { return phase(world, "persistentvolumeclaims", name) == "Bound"; };
    EXPECT_TRUE(world.run_until([&] { return (bound("first") || bound("second")) && phase(world, "persistentvolumes", "kept") == "Bound"; }, 120));
    EXPECT_FALSE(bound("first") && bound("second"));
    auto winner = bound("first") ? "first" : "second", loser = bound("first") ? "second" : "first";
    auto object = world.get("", "persistentvolumeclaims", "default", winner);
    EXPECT_EQ((*object)["spec"]["volumeName"].as_string(), "kept");
    EXPECT_EQ((*object)["status"]["capacity"]["storage"].as_string(), "1Gi");
    EXPECT_EQ(annotation_of(*object, kBindCompleted), "yes");
    ASSERT_TRUE(world.api().remove(client::builtin("", "persistentvolumeclaims"), "default", winner).has_value());
    EXPECT_TRUE(world.run_until([&] { return phase(world, "persistentvolumes", "kept") == "Released"; }, 120));
    EXPECT_EQ(phase(world, "persistentvolumeclaims", winner), "gone");
    world.run_for(60);
    EXPECT_EQ(phase(world, "persistentvolumeclaims", loser), "Pending");  // what was released is nobody's until an administrator says so
    world.apply(volume("another", "Retain"));
    EXPECT_TRUE(world.run_until([&] { return bound(loser); }, 120));
    world.run_for(1);
    ASSERT_TRUE(world.api().remove(client::builtin("", "persistentvolumes"), "", "another").has_value());
    world.run_for(30);
    EXPECT_TRUE(is_deleting(*world.get("", "persistentvolumes", "", "another")));  // it is protected while it is bound
  });
}

TEST(Volumes, ALostVolumeIsTold) {
  World world;
  world.start_controllers({"persistentvolume-binder-controller"});
  world.apply(claim("c", "manual"));
  world.apply(volume("v", "Retain"));
  ASSERT_TRUE(world.run_until([&] { return phase(world, "persistentvolumeclaims", "c") == "Bound"; }, 30));
  world.run_for(1);
  auto freed = client::update_latest(world.api(), client::builtin("", "persistentvolumes"), "", "v", {},
                                     [](const schema::Object&, schema::Value tree) -> Result<bool> {
                                       return remove_finalizer(tree, "kubernetes.io/pv-protection");
                                     });
  ASSERT_TRUE(freed.has_value());
  ASSERT_TRUE(world.api().remove(client::builtin("", "persistentvolumes"), "", "v").has_value());
  EXPECT_TRUE(world.run_until([&] { return phase(world, "persistentvolumeclaims", "c") == "Lost"; }, 30));
}

// What the agent of a node does with the names it finds on its node.
void remove_folders(World& world, std::string_view node) {
  (void)client::update_latest(world.api(), client::builtin("", "nodes"), "", node, {}, [](const schema::Object&, schema::Value tree) -> Result<bool> {
    return tree["metadata"]["annotations"].remove(kReclaim);
  });
}

TEST(Volumes, AFolderOfANode) {
  for_seeds([](World& world) {
    world.add_node("n1");
    world.start_controllers(kControllers);
    ASSERT_TRUE(world.run_until([&] { return world.get("storage.k8s.io", "storageclasses", "", "local-path") != nullptr; }, 60));
    auto storage_class = world.get("storage.k8s.io", "storageclasses", "", "local-path");
    EXPECT_EQ(annotation_of(*storage_class, "storageclass.kubernetes.io/is-default-class"), "true");
    world.apply(claim("c", "local-path"));
    world.run_for(20);
    EXPECT_EQ(phase(world, "persistentvolumeclaims", "c"), "Pending");
    auto chosen = client::update_latest(world.api(), client::builtin("", "persistentvolumeclaims"), "default", "c", {},
                                        [](const schema::Object&, schema::Value tree) -> Result<bool> {
                                          tree["metadata"].ensure_object("annotations").set(kSelectedNode, "n1");
                                          return true;
                                        });
    ASSERT_TRUE(chosen.has_value());
    EXPECT_TRUE(world.run_until([&] { return phase(world, "persistentvolumeclaims", "c") == "Bound"; }, 120));
    auto volumes = world.list("", "persistentvolumes");
    ASSERT_EQ(volumes.size(), 1u);
    std::string name(name_of(*volumes[0]));
    EXPECT_TRUE((*volumes[0])["spec"]["local"]["path"].as_string().ends_with(name));
    ASSERT_TRUE(world.api().remove(client::builtin("", "persistentvolumeclaims"), "default", "c").has_value());
    EXPECT_TRUE(world.run_until([&] { return annotation_of(*world.get("", "nodes", "", "n1"), kReclaim) == name; }, 120));
    world.run_for(30);
    EXPECT_TRUE(world.get("", "persistentvolumes", "", name));
    remove_folders(world, "n1");
    EXPECT_TRUE(world.run_until([&] { return !world.get("", "persistentvolumes", "", name); }, 120));
  });
}

TEST(Volumes, APodKeepsItsClaim) {
  for_seeds(
      [](World& world) {
        world.add_node("n1");
        world.start_controllers(kControllers);
        world.apply(claim("c", "manual"));
        world.apply(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {nodeName: n1, containers: [{name: c, image: i}], volumes: [{name: v, "
            "persistentVolumeClaim: {claimName: c}}, {name: own, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: "
            "{requests: {storage: 1Gi}}}}}}]}\n");
        EXPECT_TRUE(world.run_until([&] { return phase(world, "persistentvolumeclaims", "p-own") != "gone"; }, 60));
        ASSERT_TRUE(world.api().remove(client::builtin("", "persistentvolumeclaims"), "default", "c").has_value());
        world.run_for(30);
        EXPECT_TRUE(is_deleting(*world.get("", "persistentvolumeclaims", "default", "c")));
        ASSERT_TRUE(world.api().remove(client::builtin("", "pods"), "default", "p", {.grace_seconds = 0}).has_value());
        EXPECT_TRUE(world.run_until([&] { return phase(world, "persistentvolumeclaims", "c") == "gone"; }, 60));
        EXPECT_TRUE(world.run_until([&] { return phase(world, "persistentvolumeclaims", "p-own") == "gone"; }, 60));
      },
      50);
}

}  // namespace
}  // namespace sampan::controllers
