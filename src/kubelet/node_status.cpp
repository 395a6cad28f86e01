// See node_status.h.
#include "kubelet/node_status.h"

#include <algorithm>
#include <tuple>

#include "api/coordination_v1_edit.h"
#include "api/core_v1_edit.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::kubelet {

using schema::Quantity;
using schema::Value;

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kReportEvery = 300 * kSecond;
constexpr int32_t kLeaseSeconds = 40;
constexpr size_t kImagesMax = 50, kImageNamesMax = 5;

// Others, device plug-ins and administrators, add resources of their own to the capacity ("example.com/gpu"). They stay, and can be used as a whole.
void put_resources(const core_v1::NodeStatusEdit& status, const Quantities& capacity, const Quantities& allocatable) {
  Value theirs = Value::object(status.value.arena());
  for (auto& one : status.value["capacity"].members())
    if (one.name.find('/') != std::string_view::npos && !capacity.contains(one.name)) theirs.set(one.name, one.value);
  auto put = [&](std::string_view name, const Quantities& quantities) {
    Value map = Value::object(status.value.arena());
    for (auto& [resource, quantity] : quantities) map.set_copy(resource, map.arena().copy(quantity.text()));
    for (auto& one : theirs.members()) map.set(one.name, one.value);
    status.value.set(name, map);
  };
  put("capacity", capacity);
  put("allocatable", allocatable);
}

void write_condition(Value list, std::string_view type, bool is_true, std::string_view reason, std::string_view message, int64_t now, bool beat) {
  Value condition;
  for (auto one : list.items())
    if (one["type"].as_string() == type) condition = one;
  bool is_new = !condition.is_object();
  if (is_new) {
    condition = Value::object(list.arena());
    list.push(condition);
  }
  core_v1::NodeConditionEdit edit(condition);
  auto status = is_true ? std::string_view("True") : std::string_view("False");
  bool changed = is_new || edit.status() != status;
  edit.set_type(type);
  edit.set_status(status);
  edit.set_reason(reason);
  edit.set_message(message);
  if (changed || beat) edit.set_last_heartbeat_time(now);
  if (changed) edit.set_last_transition_time(now);
}

void write_images(const core_v1::NodeStatusEdit& status, std::vector<Image> images) {
  // In one order, whatever the runtime's: an order that changes would be a status that changes.
  std::ranges::sort(images, [](auto& a, auto& b) { return std::tie(b.size, a.id) < std::tie(a.size, b.id); });
  for (auto& image : images) std::ranges::sort(image.digests), std::ranges::sort(image.tags);
  auto list = Value::list(status.value.arena());
  for (auto& image : images) {
    if (list.size() == kImagesMax) break;
    core_v1::ContainerImageEdit one(Value::object(list.arena()));
    for (auto names : {&image.digests, &image.tags})
      for (auto& name : *names)
        if (one.ensure_names().size() < kImageNamesMax) one.ensure_names().push(list.arena().copy(name));
    one.set_size_bytes(static_cast<int64_t>(image.size));
    list.push(one.value);
  }
  status.value.set("images", list);
}

void write_info(const core_v1::NodeSystemInfoEdit& info, const NodeInput& in) {
  info.set_machine_id(in.machine.machine_id);
  info.set_system_uuid(in.machine.system_uuid);
  info.set_boot_id(in.machine.boot_id);
  info.set_kernel_version(in.machine.kernel_version);
  info.set_os_image(in.machine.os_image);
  info.set_container_runtime_version(concat(in.runtime.name, "://", in.runtime.version));
  info.set_kubelet_version(in.version);
  info.set_kube_proxy_version("");
  info.set_operating_system("linux");
  info.set_architecture(in.machine.architecture);
  if (in.machine.swap > 0) info.ensure_swap().set_capacity(in.machine.swap);
}

}  // namespace

Quantities capacity_of(const Machine& machine, const Space& root, int64_t pods_max) {
  Quantities out;
  out["cpu"] = Quantity(machine.cpus);
  out["memory"] = Quantity(machine.memory, Quantity::Format::BinarySi);
  out["ephemeral-storage"] = Quantity(static_cast<int64_t>(root.capacity), Quantity::Format::BinarySi);
  out["pods"] = Quantity(pods_max);
  for (auto& [size, bytes] : machine.huge_pages) out[concat("hugepages-", size)] = Quantity(bytes, Quantity::Format::BinarySi);
  return out;
}

