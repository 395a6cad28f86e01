// NodeResourcesFit: is there room for what the pod asks for; and rather an empty node, a full one, or by a line of one's own.
#include <cmath>

#include "base/held.h"
#include "base/text.h"
#include "scheduler/plugins/extended_resources.h"
#include "scheduler/plugins/resource_scoring.h"

namespace sampan::scheduler {
namespace {

enum class Strategy : uint8_t { LeastAllocated, MostAllocated, RequestedToCapacityRatio };

struct FitArguments {
  Strategy strategy = Strategy::LeastAllocated;
  Shape shape;
  std::vector<std::string> ignored, ignored_groups;
  bool ignores(std::string_view resource) const {
    if (ignored.empty() && ignored_groups.empty()) return false;
    if (!is_extended_resource(resource)) return false;
    auto among = [](auto& list, std::string_view name) { return std::find(list.begin(), list.end(), name) != list.end(); };
    return among(ignored, resource) || among(ignored_groups, resource.substr(0, resource.find('/')));
  }
};

class NodeResourcesFit final : public Plugin {
 public:
  NodeResourcesFit(Environment& environment, FitArguments arguments, std::vector<CountedResource> resources)
      : Plugin(environment), arguments_(std::move(arguments)), usage_(std::move(resources), true) {}
  std::string_view name() const override { return "NodeResourcesFit"; }
  uint32_t points() const override { return kFilter | kPreScore | kScore; }
  std::vector<Interest> interests() const override {
    return {{EventResource::Pod, kDelete | kPodScaleDown}, {EventResource::Node, kAdd | kNodeAllocatable}, {EventResource::DeviceClass, kAdd | kUpdate}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.resource == EventResource::DeviceClass) return class_helps(pod, event);
    return is_pod(event) ? pod_makes_room(pod, event) : node_has_room(pod, event);
  }

  Verdict filter(Cycle& cycle, const NodeInfo& node) override {
    auto& asked = cycle.pod.amounts.requests;
    Shortage shortage(*this);
    if (static_cast<int64_t>(node.pods.size()) + 1 > node.allocatable.pods) shortage.add("Too many pods", false);
    shortage.compare("cpu", asked.milli_cpu, node.requested.milli_cpu, node.allocatable.milli_cpu);
    shortage.compare("memory", asked.memory, node.requested.memory, node.allocatable.memory);
    shortage.compare("ephemeral-storage", asked.ephemeral_storage, node.requested.ephemeral_storage, node.allocatable.ephemeral_storage);
    for (auto& [name, amount] : asked.scalars)
      if (!arguments_.ignores(name) && !is_left_to_devices(name, node.allocatable))
        shortage.compare(name, amount, node.requested.scalar(name), node.allocatable.scalar(name));
    return shortage.verdict;
  }

  Status pre_score(Cycle& cycle, NodeList) override {
    usage_.prepare(cycle.pod);
    return Status::success();
  }
  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    for (size_t i = 0; i < nodes.size(); i++) scores[i] = score_of(*nodes[i]);
  }

 private:
  // A resource that the node has none of, but devices may stand behind it: another plug-in's business.
  bool is_left_to_devices(std::string_view resource, const Amounts& allocatable) const {
    return may_be_devices(resource) && allocatable.scalar(resource) <= 0 && class_behind(environment_.lister, resource);
  }
  bool class_helps(const PodInfo& pod, const ClusterEvent& event) const {
    auto resource = (*event.after)["spec"]["extendedResourceName"].as_string();
    auto implied = concat("deviceclass.resource.kubernetes.io/", (*event.after)["metadata"]["name"].as_string());
    bool is_new = !event.before, renamed = is_new || (*event.before)["spec"]["extendedResourceName"].as_string() != resource;
    return (is_new && pod.amounts.requests.scalar(implied) > 0) || (renamed && !resource.empty() && pod.amounts.requests.scalar(resource) > 0);
  }

  struct Shortage {
    explicit Shortage(NodeResourcesFit& plugin) : plugin(plugin) {}
    void compare(std::string_view resource, int64_t asked, int64_t used, int64_t there) {
      if (asked > 0 && asked > static_cast<__int128>(there) - used) [[unlikely]]
        add(concat("Insufficient ", resource), asked > there);
    }
    void add(std::string_view reason, bool for_good) {
      if (verdict.ok()) verdict.code = Code::Unschedulable;
      if (for_good) verdict.code = Code::UnschedulableAndUnresolvable;
      verdict.reasons = plugin.environment_.state.reasons.add(verdict.reasons, reason);
    }
    NodeResourcesFit& plugin;
    Verdict verdict;
  };

