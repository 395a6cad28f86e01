// DynamicResources: pods go where the devices are that they claim. Claims that have none yet get theirs with the pod's place: what the search on the node
// found is held while it is written. A pod whose claims are held up at a node that will not do has them let go.
#include "scheduler/plugins/dynamic_resources.h"

#include "base/encoding.h"
#include "base/text.h"
#include "base/uuid.h"

namespace sampan::scheduler {

using schema::AnyView;
using schema::Object;

namespace {
Status never(std::string why) { return Status::of(Code::UnschedulableAndUnresolvable, std::move(why)); }
}  // namespace

std::vector<Interest> DynamicResources::interests() const {
  return {{EventResource::Node, kAdd | kNodeLabel | kNodeAllocatable}, {EventResource::ResourceClaim, kAdd | kUpdate},
          {EventResource::UnscheduledPod, kPodGeneratedClaim}, {EventResource::DeviceClass, kAdd | kUpdate},
          {EventResource::ResourceSlice, kAdd | kUpdate}};
}

bool DynamicResources::may_help(const PodInfo& pod, const ClusterEvent& event) const {
  if (event.resource == EventResource::UnscheduledPod)
    return event.after && uid_of(*event.after) == pod.uid && claims_of(environment_.lister, *event.after).has_value();
  if (event.resource != EventResource::ResourceClaim) return true;
  auto claims = claims_of(environment_.lister, *pod.object);
  if (!claims) return false;
  if (event.before && is_allocated(*event.before) && !is_allocated(*event.after)) return true;  // its devices are free
  bool is_own = std::any_of(claims->begin(), claims->end(), [&](auto& claim) { return uid_of(*claim) == uid_of(*event.after); });
  return is_own && (!event.before || !(*event.before)["status"].equals((*event.after)["status"]));
}

Status DynamicResources::pre_enqueue(const PodInfo& pod) {
  auto claims = claims_of(environment_.lister, *pod.object);
  return claims ? Status::success() : never(claims.error());
}

void DynamicResources::forget() {
  uid_.clear();
  claims_.clear();
  missing_ = 0;
  allocator_.reset();
  unavailable_.clear();
  plans_.clear();
  extended_.clear();
  extended_uid_.clear();
}

Status DynamicResources::pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) {
  forget();
  uid_ = cycle.pod.uid;
  auto status = look_at(cycle.pod);
  if (!status.ok()) forget();
  return status;
}

Status DynamicResources::look_at(const PodInfo& pod) {
  if (auto status = find_claims(pod); !status.ok()) return status;
  if (claims_.empty()) return Status::skip();
  for (auto& known : claims_)
    if (auto status = prepare(known); !status.ok()) return status;
  if (missing_ > 0) open_market();
  return Status::success();
}

Status DynamicResources::find_claims(const PodInfo& pod) {
  auto own = claims_of(environment_.lister, *pod.object);
  if (!own) return never(own.error());
  for (auto& claim : *own) claims_.push_back({.claim = claim, .nodes = {}});
  for (auto& [resource, amount] : pod.amounts.requests.scalars)
    if (amount != 0 && may_be_devices(resource) && class_behind(environment_.lister, resource)) {
      extended_uid_ = new_uuid(environment_.random);
      claims_.push_back({.claim = find_extended_claim(environment_.lister, pod), .nodes = {}, .extended = true});
      break;
    }
  return Status::success();
}

Status DynamicResources::prepare(Known& known) {
  known.allocated = known.claim && is_allocated(*known.claim);
  if (known.allocated) {
    auto nodes = (*known.claim)["status"]["allocation"]["nodeSelector"];
    if (nodes.present()) known.nodes.emplace(nodes.as<core_v1::NodeSelector>());
    return Status::success();
  }
  missing_++;
  if (!known.claim) return Status::success();
  if (is_pending(uid_of(*known.claim))) return never(concat("resource claim ", key_of(*known.claim), " is in the process of being allocated"));
  return known.extended ? Status::success() : check_classes(*known.claim);
}

