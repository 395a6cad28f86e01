// ResourceClaim and ResourceClaimTemplate: devices that are asked for, and got.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/columns.h"
#include "registry/core/claim_spec.h"
#include "registry/core/pod_rules.h"
#include "registry/keep_metadata.h"
#include "registry/resource/devices.h"
#include "registry/storage/parameters.h"

namespace sampan::registry {

namespace resource_claim {

using schema::AnyView;
namespace devices = resource;

void defaults(Value object, std::string_view) { devices::default_claim_spec(object["spec"]); }

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  devices::validate_claim_spec(At(object["spec"], path, errors));
}

void require_spec_kept(const Object& object, const Object& old, FieldErrors& errors) {
  auto now = object["spec"], before = old["spec"];
  if (now.equals(before)) return;
  AnyView nothing(&(now.present() ? now : before).type(), object.data(), 0);  // shown as a spec that asks for nothing
  errors.invalid(Path("spec"), Shown::internal(now.present() ? now : nothing, errors.sent_at(Path("spec"))), "field is immutable");
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) { require_spec_kept(object, old, errors); }

// ---- status ----

bool same_device(const AnyView& a, const AnyView& b) {
  for (auto field : {"driver", "pool", "device", "shareID"})
    if (a[field].as_string() != b[field].as_string()) return false;
  return true;
}

Shown shown_device(const AnyView& device) {
  constexpr std::string_view parts[][2] = {{"Driver", "driver"}, {"Pool", "pool"}, {"Device", "device"}, {"ShareID", "shareID"}};
  std::string text;
  for (auto [name, field] : parts) append(text, text.empty() ? "{\"" : ",\"", name, "\":", Shown::named(device[field].as_string()).text());
  return Shown::raw(text + "}");
}

bool is_allocated(const AnyView& device, const AnyView& results) {
  for (uint32_t i = 0; i < results.size(); i++)
    if (same_device(results.item(i), device)) return true;
  return false;
}

void validate_network_data(const At& data) {
  constexpr size_t kInterfaceBytesMax = 256, kHardwareBytesMax = 128;
  constexpr uint32_t kAddressesMax = 16;
  if (!data.present()) return;
  if (data["interfaceName"].text().size() > kInterfaceBytesMax) data["interfaceName"].too_long(kInterfaceBytesMax);
  if (data["hardwareAddress"].text().size() > kHardwareBytesMax) data["hardwareAddress"].too_long(kHardwareBytesMax);
  devices::validate_set(data["ips"], kAddressesMax, "", [](const At& address) {
    auto parsed = parse_cidr(address.text());
    if (!parsed) return address.invalid(Shown(address.text()), "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)");
    int prefix = parsed->prefix_of_128() - (parsed->address.is_v4() ? 96 : 0);
    auto canonical = concat(parsed->address.text(), "/", prefix);
    if (address.text() != canonical) address.invalid(concat("must be in canonical form (", quoted(canonical), ")"));
  });
}

void validate_device_status(const At& device, const AnyView& results) {
  constexpr uint32_t kConditionsMax = 8;
  storage::require_csi_driver_name(device["driver"]);
  devices::validate_pool_name(device["pool"]);
  device["device"].must_be(check_dns1123_label);
  if (device["shareID"].present()) devices::validate_uid(device["shareID"]);
  if (!is_allocated(device.value(), results)) device.invalid(shown_device(device.value()), "must be an allocated device in the claim");
  At conditions = device["conditions"];
  if (conditions.size() > kConditionsMax) conditions.errors().too_many(conditions.path(), conditions.size(), kConditionsMax);
  validate_conditions(device.errors(), conditions.path(), conditions.value());
  if (!device["data"].empty()) devices::validate_raw(device["data"]);
  validate_network_data(device["networkData"]);
}

void validate_result(const At& result, const AnyView& claim) {
  devices::validate_request_name(result["request"], claim);
  storage::require_csi_driver_name(result["driver"]);
  devices::validate_pool_name(result["pool"]);
  result["device"].must_be(check_dns1123_label);
  devices::validate_binding_conditions(result);
  if (result["shareID"].present()) devices::validate_uid(result["shareID"]);
}

void validate_allocation(const At& allocation, const AnyView& claim) {
  constexpr uint32_t kResultsMax = 32, kConfigurationsMax = 64;
  At parts = allocation["devices"];
  devices::validate_list(parts["results"], kResultsMax, [&](const At& result) { validate_result(result, claim); });
  devices::validate_list(parts["config"], kConfigurationsMax, [&](const At& configuration) {
    At source = configuration["source"];
    source.empty() ? source.required() : void(source.one_of({"FromClaim", "FromClass"}));
    devices::validate_set(configuration["requests"], devices::kRequestsMax, "",
                          [&](const At& name) { devices::validate_request_name(name, claim); });
    devices::validate_configuration(configuration);
  });
  if (allocation["nodeSelector"].present()) validate_node_selector(allocation["nodeSelector"], false);
}

void validate_reservations(const At& status, const Object& object, const Object& old) {
  constexpr uint32_t kReservationsMax = 256;
  At reserved = status["reservedFor"];
  devices::validate_set(reserved, kReservationsMax, "uid", [](const At& consumer) {
    for (auto field : {"resource", "name", "uid"})
      if (consumer[field].empty()) consumer[field].required();
  });
  if (reserved.size() == 0) return;
  if (!status["allocation"].present()) return reserved.forbidden("may not be specified when `allocated` is not set");
  if (!is_being_deleted(object)) return;
  auto before = old["status"]["reservedFor"];
  for (uint32_t i = 0; i < reserved.size(); i++) {
    bool known = false;
    for (uint32_t j = 0; j < before.size(); j++) known |= before.item(j).equals(reserved.value().item(i));
    if (!known)
      return reserved.forbidden("new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set");
  }
}

void validate_status(std::string_view, const Object& object, const Object& old, FieldErrors& errors) {
  Path path("status");
  At status(object["status"], path, errors);
  At allocation = status["allocation"], told = status["devices"];
  auto results = allocation["devices"]["results"].value();
  validate_reservations(status, object, old);
  for (uint32_t i = 0; i < told.size(); i++) {
    At device = told.item(i);
    validate_device_status(device, results);
    for (uint32_t j = 0; j < i; j++)
      if (same_device(told.value().item(j), device.value())) {
        errors.duplicate(device.path(), shown_device(device.value()));
        break;
      }
  }
  auto before = old["status"]["allocation"];
  if (!allocation.present()) return;
  if (!before.present())
    validate_allocation(allocation, object["spec"]["devices"]);
  else if (!before.equals(allocation.value()))
    errors.invalid(allocation.path(), Shown::internal(allocation.value()), "field is immutable");
}

// What drivers tell about devices that the claim no longer has goes with them.
void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource != "status") return;
  keep_metadata(object, old);
  Value status = object["status"], told = status["devices"];
  auto before = old["status"]["allocation"]["devices"]["results"];
  auto has = [](Value results, Value device) {
    for (Value result : results.items()) {
      bool same = true;
      for (auto field : {"driver", "pool", "device", "shareID"}) same = same && result[field].as_string() == device[field].as_string();
      if (same) return true;
    }
    return false;
  };
  if (told.size() == 0 || before.size() == 0) return;
  Value old_results = schema::thaw(before, object.arena());
  for (uint32_t i = told.size(); i-- > 0;)
    if (has(old_results, told.at(i)) && !has(status["allocation"]["devices"]["results"], told.at(i))) told.erase(i);
  if (told.size() == 0) status.remove("devices");
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"State", "string", "", "A summary of the current state (allocated, pending, reserved, etc.)."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto status = object["status"];
  bool deleted = is_being_deleted(object);
  std::string state = deleted ? "deleted" : "";
  if (!status["allocation"].present())
    append(state, deleted ? "" : "pending");
  else
    append(state, deleted ? "," : "", "allocated", status["reservedFor"].size() ? ",reserved" : "");
  name_cell(object, row);
  row.text(state);
  age_cell(object, row);
}

