// Pods: defaults, what a write may bring, warnings and field labels. Validation is in pod_spec.cpp, pod_update.cpp and pod_status.cpp, columns
// are in pod_columns.cpp.
#include "registry/core/pod.h"

#include "base/encoding.h"
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/core/pod_kind.h"
#include "registry/core/pod_rules.h"

namespace sampan::registry {

namespace {

// ---- defaults ----

void default_requests(Value resources) {
  Value limits = resources["limits"];
  if (!limits.is_object()) return;
  Value requests = resources.ensure_object("requests");
  for (const schema::Member& limit : limits.members())
    if (!requests.has(limit.name)) requests.set(limit.name, limit.value);
}

void add_quantity(Value list, std::string_view name, const Quantity& quantity) {
  list.set_copy(name, list.arena().copy(quantity.text()));
}

// Where the pod as a whole asks for resources: huge pages that only containers limit become limits of the pod, and what is limited but not
// asked for is asked for.
void default_pod_resources(Value spec) {
  Value resources = spec["resources"];
  if (!resources.is_object()) return;
  if (!resources["limits"].empty() || !resources["requests"].empty())
    for (auto& [name, quantity] : aggregate_resources(spec, "limits"))
      if (is_huge_page_resource(name) && !resources["requests"].has(name) && !resources["limits"].has(name))
        add_quantity(resources.ensure_object("limits"), name, quantity);
  if (resources["limits"].empty()) return;
  for (auto& [name, quantity] : aggregate_resources(spec, "requests"))
    if (is_pod_level_resource(name) && is_overcommit_allowed(name) && !resources["requests"].has(name))
      add_quantity(resources.ensure_object("requests"), name, quantity);
  for (const schema::Member& limit : resources["limits"].members())
    if (is_pod_level_resource(limit.name) && !resources["requests"].has(limit.name))
      resources.ensure_object("requests").set(limit.name, limit.value);
}

// podIP is the first of podIPs; where they differ the old field is believed, for it may come from an old client.
void align_pod_ips(Value status) {
  auto ip = status["podIP"].as_string();
  Value ips = status["podIPs"];
  auto first = ips.at(0)["ip"].as_string();
  if (ip.empty()) {
    if (!first.empty()) status.set("podIP", first);
  } else if (ip != first) {
    Value list = Value::list(status.arena()), entry = Value::object(status.arena());
    entry.set("ip", ip);
    list.push(entry);
    status.set("podIPs", list);
  }
}

void default_pod(Value pod, std::string_view) {
  Value spec = pod.ensure_object("spec");
  for (auto list : {"containers", "initContainers"})
    for (Value container : spec[list].items()) default_requests(container["resources"]);
  default_pod_resources(spec);
  if (spec["enableServiceLinks"].is_missing()) spec.set("enableServiceLinks", true);
  if (spec["hostNetwork"].as_bool())
    for (auto list : {"containers", "initContainers"})
      for (Value container : spec[list].items())
        for (Value port : container["ports"].items())
          if (port["hostPort"].as_int() == 0 && port["containerPort"].is_int()) port.set("hostPort", port["containerPort"]);
  default_pod_spec(spec);
  // Negative periods are from before they were refused; of templates they are kept, and told about.
  if (Value grace = spec["terminationGracePeriodSeconds"]; grace.as_int() < 0) spec.set("terminationGracePeriodSeconds", 1);
  drop_init_container_annotations(pod["metadata"]["annotations"]);
  if (Value status = pod["status"]; status.is_object()) align_pod_ips(status);
}

// ---- creating ----

void merge_keys(Value selector, Value keys, std::string_view op, Value labels) {
  for (Value key : keys.items()) {
    Value value = labels[key.as_string()];
    if (!value.is_string()) continue;
    Value requirement = Value::object(selector.arena()), values = Value::list(selector.arena());
    values.push(value);
    requirement.set("key", key);
    requirement.set("operator", op);
    requirement.set("values", values);
    selector.ensure_list("matchExpressions").push(requirement);
  }
}

// The pod's own values of these keys become part of the selector. No selector matches nothing, and stays so.
void merge_label_keys(Value term, Value labels) {
  Value selector = term["labelSelector"];
  if (!selector.is_object()) return;
  merge_keys(selector, term["matchLabelKeys"], "In", labels);
  merge_keys(selector, term["mismatchLabelKeys"], "NotIn", labels);
}

void merge_all_label_keys(Value spec, Value labels) {
  for (auto kind : {"podAffinity", "podAntiAffinity"}) {
    Value affinity = spec["affinity"][kind];
    for (Value weighted : affinity["preferredDuringSchedulingIgnoredDuringExecution"].items())
      merge_label_keys(weighted["podAffinityTerm"], labels);
    for (Value term : affinity["requiredDuringSchedulingIgnoredDuringExecution"].items()) merge_label_keys(term, labels);
  }
  for (Value constraint : spec["topologySpreadConstraints"].items()) merge_label_keys(constraint, labels);
}

bool is_profile(Value profile, const AppArmorProfile& other) {
  return profile.is_object() && profile["type"].as_string() == other.type &&
         profile["localhostProfile"].as_string() == other.localhost_profile;
}

// Deprecated annotations of AppArmor become fields, unless the pod's own profile says the same.
void move_app_armor_annotations(Value pod, Warnings* warnings) {
  Value spec = pod["spec"], annotations = pod["metadata"]["annotations"];
  if (annotations.empty() || spec["os"]["name"].as_string() == "windows") return;
  Value pod_profile = spec["securityContext"]["appArmorProfile"];
  for (auto list : {"initContainers", "containers", "ephemeralContainers"})
    for (Value container : spec[list].items()) {
      Value annotation = annotations[concat(kAppArmorAnnotation, container["name"].as_string())];
      if (!annotation.is_string() || container["securityContext"]["appArmorProfile"].is_object()) continue;
      AppArmorProfile profile = app_armor_of_annotation(annotation.as_string());
      bool padded = trim(profile.localhost_profile) != profile.localhost_profile;
      bool valid = !profile.type.empty() && !padded;
      if (valid && is_profile(pod_profile, profile)) continue;
      if (warnings)
        warnings->push_back(concat("metadata.annotations[", kAppArmorAnnotation, container["name"].as_string(),
                                   "]: deprecated since v1.30; use the \"appArmorProfile\" field instead"));
      if (!valid) continue;
      Value field = container.ensure_object("securityContext").ensure_object("appArmorProfile");
      field.set("type", profile.type);
      if (profile.has_localhost_profile) field.set("localhostProfile", profile.localhost_profile);
    }
}

std::string_view time_text(int64_t seconds, Arena& arena) {
  std::string text;
  append_time(text, seconds);
  return arena.copy(text);
}

void prepare_create(Value pod, const CreateContext& context) {
  Arena& arena = pod.arena();
  Value spec = pod.ensure_object("spec");
  drop_disabled_spec_fields(spec, {});
  Value status = Value::object(arena);
  status.set("phase", "Pending");
  status.set("qosClass", compute_qos_class(spec));
  if (!spec["schedulingGates"].empty()) {
    Value condition = Value::object(arena), conditions = Value::list(arena);
    condition.set("type", "PodScheduled");
    condition.set("status", "False");
    condition.set("lastTransitionTime", time_text(context.now_seconds, arena));
    condition.set("reason", "SchedulingGated");
    condition.set("message", "Scheduling is blocked due to non-empty scheduling gates");
    conditions.push(condition);
    status.set("conditions", conditions);
  }
  pod.set("status", status);
  merge_all_label_keys(spec, pod["metadata"]["labels"]);
  move_app_armor_annotations(pod, context.warnings);
}

void warn(const Object& pod, const Object* old, Warnings& out) {
  if (old) return;  // updates come from machines, and often
  auto name = pod["metadata"]["name"].as_string();
  Complaints complaints;
  check_dns1123_label(name, complaints);
  if (!complaints.empty())
    out.push_back(concat("metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is "
                         "recommended: [",
                         join(complaints, " "), "]"));
  pod_warnings(pod, out);
}

// ---- deleting, selecting ----

int64_t grace_seconds(const Object& pod, int64_t requested) {
  AnyView own = pod["spec"]["terminationGracePeriodSeconds"];
  int64_t period = requested >= 0 ? requested : own.present() ? own.as_int() : 0;
  auto phase = pod["status"]["phase"].as_string();
  if (pod["spec"]["nodeName"].as_string().empty() || phase == "Failed" || phase == "Succeeded") return 0;
  return period < 0 ? 1 : period;
}

std::string text_of(const AnyView& view) { return std::string(view.as_string()); }

constexpr FieldLabel kFieldLabels[] = {
    {"spec.nodeName", [](const Object& pod) { return text_of(pod["spec"]["nodeName"]); }},
    // An old name of the same.
    {"spec.host", [](const Object& pod) { return text_of(pod["spec"]["nodeName"]); }},
    {"spec.restartPolicy", [](const Object& pod) { return text_of(pod["spec"]["restartPolicy"]); }},
    {"spec.schedulerName", [](const Object& pod) { return text_of(pod["spec"]["schedulerName"]); }},
    {"spec.serviceAccountName", [](const Object& pod) { return text_of(pod["spec"]["serviceAccountName"]); }},
    {"spec.hostNetwork",
     [](const Object& pod) {
       AnyView host_network = pod["spec"]["hostNetwork"];
       return std::string(host_network.present() && host_network.as_bool() ? "true" : "false");
     }},
    {"status.phase", [](const Object& pod) { return text_of(pod["status"]["phase"]); }},
    {"status.podIP",
     [](const Object& pod) {
       AnyView ips = pod["status"]["podIPs"];
       return ips.size() ? text_of(ips.item(0)["ip"]) : std::string();
     }},
    // Accepted, but no pod has a value of it.
    {"status.podIPs", [](const Object&) { return std::string(); }},
    {"status.nominatedNodeName", [](const Object& pod) { return text_of(pod["status"]["nominatedNodeName"]); }},
};

constexpr std::string_view kStatusResetFields[] = {"spec", "metadata.deletionTimestamp", "metadata.ownerReferences"};

}  // namespace

extern const Rules kPodRules{
    .group = "",
    .kind = "Pod",
    .defaults = default_pod,
    .prepare_create = prepare_create,
    .prepare_update = prepare_pod_update,
    .validate = validate_pod,
    .validate_update = validate_pod_update,
    .validate_subresource = validate_pod_subresource,
    .warnings = warn,
    .validate_name = name_is_dns_subdomain,
    .update_checks_whole = true,
    .columns = pod_columns(),
    .row = pod_row,
    .field_labels = kFieldLabels,
    .status_reset_on_create = false,  // made by prepare_create
    .grace_seconds = grace_seconds,
    .returns_deleted_object = true,
    .status_reset_fields = kStatusResetFields,
};

}  // namespace sampan::registry
