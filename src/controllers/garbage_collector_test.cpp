// Garbage collection in its three modes, and namespaces that are emptied, under faults.
#include "base/text.h"
#include "controllers/seeds_for_test.h"
#include "controllers/tree.h"

namespace sampan::controllers {
namespace {

using schema::ObjectRef;
using simulate::World;

std::string config_map(std::string_view name, std::string_view owner_yaml = {}, std::string_view space = "default") {
  return concat("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ", name, "\n  namespace: ", space, "\n", owner_yaml);
}

std::string owned_by(const ObjectRef& owner, bool blocks = false) {
  return concat("  ownerReferences:\n  - {apiVersion: v1, kind: ConfigMap, name: ", name_of(*owner), ", uid: ", uid_of(*owner),
                ", blockOwnerDeletion: ", blocks ? "true" : "false", "}\n");
}

bool exists(World& world, std::string_view name, std::string_view space = "default") {
  return world.get("", "configmaps", space, name) != nullptr;
}

void remove(World& world, std::string_view name, std::string_view propagation) {
  ASSERT_TRUE(world.api().remove(client::builtin("", "configmaps"), "default", name, {.propagation = propagation}).has_value());
}

TEST(GarbageCollector, Background) {
  for_seeds([](World& world) {
    auto top = world.apply(config_map("top"))[0];
    auto middle = world.apply(config_map("middle", owned_by(top)))[0];
    world.apply(config_map("bottom", owned_by(middle)));
    world.apply(config_map("other"));
    world.start_controllers({"garbage-collector-controller"});
    world.run_for(1);
    remove(world, "top", "Background");
    EXPECT_FALSE(exists(world, "top"));
    EXPECT_TRUE(world.run_until([&] { return !exists(world, "middle") && !exists(world, "bottom"); }, 120));
    EXPECT_TRUE(exists(world, "other"));
  });
}

TEST(GarbageCollector, WhatWasOrphanedBeforeItRanGoesToo) {
  for_seeds([](World& world) {
    auto top = world.apply(config_map("top"))[0];
    world.apply(config_map("bottom", owned_by(top)));
    world.apply(config_map("top-again"));
    remove(world, "top", "Background");
    world.apply(config_map("top"));  // the same name is not the same object
    world.start_controllers({"garbage-collector-controller"});
    EXPECT_TRUE(world.run_until([&] { return !exists(world, "bottom"); }, 120));
    EXPECT_TRUE(exists(world, "top"));
  });
}

TEST(GarbageCollector, ForegroundWaitsForThoseWhoBlock) {
  for_seeds([](World& world) {
    auto top = world.apply(config_map("top"))[0];
    world.apply(config_map("free", owned_by(top)));
    world.apply(concat(config_map("held", owned_by(top, true)), "  finalizers: [example.com/hold]\n"));
    world.start_controllers({"garbage-collector-controller"});
    world.run_for(1);
    remove(world, "top", "Foreground");
    EXPECT_TRUE(world.run_until([&] { return !exists(world, "free") && is_deleting(*world.get("", "configmaps", "default", "held")); }, 120));
    world.run_for(60);
    EXPECT_TRUE(exists(world, "top"));
    auto released = client::update_latest(world.api(), client::builtin("", "configmaps"), "default", "held", {},
                                          [](const schema::Object&, schema::Value tree) -> Result<bool> {
                                            return remove_finalizer(tree, "example.com/hold");
                                          });
    ASSERT_TRUE(released.has_value());
    EXPECT_TRUE(world.run_until([&] { return !exists(world, "top") && !exists(world, "held"); }, 120));
  });
}

TEST(GarbageCollector, OrphansAreLetGo) {
  for_seeds([](World& world) {
    auto top = world.apply(config_map("top"))[0];
    world.apply(config_map("a", owned_by(top)));
    world.apply(config_map("b", owned_by(top)));
    world.start_controllers({"garbage-collector-controller"});
    world.run_for(1);
    remove(world, "top", "Orphan");
    EXPECT_TRUE(world.run_until([&] { return !exists(world, "top"); }, 120));
    world.run_for(60);
    for (auto name : {"a", "b"}) {
      auto map = world.get("", "configmaps", "default", name);
      ASSERT_TRUE(map) << name;
      EXPECT_EQ((*map)["metadata"]["ownerReferences"].size(), 0u);
    }
  });
}

TEST(GarbageCollector, OneOwnerOfTwoIsEnough) {
  for_seeds([](World& world) {
    auto one = world.apply(config_map("one"))[0], two = world.apply(config_map("two"))[0];
    auto both = owned_by(one) + owned_by(two).substr(owned_by(two).find("  - "));
    world.apply(config_map("child", both));
    world.start_controllers({"garbage-collector-controller"});
    world.run_for(1);
    remove(world, "one", "Background");
    EXPECT_TRUE(world.run_until([&] { return (*world.get("", "configmaps", "default", "child"))["metadata"]["ownerReferences"].size() == 1; }, 120));
    remove(world, "two", "Background");
    EXPECT_TRUE(world.run_until([&] { return !exists(world, "child"); }, 120));
  });
}

TEST(GarbageCollector, ACircleThatWaitsForItselfIsBroken) {
  for_seeds(
      [](World& world) {
        auto a = world.apply(config_map("a"))[0];
        auto b = world.apply(config_map("b", owned_by(a, true)))[0];
        world.apply(config_map("a", owned_by(b, true)));
        world.start_controllers({"garbage-collector-controller"});
        world.run_for(1);
        remove(world, "a", "Foreground");
        EXPECT_TRUE(world.run_until([&] { return !exists(world, "a") && !exists(world, "b"); }, 300));
      },
      50);
}

TEST(GarbageCollector, AnOwnerElsewhereIsNone) {
  World world;
  world.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: far}\n");
  auto owner = world.apply(config_map("owner", {}, "far"))[0];
  world.apply(config_map("child", owned_by(owner)));
  world.start_controllers({"garbage-collector-controller"});
  EXPECT_TRUE(world.run_until([&] { return !exists(world, "child"); }, 60));
  world.run_for(5);
  bool told = false;
  for (const auto& event : world.list("", "events", "default")) told |= (*event)["reason"].as_string() == "OwnerRefInvalidNamespace";
  EXPECT_TRUE(told);
}

TEST(Namespace, IsEmptiedAndGoes) {
  for_seeds([](World& world) {
    world.add_node("n1");
    world.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: doomed}\n");
    world.apply(config_map("a", {}, "doomed"));
    world.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: doomed}\n"
        "spec: {nodeName: n1, containers: [{name: c, image: i}]}\n");
    world.start_controllers({"namespace-controller", "garbage-collector-controller"});
    world.run_for(3);
    ASSERT_TRUE(world.api().remove(client::builtin("", "namespaces"), "", "doomed").has_value());
    EXPECT_TRUE(world.run_until([&] { return world.get("", "namespaces", "", "doomed") == nullptr; }, 300));
    EXPECT_FALSE(exists(world, "a", "doomed"));
    EXPECT_EQ(world.list("", "pods").size(), 0u);
  });
}

TEST(Namespace, TellsWhatIsLeft) {
  World world;
  world.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: doomed}\n");
  world.apply(concat(config_map("held", {}, "doomed"), "  finalizers: [example.com/hold]\n"));
  world.start_controllers({"namespace-controller"});
  ASSERT_TRUE(world.api().remove(client::builtin("", "namespaces"), "", "doomed").has_value());
  world.run_for(5);
  auto space = world.get("", "namespaces", "", "doomed");
  ASSERT_TRUE(space);
  AnyView conditions = (*space)["status"]["conditions"];
  auto message = [&](std::string_view type) { return condition_of(conditions, type)["message"].as_string(); };
  EXPECT_EQ(message("NamespaceContentRemaining"), "Some resources are remaining: configmaps. has 1 resource instances");
  EXPECT_EQ(message("NamespaceFinalizersRemaining"),
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances");
  EXPECT_EQ(message("NamespaceDeletionContentFailure"), "All content successfully deleted, may be waiting on finalization");
  EXPECT_TRUE(is_true(conditions, "NamespaceContentRemaining"));
}

}  // namespace
}  // namespace sampan::controllers
