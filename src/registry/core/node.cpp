// Node: a machine that runs pods.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/columns.h"
#include "registry/core/pod_rules.h"
#include "registry/core/resource_names.h"

namespace sampan::registry {

namespace core_node {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  Value status = object["status"];
  for (auto field : {"capacity", "allocatable"})
    if (status[field].is_object()) core::round_resources(status[field]);
  if (status["allocatable"].is_missing() && status["capacity"].is_object())
    status.set("allocatable", status["capacity"].clone(object.arena()));
  // podCIDR is the first of podCIDRs; old clients know only the one.
  Value spec = object["spec"];
  auto cidr = spec["podCIDR"].as_string();
  if (!cidr.empty() && spec["podCIDRs"].at(0).as_string() != cidr) {
    Value list = Value::list(object.arena());
    list.push(cidr);
    spec.set("podCIDRs", list);
  }
  if (cidr.empty() && spec["podCIDRs"].size() > 0) spec.set("podCIDR", spec["podCIDRs"].at(0));
}

// The kubelet is no longer configured from the API: what is there may stay, nothing new comes.
void prepare_create(Value object, const CreateContext&) {
  if (object["spec"].is_object()) object["spec"].remove("configSource");
  if (object["status"].is_object()) object["status"].remove("config");
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource.empty() && object["spec"].is_object() && !old["spec"]["configSource"].present()) object["spec"].remove("configSource");
  if (subresource == "status" && object["status"].is_object() && !old["status"]["config"].present()) object["status"].remove("config");
}

// ---- taints ----

void validate_taint(const At& taint) {
  taint["key"].must_be(check_qualified_name);
  Complaints complaints;
  check_label_value(taint["value"].text(), complaints);
  if (!complaints.empty()) taint.errors().invalid(taint.path().child("value"), taint["value"].text(), join(complaints, ";"));
  At effect = taint["effect"];
  if (effect.empty())
    effect.required();
  else
    effect.one_of({"NoSchedule", "PreferNoSchedule", "NoExecute"});
}

void validate_taints(const AnyView& list, FieldErrors& errors) {
  Path metadata("metadata");  // where upstream says they are
  At taints(list, metadata.child("taints"), errors);
  for (uint32_t i = 0; i < taints.size(); i++) {
    At taint = taints.item(i);
    validate_taint(taint);
    for (uint32_t j = 0; j < i; j++) {
      auto other = list.item(j);
      if (other["key"].as_string() != taint["key"].text() || other["effect"].as_string() != taint["effect"].text()) continue;
      errors.duplicate(taint.path(), Shown::internal(taint.value()), "taints must be unique by key and effect pair");
      break;
    }
  }
}

// ---- the rest ----

void validate_resources(const Object& object, FieldErrors& errors) {
  Path path("status");
  for (auto field : {"capacity", "allocatable"}) {
    auto list = object["status"][field];
    auto list_path = path.child(field);
    for (uint32_t i = 0; i < list.size(); i++) {
      At quantity(list.value(i), list_path.child(list.key(i)), errors);
      validate_resource_quantity(list.key(i), quantity);
    }
  }
}

// Segments of letters and digits separated by slashes, the first with a capital.
bool is_feature_name(std::string_view name) {
  auto segments = split(name, '/');
  if (segments[0].empty() || segments[0][0] < 'A' || segments[0][0] > 'Z') return false;
  for (auto segment : segments) {
    if (segment.empty()) return false;
    for (char c : segment)
      if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))) return false;
  }
  return true;
}

void validate_declared_features(const Object& object, FieldErrors& errors) {
  Path status("status");
  At features(object["status"]["declaredFeatures"], status.child("declaredFeatures"), errors);
  constexpr size_t kBytesMax = 253;
  for (uint32_t i = 0; i < features.size(); i++) {
    At feature = features.item(i);
    if (feature.text().size() > kBytesMax)
      feature.invalid(concat("invalid feature name ", quoted(feature.text()), ": must be no more than ", kBytesMax, " characters"));
    else if (!is_feature_name(feature.text()))
      feature.invalid(concat("invalid feature name ", quoted(feature.text()),
                             ": must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or "
                             "MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"));
    if (i == 0) continue;
    auto previous = features.value().item(i - 1).as_string();
    if (previous == feature.text()) feature.duplicate();
    if (previous > feature.text()) feature.invalid("list must be sorted alphabetically");
  }
}

