// Helpers for the tests of plug-ins: a cluster of nodes and pods written as YAML, without an API server.
#pragma once
#include <gtest/gtest.h>

#include <array>

#include "base/check.h"
#include "base/text.h"
#include "client/testing.h"
#include "scheduler/algorithm.h"
#include "scheduler/plugins.h"
#include "schema/conform.h"
#include "schema/yaml.h"

namespace sampan::scheduler::testing {

inline ObjectRef object_of(std::string_view api_version, std::string_view kind, std::string_view yaml, int64_t revision = 1) {
  Arena arena;
  auto documents = schema::parse_yaml(std::string(yaml), arena);
  if (!documents) ADD_FAILURE() << documents.error().message();
  check(documents.has_value() && documents->size() == 1);
  auto slash = api_version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  auto* type = schema::builtin_kind(group, api_version.substr(slash + 1), kind);
  check(type != nullptr);
  schema::Conformance found;
  auto conformed = schema::conform((*documents)[0], *type, found);
  if (!conformed) ADD_FAILURE() << conformed.error().message();
  for (auto& unknown : found.unknown_fields) ADD_FAILURE() << unknown;
  auto object = schema::freeze((*documents)[0], *type);
  check(object.has_value());
  return (*object)->with_revision(revision);
}

class FakeLister final : public Lister {
 public:
  void put(Kind kind, ObjectRef object) { objects_[static_cast<size_t>(kind)].push_back(std::move(object)); }
  void clear(Kind kind) { objects_[static_cast<size_t>(kind)].clear(); }
  ObjectRef find(Kind kind, std::string_view name_space, std::string_view name) const override {
    for (auto& object : objects_[static_cast<size_t>(kind)])
      if ((*object)["metadata"]["name"].as_string() == name && (*object)["metadata"]["namespace"].as_string() == name_space) return object;
    return nullptr;
  }
  void each(Kind kind, std::string_view name_space, const std::function<void(const ObjectRef&)>& visit) const override {
    for (auto& object : objects_[static_cast<size_t>(kind)])
      if (name_space.empty() || (*object)["metadata"]["namespace"].as_string() == name_space) visit(object);
  }

 private:
  std::array<std::vector<ObjectRef>, kKinds> objects_;
};

class FakeEffects final : public Effects {
 public:
  void preempt(const PodRef&, const std::vector<PodRef>& victims, std::string_view on) override {
    node = on;
    names.clear();
    for (auto& victim : victims) names.emplace_back(victim->name);
  }
  bool is_preempting(std::string_view) const override { return false; }
  void later(std::string_view, std::function<void()> write) override { write(); }
  void tell(const PodInfo&, std::string_view reason, std::string_view, std::string) override { told.emplace_back(reason); }
  std::string node;
  std::vector<std::string> names, told;
};

class FixedRandom final : public Random {
 public:
  uint64_t next() override { return 4; }
};

// Accepts every write and remembers updates.
class FakeApi final : public client::Api {
 public:
  using Value = schema::Value;
  Result<ObjectRef> get(const schema::Resource& resource, std::string_view, std::string_view name) override {
    return fail(not_found(resource.group, resource.resource, name));
  }
  Result<std::vector<ObjectRef>> list(const schema::Resource&, std::string_view, std::string_view, std::string_view) override {
    return std::vector<ObjectRef>();
  }
  Result<ObjectRef> create(const schema::Resource&, std::string_view, Value, const client::Options&) override { return ObjectRef(); }
  Result<ObjectRef> update(const schema::Resource&, Value, const client::Options&) override { return ObjectRef(); }
  Result<ObjectRef> patch(const schema::Resource&, std::string_view, std::string_view, client::PatchType, Value, const client::Options&) override {
    return ObjectRef();
  }
  Result<void> remove(const schema::Resource&, std::string_view, std::string_view, const client::DeleteOptions&) override { return {}; }
  Result<Value> post(const schema::Resource&, std::string_view, std::string_view, std::string_view, Value request, Arena&) override {
    return request;
  }
  Result<std::vector<const schema::Resource*>> resources() override { return std::vector<const schema::Resource*>(); }
};

// Nodes and pods, and the default profile (or another) that decides about more pods.
class Cluster {
 public:
  explicit Cluster(std::string_view config = {}) {
    if (!config.empty()) {
      auto read = parse_config(config);
      if (!read) ADD_FAILURE() << read.error().message();
      check(read.has_value());
      config_ = *std::move(read);
    }
    auto made = Profile::create(config_.profiles[0], Environment{state, lister, effects, api, time, random});
    if (!made) ADD_FAILURE() << made.error().message();
    check(made.has_value());
    profile = std::move(*made);
  }