Quantities allocatable_of(const Quantities& capacity, const Quantities& reserved, int64_t memory_threshold) {
  auto out = capacity;
  for (auto& [name, quantity] : reserved)
    if (auto at = out.find(name); at != out.end()) at->second -= quantity;
  if (auto at = out.find("memory"); at != out.end()) at->second -= Quantity(memory_threshold, Quantity::Format::BinarySi);
  // Of the disk a tenth is kept free.
  if (auto at = out.find("ephemeral-storage"); at != out.end()) at->second = Quantity(at->second.value() / 10 * 9);
  for (auto& [name, quantity] : out)
    if (quantity.sign() < 0) quantity = Quantity();
  return out;
}

void write_node(const NodeInput& in, Value tree, int64_t now, bool beat) {
  core_v1::NodeEdit node(tree);
  auto meta = node.ensure_metadata();
  meta.set_name(in.name);
  TextMap labels = {{"kubernetes.io/hostname", in.host_name}, {"kubernetes.io/os", "linux"}, {"kubernetes.io/arch", in.machine.architecture},
                    {"beta.kubernetes.io/os", "linux"},       {"beta.kubernetes.io/arch", in.machine.architecture}};
  for (auto& [key, value] : in.labels) labels[key] = value;
  for (auto& [key, value] : labels) meta.ensure_labels().set_copy(key, tree.arena().copy(value));
  meta.ensure_annotations().set("volumes.kubernetes.io/controller-managed-attach-detach", "true");
  if (!in.provider_id.empty()) node.ensure_spec().set_provider_id(in.provider_id);

  auto status = node.ensure_status();
  put_resources(status, in.capacity, in.allocatable);
  auto addresses = Value::list(tree.arena());
  auto add_address = [&](std::string_view type, std::string_view address) {
    core_v1::NodeAddressEdit one(Value::object(tree.arena()));
    one.set_type(type);
    one.set_address(address);
    addresses.push(one.value);
  };
  for (auto& ip : in.ips) add_address("InternalIP", ip);
  add_address("Hostname", in.host_name);
  status.value.set("addresses", addresses);
  status.ensure_daemon_endpoints().ensure_kubelet_endpoint().set_port(in.port);
  write_info(status.ensure_node_info(), in);
  write_images(status, in.images);
  auto handlers = Value::list(tree.arena());
  for (auto& handler : in.handlers) {
    core_v1::NodeRuntimeHandlerEdit one(Value::object(tree.arena()));
    one.set_name(handler.name);
    one.ensure_features().set_recursive_read_only_mounts(handler.recursive_read_only_mounts);
    one.ensure_features().set_user_namespaces(handler.user_namespaces);
    handlers.push(one.value);
  }
  if (handlers.size() > 0) status.value.set("runtimeHandlers", handlers);
  status.ensure_features().set_supplemental_groups_policy(in.supplemental_groups_policy);

  auto list = status.ensure_conditions().value;
  auto& p = in.pressure;
  write_condition(list, "MemoryPressure", p.memory, p.memory ? "KubeletHasInsufficientMemory" : "KubeletHasSufficientMemory",
                  p.memory ? "kubelet has insufficient memory available" : "kubelet has sufficient memory available", now, beat);
  write_condition(list, "DiskPressure", p.disk, p.disk ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
                  p.disk ? "kubelet has disk pressure" : "kubelet has no disk pressure", now, beat);
  write_condition(list, "PIDPressure", p.processes, p.processes ? "KubeletHasInsufficientPID" : "KubeletHasSufficientPID",
                  p.processes ? "kubelet has insufficient PID available" : "kubelet has sufficient PID available", now, beat);
  bool ready = in.not_ready.empty();
  write_condition(list, "Ready", ready, ready ? "KubeletReady" : "KubeletNotReady", ready ? std::string_view("kubelet is posting ready status") : in.not_ready, now, beat);
}

bool NodeWriter::is_there(const std::string& name) { return api_.get(client::builtin("", "nodes"), "", name).has_value(); }

Result<schema::ObjectRef> NodeWriter::enroll(const NodeInput& in) {
  auto& nodes = client::builtin("", "nodes");
  auto now = clock_.now_us() / kSecond;
  auto known = api_.get(nodes, "", in.name);
  if (!known && !known.error().is(Reason::NotFound)) return known;
  schema::ObjectRef node;
  if (!known) {
    Arena arena;
    auto tree = Value::object(arena);
    write_node(in, tree, now, true);
    core_v1::NodeEdit edit(tree);
    for (auto& [pair, effect] : in.taints) {
      auto taint = edit.ensure_spec().ensure_taints().add();
      auto equals = pair.find('=');
      taint.set_key(pair.substr(0, equals));
      if (equals != std::string::npos) taint.set_value(pair.substr(equals + 1));
      taint.set_effect(effect);
    }
    node = TRY(api_.create(nodes, "", tree));
  } else {
    // Labels and the like are the object's, the rest is its status.
    node = TRY(client::update_latest(api_, nodes, "", in.name, {}, [&](const schema::Object& current, Value tree) -> Result<bool> {
      write_node(in, tree, now, false);
      auto made = TRY(schema::freeze(tree, core_v1::Node::schema_type()));
      return !current["metadata"].equals((*made)["metadata"]) || !current["spec"].equals((*made)["spec"]);
    }));
  }
  node_uid_ = node->as<core_v1::Node>().metadata().uid();
  written_at_ = 0;
  // It is there: what cannot be told of it yet is told in the next round.
  if (auto told = tell(in); !told) LOG_INFO("the status of the new node cannot be told yet: ", told.error().message());
  return node;
}

