// ResourceSlice: devices that a driver offers.
#include "base/text.h"
#include "base/time_text.h"
#include "registry/columns.h"
#include "registry/core/pod_rules.h"
#include "registry/resource/devices.h"
#include "registry/storage/parameters.h"

namespace sampan::registry {

namespace resource_slice {

using schema::AnyView;
namespace devices = resource;

constexpr std::string_view kMappings = "nodeAllocatableResourceMappings", kValueLists[] = {"ints", "bools", "strings", "versions"};

// Lists of values and the node's own resources are behind gates that are off.
void drop_mappings(Value object) {
  for (Value device : object["spec"]["devices"].items())
    if (device.is_object()) device.remove(kMappings);
}
void drop_value_lists(Value object) {
  for (Value device : object["spec"]["devices"].items())
    for (auto& attribute : device["attributes"].members())
      for (auto field : kValueLists)
        if (attribute.value.is_object()) attribute.value.remove(field);
}

void stamp_taints(Value object, int64_t now_seconds) {
  for (Value device : object["spec"]["devices"].items())
    for (Value taint : device["taints"].items())
      if (taint.is_object() && taint["timeAdded"].is_missing()) taint.set("timeAdded", object.arena().copy(rfc3339(now_seconds)));
}

void stamp_update(Value object, const Object&, std::string_view, int64_t now_seconds) { stamp_taints(object, now_seconds); }

void prepare_create(Value object, const CreateContext& context) {
  stamp_taints(object, context.now_seconds);
  drop_mappings(object);
  drop_value_lists(object);
}

// What a stored slice has already may stay.
void prepare_update(Value object, const Object& old, std::string_view) {
  bool has_mappings = false, has_lists = false;
  auto devices = old["spec"]["devices"];
  for (uint32_t i = 0; i < devices.size(); i++) {
    has_mappings |= devices.item(i)[kMappings].present();
    auto attributes = devices.item(i)["attributes"];
    for (uint32_t j = 0; j < attributes.size(); j++)
      for (auto field : kValueLists) has_lists |= attributes.value(j)[field].present();
  }
  if (!has_mappings) drop_mappings(object);
  if (!has_lists) drop_value_lists(object);
}

bool is_number(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }); }

// Dot-separated identifiers of letters, digits and dashes; numbers without leading zeros where they count.
bool are_identifiers(std::string_view text, bool numbers_count) {
  for (auto part : split(text, '.')) {
    if (part.empty() || (numbers_count && is_number(part) && part.size() > 1 && part[0] == '0')) return false;
    for (char c : part)
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-')) return false;
  }
  return true;
}

bool is_semantic_version(std::string_view text) {
  if (auto plus = text.find('+'); plus != std::string_view::npos) {
    if (!are_identifiers(text.substr(plus + 1), false)) return false;
    text = text.substr(0, plus);
  }
  if (auto dash = text.find('-'); dash != std::string_view::npos) {
    if (!are_identifiers(text.substr(dash + 1), true)) return false;
    text = text.substr(0, dash);
  }
  auto parts = split(text, '.');
  return parts.size() == 3 && std::all_of(parts.begin(), parts.end(), is_number) && are_identifiers(text, true);
}

void validate_text(const At& value, bool is_version) {
  constexpr size_t kBytesMax = 64;
  if (is_version && !is_semantic_version(value.text())) value.invalid(Shown(value.text()), "must be a string compatible with semver.org spec 2.0.0");
  if (value.text().size() > kBytesMax) value.too_long(kBytesMax);
}

void validate_attribute(const At& attribute) {
  int members = 0;
  for (auto field : {"bool", "int", "string", "version", "bools", "ints", "strings", "versions"}) members += attribute[field].present();
  if (attribute["string"].present()) validate_text(attribute["string"], false);
  if (attribute["version"].present()) validate_text(attribute["version"], true);
  At strings = attribute["strings"], versions = attribute["versions"];
  for (uint32_t i = 0; i < strings.size(); i++) validate_text(strings.item(i), false);
  for (uint32_t i = 0; i < versions.size(); i++) validate_text(versions.item(i), true);
  if (members == 0) attribute.invalid(Shown(""), "exactly one value must be specified");
  if (members > 1) attribute.invalid(attribute.internal(), "exactly one value must be specified");
}