void validate(const Object& object, FieldErrors& errors) {
  validate_taints(object["spec"]["taints"], errors);
  validate_resources(object, errors);
  if (auto swap = object["status"]["nodeInfo"]["swap"]["capacity"]; swap.present() && swap.as_int() <= 0)
    errors.invalid(Path("metadata").child("nodeSwapStatus").child("capacity"), swap.as_int(), "must be greater than 0");
  validate_declared_features(object, errors);
  Path spec("spec");
  At cidrs(object["spec"]["podCIDRs"], spec.child("podCIDRs"), errors);
  bool v4 = false, v6 = false;
  for (uint32_t i = 0; i < cidrs.size(); i++) {
    require_legacy_cidr(errors, cidrs.item(i).path(), cidrs.item(i).text());
    if (auto cidr = parse_cidr(cidrs.item(i).text())) (cidr->is_v4() ? v4 : v6) = true;
  }
  if (cidrs.size() > 2 || (cidrs.size() == 2 && !(v4 && v6))) cidrs.invalid("may specify no more than one CIDR for each IP family");
}

void validate_change(const Object& object, const Object& old, FieldErrors& errors) {
  validate_resources(object, errors);
  validate_declared_features(object, errors);
  Path status("status"), spec("spec");
  At addresses(object["status"]["addresses"], status.child("addresses"), errors);
  for (uint32_t i = 0; i < addresses.size(); i++)
    for (uint32_t j = 0; j < i; j++)
      if (addresses.value().item(j).equals(addresses.value().item(i))) {
        errors.duplicate(addresses.item(i).path(), Shown::internal(addresses.value().item(i)));
        break;
      }
  auto before = old["spec"]["podCIDRs"], now = object["spec"]["podCIDRs"];
  constexpr std::string_view kOnlyOnce = "node updates may not change podCIDR except from \"\" to valid";
  if (before.size() > 0 && before.size() != now.size()) errors.forbidden(spec.child("podCIDRs"), kOnlyOnce);
  for (uint32_t i = 0; i < before.size() && before.size() == now.size(); i++)
    if (before.item(i).as_string() != now.item(i).as_string()) errors.forbidden(spec.child("podCIDRs"), kOnlyOnce);
  auto provider = old["spec"]["providerID"].as_string();
  if (!provider.empty() && provider != object["spec"]["providerID"].as_string())
    errors.forbidden(spec.child("providerID"), "node updates may not change providerID except from \"\" to valid");
  validate_taints(object["spec"]["taints"], errors);
  if (object["spec"]["externalID"].as_string() != old["spec"]["externalID"].as_string())
    errors.forbidden(spec.child("externalID"), "may not be updated");
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  validate_change(object, old, errors);
}

void validate_status(std::string_view, const Object& object, const Object& old, FieldErrors& errors) { validate_change(object, old, errors); }