Status DynamicResources::check_classes(const Object& claim) const {
  auto check = [&](std::string_view name, const AnyView& request) {
    auto device_class = request["deviceClassName"].as_string();
    if (environment_.lister.find(Kind::DeviceClass, "", device_class)) return Status::success();
    return never(concat("request ", name, ": device class ", device_class, " does not exist"));
  };
  auto requests = claim["spec"]["devices"]["requests"];
  for (uint32_t i = 0; i < requests.size(); i++) {
    auto request = requests.item(i), choices = request["firstAvailable"];
    auto name = request["name"].as_string();
    if (request["exactly"].present())
      if (auto status = check(name, request["exactly"]); !status.ok()) return status;
    for (uint32_t j = 0; j < choices.size(); j++)
      if (auto status = check(concat(name, "/", choices.item(j)["name"].as_string()), choices.item(j)); !status.ok()) return status;
  }
  return Status::success();
}

void DynamicResources::open_market() {
  std::vector<ObjectRef> slices;
  environment_.lister.each(Kind::ResourceSlice, "", [&](const ObjectRef& slice) { slices.push_back(slice); });
  if (!inventory_ || inventory_->objects() != slices) inventory_ = std::make_unique<devices::Inventory>(std::move(slices));
  allocated_ = {};
  environment_.lister.each(Kind::ResourceClaim, "", [&](const ObjectRef& claim) {
    if (!is_pending(uid_of(*claim))) allocated_.add((*claim)["status"]["allocation"]);
  });
  {
    std::lock_guard lock(pending_mutex_);
    for (auto& [uid, claim] : pending_) allocated_.add((*claim)["status"]["allocation"]);
  }
  auto find_class = [this](std::string_view name) { return environment_.lister.find(Kind::DeviceClass, "", name); };
  allocator_ = std::make_unique<devices::Allocator>(
      devices::Market{*inventory_, allocated_, find_class, selectors_, environment_.random, environment_.clock, filter_us_});
}

// Of the pod's resources those that the node has none of and that devices stand behind. `missing`: one that there is nowhere.
std::vector<std::string> DynamicResources::resources_of_devices(const PodInfo& pod, const NodeInfo& node, std::string& missing) const {
  std::vector<std::string> resources;
  for (auto& [resource, amount] : pod.amounts.requests.scalars) {
    if (amount == 0 || !may_be_devices(resource)) continue;
    if (node.allocatable.scalar(resource) == 0 && class_behind(environment_.lister, resource))
      resources.push_back(resource);
    else if (!node.allocatable.has_scalar(resource))
      missing = resource;
  }
  return resources;
}

// Whether what a driver promised for the pod will not come any more.
bool DynamicResources::is_lost(const Object& claim) const {
  auto ready = is_ready_for_binding(claim);
  if (!ready) return true;
  auto since = claim["status"]["allocation"]["allocationTimestamp"];
  return !*ready && has_binding_conditions(claim) && since.present() && since.as_int() * kSecond + binding_us_ < environment_.clock.now_us();
}

Verdict DynamicResources::filter(Cycle& cycle, const NodeInfo& node) {
  std::set<size_t> unavailable;
  for (size_t i = 0; i < claims_.size(); i++) {
    auto& known = claims_[i];
    if (known.extended && known.claim) return refuse("cannot schedule extended resource claim");  // of an earlier attempt: it is let go
    if (!known.allocated) continue;
    if ((known.nodes && !known.nodes->matches(node.node)) || is_lost(*known.claim)) unavailable.insert(i);
  }
  Plan plan;
  if (missing_ > 0)
    if (auto verdict = find_devices(cycle, node, plan); !verdict.ok()) return verdict;
  if (!unavailable.empty()) {
    unavailable_.insert(unavailable.begin(), unavailable.end());
    return refuse("resourceclaim not available on the node");
  }
  plans_[node.slot] = std::move(plan);
  return {};
}

