// Binding pods to nodes.
#include "base/text.h"
#include "registry/core/pod.h"
#include "registry/core/pod_conditions.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

void merge_strings(Value metadata, std::string_view name, const AnyView& more) {
  for (uint32_t i = 0; i < more.size(); i++)
    metadata.ensure_object(name).set_copy(more.key(i), metadata.arena().copy(more.value(i).as_string()));
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
  // Upstream gives the bare text of what is wrong, without a reason.
  std::vector<std::string> lines;
  for (auto& cause : errors.causes()) lines.push_back(concat(cause.field, ": ", cause.message));
  auto text = join(lines, ", ");
  return fail(Error(500, Reason::Unknown, lines.size() == 1 ? text : concat("[", text, "]")));
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
  set_pod_condition(status, "PodScheduled", {}, {}, now_seconds);
  return {};
}

}  // namespace sampan::registry
