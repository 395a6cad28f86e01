// For tests: a cluster in virtual time with nodes, and someone who puts pods onto them in turn.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "controllers/pods.h"
#include "schema/json.h"
#include "simulate/seeds.h"
#include "simulate/world.h"

namespace sampan::controllers::testing {

using client::builtin;
using schema::ObjectRef;

inline constexpr simulate::Faults kFaults{.conflicts = 60, .timeouts = 30, .dropped_watches = 60};

class Scenario {
 public:
  // Seed 1 is without faults, so that what was told can be looked at: a write that seems to have failed is not told of.
  Scenario(uint64_t seed, std::vector<std::string_view> controllers) : world(seed, seed == 1 ? simulate::Faults{} : kFaults), seed_(seed) {
    for (std::string_view node : {"n1", "n2"}) add_node(node);
    auto& pods = **world.informers().of(builtin("", "pods"));
    pods.start();
    subscription_ = pods.on_change([this](const client::Change& change) {
      if (change.object && !pod_of(*change.object).spec().scheduling_gates().empty()) return;
      if (!change.object || !pod_of(*change.object).spec().node_name().empty() || is_deleted(pod_of(*change.object))) return;
      std::string name(pod_of(*change.object).metadata().name()), wanted(wanted_node(pod_of(*change.object)));
      world.time().post([this, name, wanted] { bind(name, wanted); });
    });
    world.start_controllers(std::move(controllers));
  }

  void add_node(std::string_view name) {
    world.add_node(name);
    nodes_.emplace_back(name);
  }

  // Until it holds, within so many seconds of the cluster's time.
  ::testing::AssertionResult until(const std::function<bool()>& holds, int64_t seconds = 600) {
    if (world.run_until(holds, seconds)) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "not within " << seconds << " s:\n" << picture();
  }

  // Out of the server's cache: cheap enough to be asked after every step.
  ObjectRef get(std::string_view group, std::string_view resource, std::string_view name) { return cache(group, resource).find("default", name); }
  Objects list(std::string_view group, std::string_view resource) { return cache(group, resource).all("default"); }
  Objects pods() { return list("", "pods"); }
  Objects active_pods() {
    Objects out;
    for (auto& pod : pods())
      if (is_active(pod_of(*pod))) out.push_back(std::move(pod));
    return out;
  }
  int64_t status(std::string_view group, std::string_view resource, std::string_view name, std::string_view field) {
    auto object = get(group, resource, name);
    auto value = object ? (*object)["status"][field] : schema::AnyView();
    return value.present() ? value.as_int() : 0;
  }
  // "True", "False" ... and the reason: "True NewReplicaSetAvailable"; "" if there is no such condition.
  std::string condition(std::string_view group, std::string_view resource, std::string_view name, std::string_view type) {
    auto object = get(group, resource, name);
    if (!object) return {};
    auto conditions = (*object)["status"]["conditions"];
    for (uint32_t i = 0; conditions.present() && i < conditions.size(); i++)
      if (conditions.item(i)["type"].as_string() == type)
        return concat(conditions.item(i)["status"].as_string(), " ", conditions.item(i)["reason"].as_string());
    return {};
  }
  bool has_event(std::string_view reason, std::string_view message_part = {}) {
    if (seed_ != 1) return true;
    for (const auto& event : list("", "events"))
      if ((*event)["reason"].as_string() == reason && (*event)["message"].as_string().find(message_part) != std::string_view::npos) return true;
    return false;
  }
  // As `kubectl patch --type=merge`; JSON with single quotes.
  void merge(std::string_view group, std::string_view resource, std::string_view name, std::string_view json) {
    Arena arena;
    std::string text(json);
    std::replace(text.begin(), text.end(), '\'', '"');
    auto patch = schema::parse_json(arena.copy(text), arena);
    ASSERT_TRUE(patch.has_value()) << json;
    auto patched = world.api().patch(builtin(group, resource), "default", name, client::PatchType::Merge, *patch);
    ASSERT_TRUE(patched.has_value()) << patched.error().message();
  }

  // What is there, for messages.
  std::string picture() {
    std::string out;
    for (const auto& pod : pods()) {
      Pod p = pod_of(*pod);
      append(out, "  ", p.metadata().name(), " on ", p.spec().node_name(), " ", p.status().phase(), is_ready(p) ? " ready" : "",
             is_deleted(p) ? " deleted" : "", "\n");
    }
    for (const auto& event : list("", "events"))
      append(out, "  ", (*event)["reason"].as_string(), ": ", (*event)["message"].as_string(), "\n");
    return out;
  }

  simulate::World world;

 private:
  client::Informer& cache(std::string_view group, std::string_view resource) { return **world.informers().of(builtin(group, resource)); }
  // Of a daemon set's pod the node it is for.
  static std::string_view wanted_node(Pod pod) {
    for (auto term : pod.spec().affinity().node_affinity().required_during_scheduling_ignored_during_execution().node_selector_terms())
      for (auto field : term.match_fields())
        if (field.key() == "metadata.name" && field.values().size() == 1) return field.values()[0];
    return {};
  }
  void bind(const std::string& name, const std::string& wanted) {
    Arena arena;
    auto binding = schema::Value::object(arena);
    binding.ensure_object("metadata").set("name", std::string_view(name));
    auto target = binding.ensure_object("target");
    target.set("kind", "Node");
    target.set("name", std::string_view(wanted.empty() ? nodes_[next_++ % nodes_.size()] : wanted));
    (void)world.api().post(builtin("", "pods"), "default", name, "binding", binding, arena);
  }

  const uint64_t seed_;
  std::vector<std::string> nodes_;
  size_t next_ = 0;
  client::Subscription subscription_;
};


}  // namespace sampan::controllers::testing