  // `more` are members of the node: "metadata: ..." and so on, in flow style where it matters.
  void node(std::string_view name, std::string_view labels = "{}", std::string_view spec = "{}",
            std::string_view allocatable = "{cpu: '4', memory: 8Gi, pods: '110'}") {
    std::string all(labels);
    auto hostname = concat("kubernetes.io/hostname: ", name);
    all = all == "{}" ? concat("{", hostname, "}") : concat("{", hostname, ", ", all.substr(1));
    state.set_node(object_of("v1", "Node", concat("metadata: {name: ", name, ", labels: ", all, "}\nspec: ", spec, "\nstatus: {allocatable: ",
                                                  allocatable, "}")));
  }
  static ObjectRef pod_object(std::string_view name, std::string_view spec, std::string_view labels = "{}", std::string_view node = {},
                              std::string_view more = {}) {
    auto node_name = node.empty() ? std::string() : concat("\n  nodeName: ", node);
    std::string indented;
    for (auto line : split(spec, '\n'))
      if (!line.empty()) append(indented, "\n  ", line);
    bool containers = spec.find("containers:") != std::string_view::npos;
    return object_of("v1", "Pod",
                     concat("metadata: {name: ", name, ", namespace: default, uid: uid-", name, ", labels: ", labels, "}\nspec:",
                            "\n  schedulerName: default-scheduler", containers ? "" : "\n  containers: [{name: c, image: i}]", node_name, indented,
                            "\n", more));
  }
  // On a node already.
  void placed(std::string_view name, std::string_view node, std::string_view spec = {}, std::string_view labels = "{}", std::string_view more = {}) {
    state.set_pod(pod_object(name, spec, labels, node, more));
  }
  // Where the pod goes, or why nowhere.
  std::string decide(const ObjectRef& object) {
    auto pod = state.make_pod(object);
    Cycle cycle{state, pod, *pod};
    diagnosis = Diagnosis();
    if (state.nodes().empty()) return "no nodes available to schedule pods";
    auto decision = algorithm.decide(*profile, cycle, diagnosis);
    if (!decision.error.ok()) return concat("error: ", decision.error.message());
    if (decision.node) return decision.node->name;
    auto result = profile->post_filter(cycle, diagnosis);
    nominated = result.nominate.value_or("");
    diagnosis.post_filter_message = result.status.message();
    return diagnosis.message(state.reasons);
  }
  std::string decide(std::string_view spec, std::string_view labels = "{}") { return decide(pod_object("new", spec, labels)); }
  // Decides and places it there.
  std::string place(std::string_view name, std::string_view spec, std::string_view labels = "{}") {
    auto node = decide(pod_object(name, spec, labels));
    if (state.find_node(node)) placed(name, node, spec, labels);
    return node;
  }

  State state;
  FakeLister lister;
  FakeEffects effects;
  FakeApi api;
  client::ManualTime time;
  FixedRandom random;
  std::unique_ptr<Profile> profile;
  Algorithm algorithm{state, random, 100};
  Diagnosis diagnosis;
  std::string nominated;

 private:
  Config config_;
};

}  // namespace sampan::scheduler::testing