  int64_t score_of(const NodeInfo& node) const {
    int64_t sum = 0, weights = 0;
    auto& resources = usage_.resources();
    for (size_t i = 0; i < resources.size(); i++) {
      auto usage = usage_.of(i, node);
      if (usage.there == 0) continue;
      int64_t score = score_of(usage);
      if (arguments_.strategy == Strategy::RequestedToCapacityRatio && score <= 0) continue;
      sum += score * resources[i].weight;
      weights += resources[i].weight;
    }
    if (weights == 0) return 0;
    if (arguments_.strategy == Strategy::RequestedToCapacityRatio)
      return std::llround(static_cast<double>(sum) / static_cast<double>(weights));
    return sum / weights;
  }
  int64_t score_of(const Usage& usage) const {
    auto [asked, before, there] = usage;
    switch (arguments_.strategy) {
      case Strategy::LeastAllocated: return asked > there ? 0 : multiply_held(there - asked, kScoreMax) / there;
      case Strategy::MostAllocated: return multiply_held(std::min(asked, there), kScoreMax) / there;
      case Strategy::RequestedToCapacityRatio: return arguments_.shape.at(asked > there ? 100 : multiply_held(asked, 100) / there);
    }
    return 0;
  }

  static bool pod_makes_room(const PodInfo& pod, const ClusterEvent& event) {
    if (!event.after) return !is_nowhere(pod_before(event));
    auto after = pod_after(event);
    if (after.metadata().uid() == pod.uid) return true;
    if (after.spec().node_name().empty()) return false;
    auto before = amounts_of(pod_before(event)).requests, now = amounts_of(after).requests;
    auto& asked = pod.amounts.requests;
    if ((asked.milli_cpu && before.milli_cpu > now.milli_cpu) || (asked.memory && before.memory > now.memory)) return true;
    if (asked.ephemeral_storage && before.ephemeral_storage > now.ephemeral_storage) return true;
    return std::any_of(asked.scalars.begin(), asked.scalars.end(),
                       [&](auto& entry) { return entry.second && before.scalar(entry.first) > now.scalar(entry.first); });
  }

  bool node_has_room(const PodInfo& pod, const ClusterEvent& event) const {
    auto now = amounts_of(node_after(event).status().allocatable());
    auto before = event.before ? amounts_of(node_before(event).status().allocatable()) : Amounts();
    auto& asked = pod.amounts.requests;
    if (now.pods < 1 || asked.milli_cpu > now.milli_cpu || asked.memory > now.memory || asked.ephemeral_storage > now.ephemeral_storage)
      return false;
    bool more = !event.before || before.pods < now.pods || (asked.milli_cpu && before.milli_cpu < now.milli_cpu) ||
                (asked.memory && before.memory < now.memory) ||
                (asked.ephemeral_storage && before.ephemeral_storage < now.ephemeral_storage);
    for (auto& [name, amount] : asked.scalars) {
      if (arguments_.ignores(name)) continue;
      if (is_left_to_devices(name, now)) continue;
      if (amount > now.scalar(name)) return false;
      more |= before.scalar(name) < now.scalar(name);
    }
    return more;
  }

  const FitArguments arguments_;
  ResourceUsage usage_;
};

}  // namespace

MadePlugin make_node_resources_fit(Environment& environment, schema::Value args) {
  FitArguments arguments;
  for (auto name : args["ignoredResources"].items()) arguments.ignored.emplace_back(name.as_string());
  for (auto name : args["ignoredResourceGroups"].items()) arguments.ignored_groups.emplace_back(name.as_string());
  auto strategy = args["scoringStrategy"];
  auto type = strategy["type"].as_string();
  if (type == "MostAllocated") {
    arguments.strategy = Strategy::MostAllocated;
  } else if (type == "RequestedToCapacityRatio") {
    arguments.strategy = Strategy::RequestedToCapacityRatio;
    arguments.shape = TRY(Shape::read(strategy["requestedToCapacityRatio"]["shape"], "scoringStrategy.requestedToCapacityRatio.shape"));
  } else if (!type.empty() && type != "LeastAllocated") {
    return fail(bad_request(concat("scoring strategy ", type, " is not supported")));
  }
  auto resources = TRY(read_resources(strategy["resources"], "scoringStrategy.resources"));
  return std::make_unique<NodeResourcesFit>(environment, std::move(arguments), std::move(resources));
}

}  // namespace sampan::scheduler