void warnings(const Object& object, const Object*, Warnings& out) {
  auto spec = object["spec"];
  if (spec["configSource"].present()) out.push_back("spec.configSource: the feature is removed");
  if (!spec["externalID"].as_string().empty()) out.push_back("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  Path path("spec");
  auto list_path = path.child("podCIDRs");
  for (uint32_t i = 0; i < spec["podCIDRs"].size(); i++) warn_of_cidr(list_path.index(i), spec["podCIDRs"].item(i).as_string(), out);
}

// ---- the table ----

constexpr Column kColumns[] = {
    kNameColumn,
    {"Status", "string", "", "The status of the node"},
    {"Roles", "string", "", "The roles of the node"},
    kAgeColumn,
    {"Version", "string", "", "Kubelet Version reported by the node."},
    {"Internal-IP", "string", "",
     "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
     "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as mergeable, but the merge key is "
     "not sufficiently unique, which can cause data corruption when it is merged. Callers should instead use a full-replacement patch. "
     "See https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change during the lifetime of a Node. "
     "However, there are some exceptions where this may not be possible, such as Pods that inherit a Node's address in its own status or "
     "consumers of the downward API (status.hostIP).", 1},
    {"External-IP", "string", "",
     "List of addresses reachable to the node. Queried from cloud provider, if available. More info: "
     "https://kubernetes.io/docs/reference/node/node-status/#addresses Note: This field is declared as mergeable, but the merge key is "
     "not sufficiently unique, which can cause data corruption when it is merged. Callers should instead use a full-replacement patch. "
     "See https://pr.k8s.io/79391 for an example. Consumers should assume that addresses can change during the lifetime of a Node. "
     "However, there are some exceptions where this may not be possible, such as Pods that inherit a Node's address in its own status or "
     "consumers of the downward API (status.hostIP).", 1},
    {"OS-Image", "string", "",
     "OS Image reported by the node from /etc/os-release (e.g. Debian GNU/Linux 7 (wheezy)).", 1},
    {"Kernel-Version", "string", "",
     "Kernel Version reported by the node from 'uname -r' (e.g. 3.16.0-0.bpo.4-amd64).", 1},
    {"Container-Runtime", "string", "",
     "ContainerRuntime Version reported by the node through runtime remote API (e.g. containerd://1.4.2).", 1},
};

std::string status_of(const Object& object) {
  std::string out = "Unknown";
  auto conditions = object["status"]["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == "Ready") out = conditions.item(i)["status"].as_string() == "True" ? "Ready" : "NotReady";
  if (auto flag = object["spec"]["unschedulable"]; flag.present() && flag.as_bool()) out += ",SchedulingDisabled";
  return out;
}

std::string roles_of(const Object& object) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string_view> roles;
  auto labels = object["metadata"]["labels"];
  for (uint32_t i = 0; i < labels.size(); i++) {
    auto key = labels.key(i);
    if (key.starts_with(kPrefix) && key.size() > kPrefix.size()) roles.insert(key.substr(kPrefix.size()));
    if (key == "kubernetes.io/role" && !labels.value(i).as_string().empty()) roles.insert(labels.value(i).as_string());
  }
  std::string out;
  for (auto role : roles) append(out, out.empty() ? "" : ",", role);
  return out.empty() ? "<none>" : out;
}

std::string_view address_of(const Object& object, std::string_view type) {
  auto addresses = object["status"]["addresses"];
  for (uint32_t i = 0; i < addresses.size(); i++)
    if (addresses.item(i)["type"].as_string() == type) return addresses.item(i)["address"].as_string();
  return "<none>";
}

void row(const Object& object, Row& row) {
  auto info = object["status"]["nodeInfo"];
  auto known = [&](std::string_view field) {
    auto text = info[field].as_string();
    return std::string(text.empty() ? "<unknown>" : text);
  };
  name_cell(object, row);
  row.text(status_of(object));
  row.text(roles_of(object));
  age_cell(object, row);
  row.text(info["kubeletVersion"].as_string());
  row.text(address_of(object, "InternalIP"));
  row.text(address_of(object, "ExternalIP"));
  row.text(known("osImage"));
  auto kernel = known("kernelVersion");
  if (auto architecture = info["architecture"].as_string(); !architecture.empty()) append(kernel, " (", architecture, ")");
  row.text(kernel);
  row.text(known("containerRuntimeVersion"));
}

constexpr FieldLabel kFieldLabels[] = {{"spec.unschedulable", [](const Object& object) {
                                          auto flag = object["spec"]["unschedulable"];
                                          return std::string(flag.present() && flag.as_bool() ? "true" : "false");
                                        }}};

}  // namespace core_node

extern const Rules kNodeRules{
    .group = "",
    .kind = "Node",
    .defaults = core_node::defaults,
    .prepare_create = core_node::prepare_create,
    .prepare_update = core_node::prepare_update,
    .validate = core_node::validate,
    .validate_update = core_node::validate_update,
    .validate_subresource = core_node::validate_status,
    .warnings = core_node::warnings,
    .update_checks_whole = true,
    .columns = core_node::kColumns,
    .row = core_node::row,
    .field_labels = core_node::kFieldLabels,
    .has_generation = false,
    .status_reset_on_create = false,
};

}  // namespace sampan::registry
