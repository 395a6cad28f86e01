// See resize.h.
#include "kubelet/resize.h"

#include <algorithm>

#include "base/text.h"
#include "kubelet/failure.h"
#include "schema/json.h"

namespace sampan::kubelet {

using schema::Quantity;
using schema::Value;

namespace {

constexpr std::string_view kResizable[] = {"cpu", "memory"};

bool is_resizable(const ContainerSpec& spec) { return spec.kind == ContainerKind::Regular || (spec.kind == ContainerKind::Init && is_sidecar(spec.container)); }

bool same(const core_v1::ResourceRequirements& one, const core_v1::ResourceRequirements& other) {
  auto amount = [](auto map, std::string_view name) { return Quantity::stored(map.get(name).value_or("0")); };
  return std::ranges::all_of(kResizable, [&](auto name) {
    return amount(one.requests(), name) == amount(other.requests(), name) && amount(one.limits(), name) == amount(other.limits(), name);
  });
}

// Every container of the tree that can be resized.
template <class Change>
void each_container(Value pod, Change&& change) {
  for (auto container : pod["spec"]["initContainers"].items())
    if (container["restartPolicy"].as_string() == "Always") change(container);
  for (auto container : pod["spec"]["containers"].items()) change(container);
}

schema::ObjectRef frozen(Value tree, const schema::ObjectRef& original) {
  auto made = schema::freeze(tree, core_v1::Pod::schema_type());
  if (!made) return original;
  (*made)->set_revision(original->revision());
  return *made;
}

void put(Value tree, std::string_view name, const schema::AnyView& field) {
  if (field.present())
    tree.set(name, schema::thaw(field, tree.arena()));
  else
    tree.remove(name);
}

bool needs_restart(const core_v1::Container& container, std::string_view resource) {
  for (auto policy : container.resize_policy())
    if (policy.resource_name() == resource) return policy.restart_policy() == "RestartContainer";
  return false;
}

// What both can live with; zero is no limit.
int64_t larger_limit(int64_t one, int64_t other) { return one <= 0 || other <= 0 ? 0 : std::max(one, other); }

// Nobody can be made to use less memory than he uses.
Result<void> check_memory(Parts& parts, const std::string& cgroup, const Resources& wanted, const Resources& had, const std::vector<ContainerResize>& resizes) {
  std::string complaints;
  auto check = [&](std::string_view what, const std::string& path, int64_t limit, int64_t before) {
    if (limit <= 0 || (before > 0 && limit >= before)) return;
    auto used = parts.cgroups.usage(path).memory;
    if (used && *used >= static_cast<uint64_t>(limit))
      append(complaints, complaints.empty() ? "" : ", ", "attempting to set ", what, " memory limit (", limit, ") below current usage (", *used, ")");
  };
  check("pod", cgroup, wanted.memory_limit, had.memory_limit);
  for (auto& resize : resizes)
    if (!resize.by_restart)
      check(concat("container ", quoted(resize.known->name)), concat(cgroup, "/", resize.known->id), resize.wanted.memory_limit, resize.known->resources->memory_limit);
  if (complaints.empty()) return {};
  bool several = complaints.find(", attempting") != std::string::npos;
  return fail(failure(concat("cannot decrease memory limits: ", several ? "[" : "", complaints, several ? "]" : "")));
}

}  // namespace

bool ask_the_same(const core_v1::Pod& one, const core_v1::Pod& other) {
  if (!same(one.spec().resources(), other.spec().resources())) return false;
  for (auto& spec : containers_of(one)) {
    if (!is_resizable(spec)) continue;
    auto match = find_container(other, spec.container.name());
    if (match && !same(spec.container.resources(), match->container.resources())) return false;
  }
  return true;
}

schema::ObjectRef with_resources_of(const schema::ObjectRef& wanted, const schema::ObjectRef& granted) {
  Arena arena;
  auto tree = schema::thaw(*wanted, arena);
  put(tree["spec"], "resources", (*granted)["spec"]["resources"]);
  each_container(tree, [&](Value container) {
    for (auto list : {"initContainers", "containers"}) {
      auto theirs = (*granted)["spec"][list];
      for (uint32_t i = 0; theirs.present() && i < theirs.size(); i++)
        if (theirs.item(i)["name"].as_string() == container["name"].as_string()) put(container, "resources", theirs.item(i)["resources"]);
    }
  });
  return frozen(tree, wanted);
}

schema::ObjectRef granted_before(const schema::ObjectRef& pod) {
  Arena arena;
  auto tree = schema::thaw(*pod, arena);
  bool known = false;
  auto take = [&](Value container, Value status) {
    for (auto name : kResizable) {
      if (auto request = status["allocatedResources"][name]; request.is_string()) container.ensure_object("resources").ensure_object("requests").set(name, request);
      if (auto limit = status["resources"]["limits"][name]; limit.is_string()) container.ensure_object("resources").ensure_object("limits").set(name, limit);
    }
    known = true;
  };
  each_container(tree, [&](Value container) {
    for (auto list : {"initContainerStatuses", "containerStatuses"})
      for (auto status : tree["status"][list].items())
        if (status["name"].as_string() == container["name"].as_string() && status["resources"].is_object()) take(container, status);
  });
  return known ? frozen(tree, pod) : pod;
}

std::vector<ContainerResize> resizes_of(const core_v1::Pod& pod, const PodRuntime& runtime, const ResourceOptions& options) {
  std::vector<ContainerResize> out;
  for (auto& spec : containers_of(pod)) {
    auto known = runtime.newest(spec.container.name());
    if (!is_resizable(spec) || !known || known->state != ContainerState::Running || !known->resources) continue;
    auto wanted = container_resources(pod, spec, options);
    auto& has = *known->resources;
    bool cpu = wanted.cpu_shares != has.cpu_shares || std::max<int64_t>(wanted.cpu_quota, 0) != std::max<int64_t>(has.cpu_quota, 0);
    bool memory = wanted.memory_limit != has.memory_limit;
    if (cpu || memory) out.push_back({spec, known, wanted, (cpu && needs_restart(spec.container, "cpu")) || (memory && needs_restart(spec.container, "memory"))});
  }
  return out;
}

void plan_restarts(const std::vector<ContainerResize>& resizes, Plan& plan) {
  if (plan.kill_pod) return;
  for (auto& resize : resizes) {
    bool killed = std::ranges::any_of(plan.kills, [&](auto& kill) { return kill.id == resize.known->id; });
    if (!resize.by_restart || killed) continue;
    plan.kills.push_back({resize.known->id, resize.known->name, concat("Container ", resize.known->name, " resize requires restart")});
    auto& starts = resize.spec.kind == ContainerKind::Init ? plan.start_init : plan.start_regular;
    starts.insert(std::ranges::upper_bound(starts, resize.spec.index), resize.spec.index);
  }
}

Result<void> resize_in_place(Parts& parts, const core_v1::Pod& pod, const core_v1::Pod& had, const std::vector<ContainerResize>& resizes) {
  auto facts = parts.facts();
  auto cgroup = pod_cgroup(facts->cgroup_root, pod);
  auto wanted = pod_resources(pod, facts->resources), before = pod_resources(had, facts->resources);
  TRY(check_memory(parts, cgroup, wanted, before, resizes));
  // No container may have more than the pod: first there is room for what was and for what comes, and what is too much of it goes last.
  Resources room = wanted;
  room.cpu_shares = std::max(wanted.cpu_shares, before.cpu_shares);
  room.cpu_quota = larger_limit(wanted.cpu_quota, before.cpu_quota);
  room.cpu_period = std::max(wanted.cpu_period, before.cpu_period);
  room.memory_limit = larger_limit(wanted.memory_limit, before.memory_limit);
  TRY(parts.cgroups.create(cgroup, room));
  for (auto& resize : resizes)
    if (!resize.by_restart) TRY(parts.runtime.update_resources(resize.known->id, resize.wanted));
  return parts.cgroups.create(cgroup, wanted);
}

std::string resize_event(std::string_view what, const core_v1::Pod& pod, int64_t generation, std::string_view error) {
  auto out = concat(what, ": {");
  for (auto kind : {ContainerKind::Init, ContainerKind::Regular}) {
    bool any = false;
    for (auto& spec : containers_of(pod)) {
      if (spec.kind != kind) continue;
      if (!any) append(out, kind == ContainerKind::Init ? R"("initContainers":[)" : R"("containers":[)");
      append(out, any ? "," : "", R"({"name":")", spec.container.name(), R"(","resources":)");
      auto resources = spec.container.resources();
      if (resources.present())
        schema::write_json(out, schema::AnyView(&core_v1::ResourceRequirements::schema_type(), resources.base, resources.at));
      else
        out += "{}";
      out += '}';
      any = true;
    }
    if (any) out += "],";
  }
  append(out, R"("generation":)", generation);
  if (!error.empty()) {
    out += R"(,"error":)";
    schema::write_json_string(out, error);
  }
  return out + "}";
}

}  // namespace sampan::kubelet