Verdict DynamicResources::find_devices(Cycle& cycle, const NodeInfo& node, Plan& plan) {
  for (auto& known : claims_) {
    if (known.allocated) continue;
    if (!known.extended) {
      plan.claims.push_back(known.claim);
      continue;
    }
    std::string missing;
    auto resources = resources_of_devices(cycle.pod, node, missing);
    if (!missing.empty()) return refuse("cannot fit resource");
    if (resources.empty()) continue;  // the node has them all itself
    auto made = extended_.find(resources);
    if (made == extended_.end()) {
      auto claim = extended_claim(environment_.lister, cycle.pod, resources, extended_uid_);
      if (!claim) return refuse(claim.error().message(), Code::Error);
      made = extended_.emplace(resources, *std::move(claim)).first;
    }
    plan.claims.push_back(made->second.claim);
    plan.mappings = made->second.mappings;
  }
  devices::Node there{node.name, [&](const AnyView& selector) { return NodeSelector(selector.as<core_v1::NodeSelector>()).matches(node.node); }};
  auto outcome = allocator_->allocate(there, plan.claims);
  if (outcome.timed_out) return refuse(concat("node ", node.name, ": timed out trying to allocate devices"), Code::Error);
  if (!outcome.error.empty()) return refuse(outcome.error, outcome.only_here ? Code::UnschedulableAndUnresolvable : Code::Error);
  if (!outcome.found) return refuse("cannot allocate all claims");
  plan.allocations = std::move(outcome.allocations);
  return {};
}

PostFilterResult DynamicResources::post_filter(Cycle& cycle, Diagnosis&) {
  auto say = [](std::string_view what) { return PostFilterResult{Status::of(Code::Unschedulable, std::string(what)), std::nullopt}; };
  if (uid_ != cycle.pod.uid || claims_.empty()) return say("no new claims to deallocate");
  for (size_t index : unavailable_) {
    auto& claim = claims_[index].claim;
    if (claims_[index].extended) continue;
    auto reserved = (*claim)["status"]["reservedFor"];
    if (reserved.size() > 1 || (reserved.size() == 1 && reserved.item(0)["uid"].as_string() != cycle.pod.uid)) continue;
    deallocate(claim);
    return say("deallocation of ResourceClaim completed");
  }
  if (auto& last = claims_.back(); last.extended && last.claim) {
    delete_claim(cycle.pod.name_space, (*last.claim)["metadata"]["name"].as_string());
    return say("deletion of ResourceClaim completed");
  }
  return say("still not schedulable");
}

// The better the choices among a request's devices, the better.
void DynamicResources::score(Cycle&, NodeList nodes, std::span<int64_t> scores) {
  for (size_t i = 0; i < nodes.size(); i++)
    if (auto plan = plans_.find(nodes[i]->slot); plan != plans_.end()) scores[i] = score_of(plan->second);
  normalize(scores, false);
}

int64_t DynamicResources::score_of(const Plan& plan) const {
  constexpr int64_t kChoicesMax = 8;
  int64_t score = 0;
  auto add = [&](const Object& claim, const std::set<std::string_view>& given) {
    auto requests = claim["spec"]["devices"]["requests"];
    for (uint32_t i = 0; i < requests.size(); i++) {
      auto choices = requests.item(i)["firstAvailable"];
      for (uint32_t j = 0; j < choices.size(); j++)
        if (given.contains(concat(requests.item(i)["name"].as_string(), "/", choices.item(j)["name"].as_string()))) score += kChoicesMax - j;
    }
  };
  for (auto& known : claims_) {
    if (!known.allocated) continue;
    std::set<std::string_view> given;
    auto results = (*known.claim)["status"]["allocation"]["devices"]["results"];
    for (uint32_t i = 0; i < results.size(); i++) given.insert(results.item(i)["request"].as_string());
    add(*known.claim, given);
  }
  for (size_t i = 0; i < plan.allocations.size(); i++) {
    std::set<std::string_view> given;
    for (auto& device : plan.allocations[i].devices) given.insert(device.request);
    add(*plan.claims[i], given);
  }
  return score;
}

MadePlugin make_dynamic_resources(Environment& environment, schema::Value arguments) {
  constexpr int64_t kFilterSeconds = 10, kBindingSeconds = 600;
  auto seconds = [&](std::string_view name, int64_t otherwise) -> Result<int64_t> {
    auto value = arguments[name];
    if (value.is_missing() || value.is_null()) return otherwise;
    int64_t nanoseconds = 0;
    if (!parse_duration(value.as_string(), nanoseconds) || nanoseconds < 0)
      return fail(bad_request(concat(name, ": Invalid value: ", quoted(value.as_string()), ": must be a duration that is not negative")));
    return nanoseconds / 1'000'000'000;
  };
  int64_t filter = TRY(seconds("filterTimeout", kFilterSeconds)), binding = TRY(seconds("bindingTimeout", kBindingSeconds));
  return std::make_unique<DynamicResources>(environment, filter, binding);
}

}  // namespace sampan::scheduler
