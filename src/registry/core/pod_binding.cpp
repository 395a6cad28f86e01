// Binding pods to nodes, and what eviction asks of a pod.
#include "base/encoding.h"
#include "base/text.h"
#include "registry/core/pod.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void merge_strings(Value metadata, std::string_view name, const AnyView& more) {
  for (uint32_t i = 0; i < more.size(); i++)
    metadata.ensure_object(name).set_copy(more.key(i), metadata.arena().copy(more.value(i).as_string()));
}

// Sets the condition, keeping when it last changed if it says the same as before.
void set_scheduled(Value status, int64_t now_seconds) {
  Arena& arena = status.arena();
  Value conditions = status.ensure_list("conditions"), found;
  for (Value condition : conditions.items())
    if (condition["type"].as_string() == "PodScheduled") found = condition;
  bool same = found["status"].as_string() == "True";
  Value since = found["lastTransitionTime"];
  if (found.is_absent()) {
    found = Value::object(arena);
    conditions.push(found);
  } else {
    found.clear();
  }
  std::string now;
  append_time(now, now_seconds);
  found.set("type", "PodScheduled");
  found.set("status", "True");
  found.set("lastProbeTime", Value::null());
  found.set("lastTransitionTime", same && since.is_string() ? since : Value(arena.copy(now)));
}

}  // namespace

Result<void> check_binding(const schema::Object& binding, std::string_view pod_name) {
  if (binding["metadata"]["name"].as_string() != pod_name)
    return fail(bad_request("name in URL does not match name in Binding object"));
  FieldErrors errors;
  Path path("target");
  At target(binding["target"], path, errors);
  if (!target["kind"].text().empty()) target["kind"].one_of({"Node", "<empty>"});
  if (target["name"].text().empty()) target["name"].required();
  if (errors.empty()) return {};
  // Upstream gives the bare text of what is wrong, as an internal error.
  std::vector<std::string> lines;
  for (auto& cause : errors.causes()) lines.push_back(concat(cause.field, ": ", cause.message));
  auto text = join(lines, ", ");
  return fail(internal_error(lines.size() == 1 ? text : concat("[", text, "]")));
}

Result<void> bind_pod(Value pod, const schema::Object& binding, int64_t now_seconds) {
  Value metadata = pod["metadata"], spec = pod["spec"];
  auto name = metadata["name"].as_string();
  auto refuse = [&](std::string why) { return fail(conflict("", "pods/binding", name, why)); };
  if (!metadata["deletionTimestamp"].is_missing())
    return refuse(concat("pod ", name, " is being deleted, cannot be assigned to a host"));
  if (auto node = spec["nodeName"].as_string(); !node.empty())
    return refuse(concat("pod ", name, " is already assigned to node ", quoted(node)));
  if (!spec["schedulingGates"].empty()) return refuse(concat("pod ", name, " has non-empty .spec.schedulingGates"));

  spec.set("nodeName", pod.arena().copy(binding["target"]["name"].as_string()));
  merge_strings(metadata, "annotations", binding["metadata"]["annotations"]);
  merge_strings(metadata, "labels", binding["metadata"]["labels"]);
  Value status = pod.ensure_object("status");
  status.remove("nominatedNodeName");
  set_scheduled(status, now_seconds);
  return {};
}

bool can_ignore_disruption_budgets(const schema::Object& pod) {
  auto phase = pod["status"]["phase"].as_string();
  return phase == "Succeeded" || phase == "Failed" || phase == "Pending" || pod["metadata"]["deletionTimestamp"].present();
}

}  // namespace sampan::registry
