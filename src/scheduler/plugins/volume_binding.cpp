// VolumeBinding: pods go where their volumes are or can be made. Claims of classes with WaitForFirstConsumer are bound here, to a volume that is there
// or, by naming the node, to one that their provisioner makes; the pod is bound after them.
#include <cmath>

#include "api/storage_v1.h"
#include "base/held.h"
#include "scheduler/plugins/volume_assumptions.h"
#include "schema/quantity.h"

namespace sampan::scheduler {
namespace {

namespace storage_v1 = api::storage_v1;
constexpr int64_t kSecond = 1'000'000;

struct Binding {
  ObjectRef volume, claim;
  int64_t written = 0;  // the volume's revision with it
};
struct Provision {
  ObjectRef claim;
  int64_t capacity = -1;  // of the node, where it is known
  int64_t written = 0;
};

// What the pod's claims come to on one node.
struct Plan {
  std::vector<Binding> bindings;
  std::vector<Provision> provisions;
};

// What is to be written before the pod can be bound.
struct Work {
  Plan plan;
  bool written = false;
  int64_t deadline_us = 0;
};

class VolumeBinding final : public Plugin {
 public:
  VolumeBinding(Environment& environment, int64_t timeout_seconds, Shape shape)
      : Plugin(environment), timeout_us_(timeout_seconds * kSecond), shape_(std::move(shape)), assumptions_(environment.lister) {}
  std::string_view name() const override { return "VolumeBinding"; }
  uint32_t points() const override { return kPreFilter | kFilter | kPreScore | kScore | kReserve | kPreBind; }
  std::vector<Interest> interests() const override {
    return {{EventResource::StorageClass, kAdd | kUpdate}, {EventResource::PersistentVolumeClaim, kAdd | kUpdate},
            {EventResource::PersistentVolume, kAdd | kUpdate}, {EventResource::Node, kAdd | kNodeLabel},
            {EventResource::CsiNode, kAdd | kUpdate}, {EventResource::CsiDriver, kUpdate}, {EventResource::CsiStorageCapacity, kAdd | kUpdate}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override;

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override;
  Verdict filter(Cycle& cycle, const NodeInfo& node) override;
  Status pre_score(Cycle& cycle, NodeList) override { return cycle.pod.claims.empty() ? Status::skip() : Status::success(); }
  void score(Cycle&, NodeList nodes, std::span<int64_t> scores) override {
    for (size_t i = 0; i < nodes.size(); i++)
      if (auto plan = plans_.find(nodes[i]->slot); plan != plans_.end()) scores[i] = score_of(plan->second);
  }
  Status reserve(Cycle& cycle, Placement& placement) override;
  void unreserve(Placement& placement) override;
  Status pre_bind(Placement& placement) override;

 private:
  using Kind = Lister::Kind;
  Status sort_claim(const PodInfo& pod, const core_v1::Volume& volume, std::string_view name);
  bool find_volumes(const core_v1::Node& node, Plan& plan, bool& enough);
  bool can_be_made(const ObjectRef& claim, const core_v1::Node& node, Plan& plan, bool& enough);
  bool enough_capacity(std::string_view provisioner, const ObjectRef& claim, std::string_view storage_class, const core_v1::Node& node,
                       int64_t& capacity) const;
  int64_t score_of(const Plan& plan) const;
  Status write(Work& work);
  Result<bool> check(const Placement& placement, const Work& work);

  const int64_t timeout_us_;
  const Shape shape_;
  VolumeAssumptions assumptions_;
  // Of this cycle:
  std::vector<std::optional<NodeSelector>> bound_;  // where bound claims may be used; none: anywhere
  bool volume_is_missing_ = false;
  std::vector<ObjectRef> unbound_;  // claims that wait for their first consumer, the smallest first
  std::map<std::string, std::vector<ObjectRef>, std::less<>> volumes_;  // by class
  std::map<uint32_t, Plan> plans_;  // by slot
};

Status never(std::string why) { return Status::of(Code::UnschedulableAndUnresolvable, std::move(why)); }

bool VolumeBinding::may_help(const PodInfo& pod, const ClusterEvent& event) const {
  switch (event.resource) {
    case EventResource::PersistentVolumeClaim: return uses_claim_of(pod, event);
    case EventResource::StorageClass:
      return !event.before || !(*event.before)["allowedTopologies"].equals((*event.after)["allowedTopologies"]);
    case EventResource::CsiNode: return !event.before;
    case EventResource::CsiDriver:
      return event.before->as<storage_v1::CSIDriver>().spec().storage_capacity() == true &&
             event.after->as<storage_v1::CSIDriver>().spec().storage_capacity() != true;
    case EventResource::CsiStorageCapacity: {
      if (!event.before) return true;
      auto limit = [](const Object& object) {
        auto capacity = object.as<storage_v1::CSIStorageCapacity>();
        return schema::Quantity::stored(capacity.maximum_volume_size().value_or(capacity.capacity().value_or("0")));
      };
      return limit(*event.after) > limit(*event.before);
    }
    default: return true;
  }
}

// One of the pod's claims: bound already, to be bound here, or what stands against it.
Status VolumeBinding::sort_claim(const PodInfo& pod, const core_v1::Volume& volume, std::string_view name) {
  auto object = assumptions_.claim(pod.name_space, name);
  if (!object && volume.has_ephemeral())
    return never(concat("waiting for ephemeral volume controller to create the persistentvolumeclaim ", quoted(name)));
  if (!object) return never(not_found_claim(name));
  auto claim = object->as<core_v1::PersistentVolumeClaim>();
  if (claim.status().phase() == "Lost")
    return never(concat("persistentvolumeclaim ", quoted(name), " bound to non-existent persistentvolume ", quoted(claim.spec().volume_name())));
  if (claim.metadata().deletion_timestamp()) return never(concat("persistentvolumeclaim ", quoted(name), " is being deleted"));
  if (volume.has_ephemeral())
    if (auto wrong = wrong_owner(pod, claim); !wrong.empty()) return never(std::move(wrong));
  if (is_fully_bound(claim)) {
    auto persistent = assumptions_.volume(claim.spec().volume_name());
    if (!persistent) {
      volume_is_missing_ = true;
      return Status::success();
    }
    auto affinity = persistent->as<core_v1::PersistentVolume>().spec().node_affinity();
    if (affinity.has_required()) bound_.emplace_back(NodeSelector(affinity.required()));
    return Status::success();
  }
  auto class_name = class_of(claim);
  auto storage_class = class_name.empty() ? ObjectRef() : environment_.lister.find(Kind::StorageClass, "", class_name);
  if (!waits_for_first_consumer(storage_class) || !claim.spec().volume_name().empty())
    return never("pod has unbound immediate PersistentVolumeClaims");
  unbound_.push_back(object);
  if (!volumes_.contains(class_name)) volumes_.emplace(class_name, assumptions_.volumes_of(class_name));
  return Status::success();
}

Status VolumeBinding::pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) {
  bound_.clear();
  volume_is_missing_ = false;
  unbound_.clear();
  volumes_.clear();
  plans_.clear();
  if (cycle.pod.claims.empty()) return Status::skip();
  for (auto volume : cycle.pod.pod.spec().volumes()) {
    auto name = claim_name(cycle.pod.pod, volume);
    if (name.empty()) continue;
    if (auto status = sort_claim(cycle.pod, volume, name); !status.ok()) return status;
  }
  std::stable_sort(unbound_.begin(), unbound_.end(), [](auto& a, auto& b) {
    return requested_bytes(a->template as<core_v1::PersistentVolumeClaim>()) < requested_bytes(b->template as<core_v1::PersistentVolumeClaim>());
  });
  return Status::success();
}

Verdict VolumeBinding::filter(Cycle&, const NodeInfo& node) {
  bool there = std::all_of(bound_.begin(), bound_.end(), [&](auto& selector) { return !selector || selector->matches(node.node); });
  Plan plan;
  bool enough = true;
  bool can_bind = find_volumes(node.node, plan, enough);
  if (there && can_bind && enough && !volume_is_missing_) {
    plans_[node.slot] = std::move(plan);
    return {};
  }
  Verdict verdict{Code::UnschedulableAndUnresolvable, 0, 0};
  auto& reasons = environment_.state.reasons;
  if (!there) verdict.reasons = reasons.add(verdict.reasons, "node(s) didn't match PersistentVolume's node affinity");
  if (!can_bind) verdict.reasons = reasons.add(verdict.reasons, "node(s) didn't find available persistent volumes to bind");
  if (!enough) verdict.reasons = reasons.add(verdict.reasons, "node(s) did not have enough free storage");
  if (volume_is_missing_)
    verdict.reasons = reasons.add(verdict.reasons, "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)");
  return verdict;
}

bool VolumeBinding::find_volumes(const core_v1::Node& node, Plan& plan, bool& enough) {
  std::vector<ObjectRef> to_make, taken;
  for (auto& object : unbound_) {
    auto claim = object->as<core_v1::PersistentVolumeClaim>();
    if (auto selected = claim.metadata().annotations().get(kSelectedNode)) {
      if (*selected != node.metadata().name()) return false;
      to_make.push_back(object);
    } else if (auto volume = matching_volume(object, volumes_.find(class_of(claim))->second, node, taken)) {
      taken.push_back(volume);
      plan.bindings.push_back({std::move(volume), object, 0});
    } else {
      to_make.push_back(object);
    }
  }
  for (auto& claim : to_make)
    if (!can_be_made(claim, node, plan, enough)) return false;
  return true;
}

bool VolumeBinding::can_be_made(const ObjectRef& object, const core_v1::Node& node, Plan& plan, bool& enough) {
  auto class_name = class_of(object->as<core_v1::PersistentVolumeClaim>());
  auto class_object = environment_.lister.find(Kind::StorageClass, "", class_name);
  if (!class_object) return false;
  auto storage_class = class_object->as<storage_v1::StorageClass>();
  if (storage_class.provisioner().empty() || storage_class.provisioner() == "kubernetes.io/no-provisioner") return false;
  bool allowed = storage_class.allowed_topologies().empty();
  for (auto term : storage_class.allowed_topologies()) {
    bool all = !term.match_label_expressions().empty();
    for (auto expression : term.match_label_expressions()) {
      bool one = false;
      auto label = node.metadata().labels().get(expression.key());
      for (auto value : expression.values()) one |= label == value;
      all &= one;
    }
    allowed |= all;
  }
  if (!allowed) return false;
  Provision provision{object, -1, 0};
  if (!enough_capacity(storage_class.provisioner(), object, class_name, node, provision.capacity)) enough = false;
  plan.provisions.push_back(std::move(provision));
  return true;
}

// Drivers that say how much they can make where are asked.
bool VolumeBinding::enough_capacity(std::string_view provisioner, const ObjectRef& claim, std::string_view storage_class,
                                    const core_v1::Node& node, int64_t& capacity) const {
  auto driver = environment_.lister.find(Kind::CsiDriver, "", provisioner);
  if (!driver || driver->as<storage_v1::CSIDriver>().spec().storage_capacity() != true) return true;
  int64_t wanted = requested_bytes(claim->as<core_v1::PersistentVolumeClaim>());
  bool found = false;
  environment_.lister.each(Kind::CsiStorageCapacity, "", [&](const ObjectRef& object) {
    auto there = object->as<storage_v1::CSIStorageCapacity>();
    auto limit = there.maximum_volume_size() ? there.maximum_volume_size() : there.capacity();
    if (found || there.storage_class_name() != storage_class || !limit || !there.has_node_topology()) return;
    auto selector = schema::LabelSelector::from(any(there.node_topology()));
    if (!selector || !selector->matches(node.metadata().labels())) return;
    if (schema::Quantity::stored(*limit).value() < wanted) return;
    found = true;
    capacity = schema::Quantity::stored(there.capacity().value_or("0")).value();
  });
  return found;
}

int64_t VolumeBinding::score_of(const Plan& plan) const {
  std::map<std::string, std::pair<int64_t, int64_t>> classes;  // asked for, there
  if (!plan.bindings.empty()) {
    for (auto& binding : plan.bindings) {
      auto volume = binding.volume->as<core_v1::PersistentVolume>();
      auto& [asked, there] = classes[std::string(class_of(volume))];
      asked = add_held(asked, requested_bytes(binding.claim->as<core_v1::PersistentVolumeClaim>()));
      there = add_held(there, schema::Quantity::stored(volume.spec().capacity().get("storage").value_or("0")).value());
    }
  } else {
    for (auto& provision : plan.provisions) {
      if (provision.capacity < 0) continue;
      auto claim = provision.claim->as<core_v1::PersistentVolumeClaim>();
      auto& [asked, there] = classes[std::string(class_of(claim))];
      asked = add_held(asked, requested_bytes(claim));
      there = provision.capacity;
    }
  }
  if (classes.empty()) return 0;
  int64_t sum = 0;
  for (auto& [name, amounts] : classes) {
    auto [asked, there] = amounts;
    sum += shape_.at(there == 0 || asked > there ? 100 : static_cast<int64_t>(100.0 * static_cast<double>(asked) / static_cast<double>(there)));
  }
  return std::llround(static_cast<double>(sum) / static_cast<double>(classes.size()));
}

Status VolumeBinding::reserve(Cycle& cycle, Placement& placement) {
  auto* node = cycle.state.find_node(placement.node);
  auto found = node ? plans_.find(node->slot) : plans_.end();
  if (found == plans_.end() || (found->second.bindings.empty() && found->second.provisions.empty())) return Status::success();
  auto work = std::make_shared<Work>();
  placement.data[this] = work;
  auto error = [&](const Error& error) {
    unreserve(placement);
    return Status::of(Code::Error, error.message());
  };
  for (auto& binding : found->second.bindings) {
    auto volume = bound_to(binding.volume, binding.claim);
    if (!volume) return error(volume.error());
    assumptions_.assume_volume(*volume);
    work->plan.bindings.push_back({*volume, binding.claim, 0});
  }
  for (auto& provision : found->second.provisions) {
    auto claim = with_selected_node(provision.claim, placement.node);
    if (!claim) return error(claim.error());
    assumptions_.assume_claim(*claim);
    work->plan.provisions.push_back({*claim, provision.capacity, 0});
  }
  return Status::success();
}

void VolumeBinding::unreserve(Placement& placement) {
  auto at = placement.data.find(this);
  if (at == placement.data.end()) return;
  auto& plan = static_cast<Work*>(at->second.get())->plan;
  for (auto& binding : plan.bindings) assumptions_.drop_volume(binding.volume);
  for (auto& provision : plan.provisions) assumptions_.drop_claim(provision.claim);
}

Status VolumeBinding::pre_bind(Placement& placement) {
  auto at = placement.data.find(this);
  if (at == placement.data.end()) return Status::success();
  auto& work = *static_cast<Work*>(at->second.get());
  int64_t now = environment_.clock.monotonic_us();
  if (!work.written) {
    if (auto status = write(work); !status.ok()) return status;
    work.written = true;
    work.deadline_us = now + timeout_us_;
  }
  auto bound = check(placement, work);
  if (!bound) return Status::of(Code::Error, concat("binding volumes: ", bound.error().message()));
  if (*bound) return Status::success();
  if (now >= work.deadline_us) return Status::of(Code::Error, "binding volumes: context deadline exceeded");
  return {Code::Wait, {}, {}, kSecond};
}

Status VolumeBinding::write(Work& work) {
  Arena arena;
  auto update = [&](std::string_view resource, const ObjectRef& object, int64_t& revision) -> Status {
    auto written = environment_.api.update(client::builtin("", resource), schema::thaw(*object, arena));
    if (!written) return Status::of(Code::Error, written.error().message());
    revision = (*written)->revision();
    return Status::success();
  };
  for (auto& binding : work.plan.bindings)
    if (auto status = update("persistentvolumes", binding.volume, binding.written); !status.ok()) return status;
  for (auto& provision : work.plan.provisions)
    if (auto status = update("persistentvolumeclaims", provision.claim, provision.written); !status.ok()) return status;
  return Status::success();
}

// Has everything been bound by now? An error: it cannot be any more.
Result<bool> VolumeBinding::check(const Placement& placement, const Work& work) {
  auto& lister = environment_.lister;
  auto node_object = environment_.api.get(client::builtin("", "nodes"), "", placement.node);
  if (!node_object) return fail(std::move(node_object).error().context(concat("failed to get node ", quoted(placement.node))));
  auto node = (*node_object)->as<core_v1::Node>();
  auto& pod = *placement.pod;
  if (!lister.find(Kind::Pod, pod.name_space, pod.name)) return fail(internal_error("pod does not exist any more"));
  auto claim_now = [&](const ObjectRef& object) {
    auto metadata = object->as<core_v1::PersistentVolumeClaim>().metadata();
    return lister.find(Kind::PersistentVolumeClaim, metadata.namespace_(), metadata.name());
  };
  auto wrong_place = [&](std::string_view volume) {
    return fail(internal_error(concat("pv ", quoted(volume), " node affinity doesn't match node ", quoted(placement.node), ": no matching NodeSelectorTerms")));
  };
  for (auto& binding : work.plan.bindings) {
    auto name = binding.volume->as<core_v1::PersistentVolume>().metadata().name();
    auto object = lister.find(Kind::PersistentVolume, "", name);
    auto claim = claim_now(binding.claim);
    if (!object || !claim) return fail(internal_error("failed to check binding: the volume or its claim is gone"));
    if (object->revision() < binding.written) return false;  // our write is not seen yet
    auto volume = object->as<core_v1::PersistentVolume>();
    if (!may_be_used_on(volume, node)) return wrong_place(name);
    if (volume.spec().claim_ref().uid().empty()) return fail(internal_error(concat("ClaimRef got reset for pv ", quoted(name))));
    if (!is_fully_bound(claim->as<core_v1::PersistentVolumeClaim>())) return false;
  }
  for (auto& provision : work.plan.provisions) {
    auto object = claim_now(provision.claim);
    if (!object) return fail(internal_error("failed to check provisioning pvc: it is gone"));
    if (object->revision() < provision.written) return false;
    auto claim = object->as<core_v1::PersistentVolumeClaim>();
    if (claim.metadata().annotations().get(kSelectedNode).value_or("") != placement.node)
      return fail(internal_error(concat("provisioning failed for PVC ", quoted(claim.metadata().name()))));
    if (!claim.spec().volume_name().empty()) {
      auto volume = lister.find(Kind::PersistentVolume, "", claim.spec().volume_name());
      if (!volume) return false;
      if (!may_be_used_on(volume->as<core_v1::PersistentVolume>(), node)) return wrong_place(claim.spec().volume_name());
    }
    if (!is_fully_bound(claim)) return false;
  }
  return true;
}

}  // namespace

MadePlugin make_volume_binding(Environment& environment, schema::Value args) {
  int64_t timeout = 600;
  if (auto value = args["bindTimeoutSeconds"]; !value.is_missing()) {
    if (!value.is_int() || value.as_int() < 0) return fail(bad_request("bindTimeoutSeconds: must be greater than or equal to 0"));
    timeout = value.as_int();
  }
  Shape shape{{{0, kScoreMax}, {100, 0}}};
  if (!args["shape"].empty()) shape = TRY(Shape::read(args["shape"], "shape"));
  return std::make_unique<VolumeBinding>(environment, timeout, std::move(shape));
}

}  // namespace sampan::scheduler
