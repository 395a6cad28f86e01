// What was decided about claims is held, written before the pod is bound, and let go if that does not come about.
#include "base/log.h"
#include "base/text.h"
#include "base/time_text.h"
#include "scheduler/plugins/dynamic_resources.h"

namespace sampan::scheduler {

using schema::Object;
using schema::Value;

namespace {

const schema::Resource& pods() {
  static const schema::Resource& resource = client::builtin("", "pods");
  return resource;
}

bool has_finalizer(Value tree) {
  auto finalizers = tree["metadata"]["finalizers"].items();
  return std::any_of(finalizers.begin(), finalizers.end(), [](Value one) { return one.as_string() == kClaimFinalizer; });
}

// The claim as it will be with its devices.
Result<ObjectRef> with_allocation(const Object& claim, const devices::Allocation& allocation, std::string_view node) {
  Arena arena;
  Value tree = schema::thaw(claim, arena);
  if (!has_finalizer(tree)) tree.ensure_object("metadata").ensure_list("finalizers").push(kClaimFinalizer);
  tree.ensure_object("status").set("allocation", devices::tree_of(allocation, node, arena));
  auto object = TRY(schema::freeze(tree, claim.type()));
  return object->with_revision(claim.revision());
}

void log_unless_gone(std::string_view what, const Error& error) {
  if (!error.is(Reason::NotFound)) LOG_V(1, what, ": ", error.message());
}

}  // namespace

bool DynamicResources::is_pending(std::string_view uid) {
  std::lock_guard lock(pending_mutex_);
  return pending_.contains(uid);
}

void DynamicResources::end_pending(std::string_view uid) {
  std::lock_guard lock(pending_mutex_);
  if (auto at = pending_.find(uid); at != pending_.end()) pending_.erase(at);
}

Status DynamicResources::reserve(Cycle& cycle, Placement& placement) {
  if (uid_ != cycle.pod.uid || claims_.empty()) return Status::success();
  auto* node = cycle.state.find_node(placement.node);
  auto found = node ? plans_.find(node->slot) : plans_.end();
  if (found == plans_.end()) return Status::of(Code::Error, "claim allocation not found for node");
  auto& plan = found->second;
  auto work = std::make_shared<Work>();
  placement.data[this] = work;
  work->mappings = plan.mappings;
  for (auto& known : claims_)
    if (known.allocated)
      work->writes.push_back({.uid = std::string(uid_of(*known.claim)),
                              .name_space = std::string(cycle.pod.name_space),
                              .name = std::string((*known.claim)["metadata"]["name"].as_string()),
                              .claim = {},
                              .may_be_reserved = is_reserved_for(*known.claim, cycle.pod.uid)});
  for (size_t i = 0; i < plan.allocations.size(); i++) {
    auto& claim = *plan.claims[i];
    auto allocated = with_allocation(claim, plan.allocations[i], placement.node);
    if (!allocated) return Status::of(Code::Error, allocated.error().message());
    std::string uid(uid_of(claim));
    work->writes.push_back({.uid = uid,
                            .name_space = std::string(cycle.pod.name_space),
                            .name = std::string(claim["metadata"]["name"].as_string()),
                            .claim = *allocated,
                            .extended = uid == extended_uid_});
    std::lock_guard lock(pending_mutex_);
    pending_[uid] = *allocated;
  }
  return Status::success();
}

void DynamicResources::unreserve(Placement& placement) {
  auto at = placement.data.find(this);
  if (at == placement.data.end()) return;
  for (auto& write : static_cast<Work*>(at->second.get())->writes) {
    end_pending(write.uid);
    if (write.extended && !write.name.empty())
      delete_claim(write.name_space, write.name);
    else if (write.may_be_reserved)
      take_back(write, placement.pod->uid);
  }
}

// The pod does not use the claim after all.
void DynamicResources::take_back(const Write& write, std::string_view pod_uid) {
  environment_.effects.later(write.uid, [this, write, pod = std::string(pod_uid)] {
    Arena arena;
    Value patch = Value::object(arena), entry = Value::object(arena);
    patch.ensure_object("metadata").set("uid", arena.copy(write.uid));
    entry.set("$patch", "delete");
    entry.set("uid", arena.copy(pod));
    patch.ensure_object("status").ensure_list("reservedFor").push(entry);
    auto written = environment_.api.patch(resource_claims(), write.name_space, write.name, client::PatchType::Strategic, patch, {.subresource = "status"});
    if (!written) log_unless_gone("taking back a claim", written.error());
  });
}

// Its devices are of no use to the pod, and nobody else's.
void DynamicResources::deallocate(const ObjectRef& claim) {
  environment_.effects.later(uid_of(*claim), [this, claim] {
    Arena arena;
    Value tree = schema::thaw(*claim, arena);
    for (auto field : {"reservedFor", "allocation", "devices"}) tree["status"].remove(field);
    auto written = environment_.api.update_status(resource_claims(), tree);
    if (!written) log_unless_gone("deallocating a claim", written.error());
  });
}

void DynamicResources::delete_claim(std::string_view name_space, std::string_view name) {
  environment_.effects.later(concat("claim ", name_space, "/", name), [this, name_space = std::string(name_space), name = std::string(name)] {
    auto released = client::update_latest(environment_.api, resource_claims(), name_space, name, {}, [](const Object&, Value tree) -> Result<bool> {
      Value finalizers = tree["metadata"]["finalizers"];
      if (!has_finalizer(tree)) return false;
      for (uint32_t i = finalizers.size(); i-- > 0;)
        if (finalizers.at(i).as_string() == kClaimFinalizer) finalizers.erase(i);
      return true;
    });
    if (!released) return log_unless_gone("deleting a claim", released.error());
    auto removed = environment_.api.remove(resource_claims(), name_space, name);
    if (!removed) log_unless_gone("deleting a claim", removed.error());
  });
}

Status DynamicResources::pre_bind(Placement& placement) {
  auto at = placement.data.find(this);
  if (at == placement.data.end()) return Status::success();
  auto& work = *static_cast<Work*>(at->second.get());
  for (auto& one : work.writes) {
    if (one.written || (one.may_be_reserved && !one.claim)) continue;
    if (auto done = write(placement, work, one); !done) return Status::of(Code::Error, done.error().message());
  }
  // Until the claim is seen as it was written, its devices are held for it.
  for (auto& one : work.writes) {
    if (!one.claim || !is_pending(one.uid)) continue;
    auto seen = environment_.lister.find(Kind::ResourceClaim, one.name_space, one.name);
    if (!seen || seen->revision() < one.written) return {Code::Wait, {}, {}, kSecond};
    end_pending(one.uid);
  }
  auto ready = is_ready(work);
  if (!ready) return Status::of(Code::Error, ready.error().message());
  if (*ready) return Status::success();
  constexpr int64_t kBetweenLooks = 5;
  int64_t now = environment_.clock.monotonic_us();
  if (!work.told) {
    work.told = true;
    work.deadline_us = now + binding_us_;
    environment_.effects.tell(*placement.pod, "BindingConditionsPending", "Scheduling", concat("waiting for binding conditions for device on node ", placement.node));
  }
  if (now >= work.deadline_us) return Status::of(Code::Error, "device binding timeout: context deadline exceeded");
  return {Code::Wait, {}, {}, kBetweenLooks * kSecond};
}

Result<bool> DynamicResources::is_ready(const Work& work) {
  bool all = true;
  for (auto& one : work.writes) {
    auto claim = environment_.lister.find(Kind::ResourceClaim, one.name_space, one.name);
    if (!claim) return fail(internal_error(concat("could not find ResourceClaim \"", one.name_space, "/", one.name, "\"")));
    if (!has_binding_conditions(*claim)) continue;
    auto ready = is_ready_for_binding(*claim);
    if (!ready) return fail(internal_error(ready.error()));
    if (!*ready && is_lost(*claim)) return fail(internal_error(concat("device binding timeout: claim=", one.name)));
    all &= *ready;
  }
  return all;
}

// The pod's share in a claim and, where it had none, the devices that were found for it.
Result<void> DynamicResources::write(const Placement& placement, const Work& work, Write& one) {
  if (one.name.empty()) TRY(create(one));
  if (one.claim) TRY(protect(one));
  auto key = concat(one.name_space, "/", one.name);
  auto& pod = *placement.pod;
  auto change = [&](const Object& current, Value tree) -> Result<bool> {
    if (current["metadata"]["deletionTimestamp"].present()) return fail(internal_error(concat("claim ", key, " got deleted in the meantime")));
    bool is_there = is_allocated(current);
    // It may have been written although the answer was lost.
    bool is_ours = one.claim && is_there && current["status"]["allocation"]["devices"].equals((*one.claim)["status"]["allocation"]["devices"]);
    if (one.claim && is_there && !is_ours) return fail(internal_error(concat("claim ", key, " got allocated elsewhere in the meantime")));
    if (!one.claim && !is_there) return fail(internal_error(concat("claim ", key, " got deallocated elsewhere in the meantime")));
    Arena& arena = tree.arena();
    Value status = tree.ensure_object("status");
    if (one.claim && !is_ours) status.set("allocation", schema::thaw((*one.claim)["status"]["allocation"], arena));
    if (Value allocation = status["allocation"]; allocation["allocationTimestamp"].is_missing() || allocation["allocationTimestamp"].is_null())
      allocation.set("allocationTimestamp", arena.copy(rfc3339(environment_.clock.now_us() / kSecond)));
    if (is_reserved_for(current, pod.uid)) return !is_ours;
    Value consumer = Value::object(arena);
    consumer.set("resource", "pods");
    consumer.set("name", pod.name);
    consumer.set("uid", pod.uid);
    status.ensure_list("reservedFor").push(consumer);
    return true;
  };
  one.may_be_reserved = true;
  auto written = client::update_latest(environment_.api, resource_claims(), one.name_space, one.name, {.subresource = "status"}, change);
  if (!written) return fail(std::move(written).error().context(concat(one.claim ? "add allocation and reservation to claim " : "add reservation to claim ", key)));
  one.written = (*written)->revision();
  if (one.extended) TRY(tell_pod(placement, work, one));
  return {};
}

Result<void> DynamicResources::create(Write& one) {
  Arena arena;
  Value tree = schema::thaw(*one.claim, arena);
  tree.remove("status");
  for (auto field : {"uid", "finalizers", "resourceVersion"}) tree["metadata"].remove(field);
  auto created = environment_.api.create(resource_claims(), one.name_space, tree);
  if (!created) return fail(std::move(created).error().context(concat("create claim for extended resources ", one.name_space, "/")));
  one.name = (**created)["metadata"]["name"].as_string();
  return {};
}

// As long as the devices are allocated, the claim stays.
Result<void> DynamicResources::protect(const Write& one) {
  auto written = client::update_latest(environment_.api, resource_claims(), one.name_space, one.name, {}, [](const Object&, Value tree) -> Result<bool> {
    if (has_finalizer(tree)) return false;
    tree.ensure_object("metadata").ensure_list("finalizers").push(kClaimFinalizer);
    return true;
  });
  if (!written) return fail(std::move(written).error().context(concat("add finalizer to claim ", one.name_space, "/", one.name)));
  return {};
}

Result<void> DynamicResources::tell_pod(const Placement& placement, const Work& work, const Write& one) {
  Arena arena;
  auto& pod = *placement.pod;
  Value patch = Value::object(arena);
  patch.ensure_object("metadata").set("uid", pod.uid);
  Value told = patch.ensure_object("status").ensure_object("extendedResourceClaimStatus");
  told.set("resourceClaimName", arena.copy(one.name));
  for (auto& mapping : work.mappings) {
    Value entry = Value::object(arena);
    entry.set("containerName", arena.copy(mapping.container));
    entry.set("resourceName", arena.copy(mapping.resource));
    entry.set("requestName", arena.copy(mapping.request));
    told.ensure_list("requestMappings").push(entry);
  }
  auto written = environment_.api.patch(pods(), pod.name_space, pod.name, client::PatchType::Strategic, patch, {.subresource = "status"});
  if (!written) return fail(std::move(written).error().context(concat("update pod ", pod.key, " ExtendedResourceClaimStatus")));
  return {};
}

}  // namespace sampan::scheduler