// ---- templates ----

void template_defaults(Value object, std::string_view) { devices::default_claim_spec(object["spec"]["spec"]); }

void validate_template(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  validate_template_metadata(spec["metadata"]);
  devices::validate_claim_spec(spec["spec"]);
}

void validate_template_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_template(object, errors);
  require_spec_kept(object, old, errors);
}

constexpr Column kTemplateColumns[] = {kNameColumn, kAgeColumn};

void template_row(const Object& object, Row& row) {
  name_cell(object, row);
  age_cell(object, row);
}

constexpr std::string_view kStatusReset[] = {"metadata", "spec"};

}  // namespace resource_claim

extern const Rules kResourceClaimRules{
    .group = "resource.k8s.io",
    .kind = "ResourceClaim",
    .defaults = resource_claim::defaults,
    .prepare_update = resource_claim::prepare_update,
    .validate = resource_claim::validate,
    .validate_update = resource_claim::validate_update,
    .validate_subresource = resource_claim::validate_status,
    .update_checks_whole = true,
    .columns = resource_claim::kColumns,
    .row = resource_claim::row,
    .has_generation = false,
    .returns_deleted_object = true,
    .status_reset_fields = resource_claim::kStatusReset,
};

extern const Rules kResourceClaimTemplateRules{
    .group = "resource.k8s.io",
    .kind = "ResourceClaimTemplate",
    .defaults = resource_claim::template_defaults,
    .validate = resource_claim::validate_template,
    .validate_update = resource_claim::validate_template_update,
    .update_checks_whole = true,
    .columns = resource_claim::kTemplateColumns,
    .row = resource_claim::template_row,
    .has_generation = false,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