Result<void> NodeWriter::tell(const NodeInput& in) {
  auto now_us = clock_.now_us();
  bool beat = now_us - written_at_ >= kReportEvery;
  schema::ObjectRef before;
  bool wrote = false;
  auto change = [&](const schema::Object& current, Value tree) -> Result<bool> {
    before = schema::ObjectRef(&current);
    write_node(in, tree, now_us / kSecond, beat);
    auto made = TRY(schema::freeze(tree, core_v1::Node::schema_type()));
    wrote = beat || !current["status"].equals((*made)["status"]);
    return wrote;
  };
  auto write = [&] { return client::update_latest(api_, client::builtin("", "nodes"), "", in.name, {.subresource = "status"}, change); };
  auto after = write();
  // Whose taints are older than the server's looks as if he changed them: a lost race by another name.
  if (!after && after.error().is(Reason::Forbidden)) after = write();
  if (!after) return fail(std::move(after).error());
  if (!wrote) return {};
  written_at_ = now_us;
  tell_changes(*before, **after, in.name);
  return {};
}

void NodeWriter::tell_changes(const schema::Object& before, const schema::Object& after, const std::string& name) {
  auto old_ones = before.as<core_v1::Node>().status().conditions();
  for (auto condition : after.as<core_v1::Node>().status().conditions()) {
    std::string_view old;
    for (auto one : old_ones)
      if (one.type() == condition.type()) old = one.status();
    if (old == condition.status()) continue;
    bool is_true = condition.status() == "True";
    std::string_view reason;
    if (condition.type() == "Ready") reason = is_true ? "NodeReady" : "NodeNotReady";
    if (condition.type() == "MemoryPressure") reason = is_true ? "NodeHasInsufficientMemory" : "NodeHasSufficientMemory";
    if (condition.type() == "DiskPressure") reason = is_true ? "NodeHasDiskPressure" : "NodeHasNoDiskPressure";
    if (condition.type() == "PIDPressure") reason = is_true ? "NodeHasInsufficientPID" : "NodeHasSufficientPID";
    if (!reason.empty()) recorder_.node(EventType::Normal, reason, concat("Node ", name, " status is now: ", reason));
  }
}

Result<void> NodeWriter::renew_lease(const std::string& name) {
  auto& leases = client::builtin("coordination.k8s.io", "leases");
  constexpr std::string_view space = "kube-node-lease";
  Arena arena;
  auto fill = [&](Value tree) {
    api::coordination_v1::LeaseEdit lease(tree);
    lease.ensure_metadata().set_name(name);
    lease.ensure_metadata().set_namespace(space);
    lease.ensure_spec().set_holder_identity(name);
    lease.ensure_spec().set_lease_duration_seconds(kLeaseSeconds);
    lease.ensure_spec().set_renew_time(clock_.now_us());
    if (lease.metadata().value["ownerReferences"].empty() && !node_uid_.empty()) {
      auto owner = lease.ensure_metadata().ensure_owner_references().add();
      owner.set_api_version("v1");
      owner.set_kind("Node");
      owner.set_name(name);
      owner.set_uid(node_uid_);
    }
    return tree;
  };
  if (lease_) {
    auto updated = api_.update(leases, fill(schema::thaw(*lease_, arena).clone(arena)));
    if (updated) return lease_ = *updated, Result<void>();
    if (!updated.error().is(Reason::Conflict) && !updated.error().is(Reason::NotFound)) return fail(std::move(updated).error());
    lease_ = nullptr;
  }
  auto known = api_.get(leases, space, name);
  if (known)
    lease_ = TRY(api_.update(leases, fill(schema::thaw(**known, arena).clone(arena))));
  else if (known.error().is(Reason::NotFound))
    lease_ = TRY(api_.create(leases, space, fill(Value::object(arena))));
  else
    return fail(std::move(known).error());
  return {};
}

}  // namespace sampan::kubelet