void validate_attributes(const At& device) {
  constexpr uint32_t kTotalMax = 32, kValuesMax = 48;
  At attributes = device["attributes"], capacity = device["capacity"];
  uint32_t total = attributes.size() + capacity.size(), values = 0;
  if (total > kTotalMax)
    device.invalid(Shown(static_cast<int64_t>(total)), concat("the total number of attributes and capacities must not exceed ", kTotalMax));
  for (uint32_t i = 0; i < attributes.size(); i++) {
    uint32_t items = 0;
    for (auto field : {"bools", "ints", "strings", "versions"}) items += attributes.value().value(i)[field].size();
    values += items ? items : 1;
  }
  if (values > kValuesMax)
    device.invalid(Shown(static_cast<int64_t>(values)), concat("the total number of attribute values must not exceed ", kValuesMax));
  for (uint32_t i = 0; i < attributes.size(); i++) {
    devices::validate_qualified_name(device.errors(), attributes.path(), attributes.key(i));
    validate_attribute(attributes.map_value(i));
  }
  for (uint32_t i = 0; i < capacity.size(); i++) {
    devices::validate_qualified_name(device.errors(), capacity.path(), capacity.key(i));
    At amount = capacity.map_value(i);
    if (device["allowMultipleAllocations"].truth())
      devices::validate_capacity_policy(amount);
    else if (amount["requestPolicy"].present())
      amount["requestPolicy"].forbidden("allowMultipleAllocations must be true");
  }
}

void validate_counters(const At& counters) {
  constexpr uint32_t kCountersMax = 32;
  if (counters.size() == 0) return counters.required();
  if (counters.size() > kCountersMax) return counters.errors().too_many(counters.path(), counters.size(), kCountersMax);
  for (uint32_t i = 0; i < counters.size(); i++) require_dns1123_label(counters.errors(), counters.path(), counters.key(i));
}

void validate_counter_set(const At& set, std::string_view name_field) {
  At name = set[name_field];
  name.empty() ? name.required() : name.must_be(check_dns1123_label);
  validate_counters(set["counters"]);
}

// Which nodes can reach it: the fields that say so, complained about where they say nothing.
std::vector<std::string> nodes_of(const At& at, std::string_view empty_name) {
  std::vector<std::string> fields;
  At name = at["nodeName"], selector = at["nodeSelector"], all = at["allNodes"];
  if (name.present()) {
    if (name.text().empty()) {
      name.invalid(Shown(""), empty_name);
    } else {
      fields.push_back("`nodeName`");
      name.must_be(check_dns1123_subdomain);
    }
  }
  if (selector.present()) {
    fields.push_back("`nodeSelector`");
    validate_node_selector(selector, false);
  }
  if (all.present()) {
    if (all.truth())
      fields.push_back("`allNodes`");
    else
      all.invalid(Shown(false), "must be either unset or set to true");
  }
  return fields;
}

void validate_device_nodes(const At& device, bool each_device) {
  constexpr std::string_view kOne =
      "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  if (!each_device) {
    if (device["nodeName"].present() || device["nodeSelector"].present() || device["allNodes"].present())
      device.invalid(Shown::null(),
                     "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec");
    return;
  }
  auto fields = nodes_of(device, "must not be empty");
  if (fields.empty()) device.required(kOne);
  if (fields.size() > 1) device.invalid(Shown(concat("{", join(fields, ", "), "}")), kOne);
}

void validate_device(const At& device, const AnyView& old_devices, bool each_device) {
  constexpr uint32_t kTaintsMax = 16, kConsumptionsMax = 2;
  device["name"].must_be(check_dns1123_label);
  validate_attributes(device);
  bool same_taints = false;
  for (uint32_t i = 0; i < old_devices.size(); i++)
    if (auto old = old_devices.item(i); old["name"].as_string() == device["name"].text())
      same_taints = old["taints"].equals(device["taints"].value());
  if (!same_taints) devices::validate_list(device["taints"], kTaintsMax, devices::validate_taint);
  devices::validate_set(device["consumesCounters"], kConsumptionsMax, "counterSet",
                        [](const At& consumption) { validate_counter_set(consumption, "counterSet"); });
  validate_device_nodes(device, each_device);
  devices::validate_binding_conditions(device);
}

void validate_nodes(const At& spec) {
  constexpr std::string_view kOne = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  auto fields = nodes_of(spec, "must be either unset or set to a non-empty string");
  At selector = spec["nodeSelector"], each = spec["perDeviceNodeSelection"];
  At terms = selector["nodeSelectorTerms"];
  if (selector.present() && terms.size() != 1) terms.invalid(terms.internal(), "must have exactly one node selector term");
  if (each.present()) {
    if (each.truth())
      fields.push_back("`perDeviceNodeSelection`");
    else
      each.invalid(Shown(false), "must be either unset or set to true");
  }
  if (fields.empty()) spec.required(kOne);
  if (fields.size() > 1) spec.invalid(Shown(concat("{", join(fields, ", "), "}")), concat(kOne, ", but multiple fields are set"));
}

uint32_t devices_max(const AnyView& list) {
  constexpr uint32_t kPlainMax = 128, kRichMax = 64;
  for (uint32_t i = 0; i < list.size(); i++)
    if (list.item(i)["taints"].size() > 0 || list.item(i)["consumesCounters"].size() > 0) return kRichMax;
  return kPlainMax;
}

void validate_spec(const At& spec, const AnyView& old) {
  constexpr uint32_t kCounterSetsMax = 8;
  At pool = spec["pool"], list = spec["devices"], counters = spec["sharedCounters"];
  storage::require_csi_driver_name(spec["driver"]);
  devices::validate_pool_name(pool["name"]);
  int64_t slices = pool["resourceSliceCount"].present() ? pool["resourceSliceCount"].number() : 0;
  if (slices <= 0) pool["resourceSliceCount"].invalid(Shown(slices), "must be greater than zero");
  if (pool["generation"].present() && pool["generation"].number() < 0)
    pool["generation"].invalid("must be greater than or equal to zero");
  if (old.present()) {
    if (pool["name"].text() != old["pool"]["name"].as_string()) pool["name"].invalid(Shown(pool["name"].text()), "field is immutable");
    if (spec["driver"].text() != old["driver"].as_string()) spec["driver"].invalid(Shown(spec["driver"].text()), "field is immutable");
    require_field_unchanged(spec.errors(), spec.path(), spec.value(), old, "nodeName");
  }
  validate_nodes(spec);
  if (counters.present() && list.present()) spec.invalid(Shown(""), "only one of `sharedCounters` or `devices` is allowed");
  bool each_device = spec["perDeviceNodeSelection"].truth();
  devices::validate_set(list, devices_max(list.value()), "name",
                        [&](const At& device) { validate_device(device, old["devices"], each_device); });
  devices::validate_set(counters, kCounterSetsMax, "name", [](const At& set) { validate_counter_set(set, "name"); });
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  validate_spec(At(object["spec"], path, errors), {});
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  Path path("spec");
  validate_spec(At(object["spec"], path, errors), old["spec"]);
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Node", "string", "",
     "NodeName identifies the node which provides the resources in this pool. A field selector can be used to list only "
     "ResourceSlice objects belonging to a certain node.\n\nThis field can be used to limit access from nodes to ResourceSlices "
     "with the same node name. It also indicates to autoscalers that adding new nodes of the same type as some old node might also "
     "make new resources available.\n\nExactly one of NodeName, NodeSelector, AllNodes, and PerDeviceNodeSelection must be set. "
     "This field is immutable."},
    {"Driver", "string", "",
     "Driver identifies the DRA driver providing the capacity information. A field selector can be used to list only ResourceSlice "
     "objects with a certain driver name.\n\nMust be a DNS subdomain and should end with a DNS domain owned by the vendor of the "
     "driver. It should use only lower case characters. This field is immutable."},
    {"Pool", "string", "",
     "Name is used to identify the pool. For node-local devices, this is often the node name, but this is not required.\n\nIt must "
     "not be longer than 253 characters and must consist of one or more DNS sub-domains separated by slashes. This field is "
     "immutable."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto spec = object["spec"];
  name_cell(object, row);
  row.text(spec["nodeName"].as_string());
  row.text(spec["driver"].as_string());
  row.text(spec["pool"]["name"].as_string());
  age_cell(object, row);
}

constexpr FieldLabel kFieldLabels[] = {
    {"spec.nodeName", [](const Object& object) { return std::string(object["spec"]["nodeName"].as_string()); }},
    {"spec.driver", [](const Object& object) { return std::string(object["spec"]["driver"].as_string()); }},
};

}  // namespace resource_slice

extern const Rules kResourceSliceRules{
    .group = "resource.k8s.io",
    .kind = "ResourceSlice",
    .prepare_create = resource_slice::prepare_create,
    .prepare_update = resource_slice::prepare_update,
    .stamp_update = resource_slice::stamp_update,
    .validate = resource_slice::validate,
    .validate_update = resource_slice::validate_update,
    .columns = resource_slice::kColumns,
    .row = resource_slice::row,
    .field_labels = resource_slice::kFieldLabels,
    .unknown_label = [](std::string_view label) { return concat("field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ", label); },
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
