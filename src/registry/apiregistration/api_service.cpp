// APIService: who serves a group and version.
#include "base/text.h"
#include "base/time_text.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/metadata.h"

namespace sampan::registry {

namespace api_service {

void defaults(Value object, std::string_view) {
  constexpr int64_t kHttpsPort = 443;
  if (Value service = object["spec"]["service"]; service.is_object() && service["port"].is_missing()) service.set("port", kHttpsPort);
}

// What this server serves itself is there as soon as it is said.
void prepare_create(Value object, const CreateContext& context) {
  if (!object["spec"]["service"].is_missing()) return;
  Value condition = Value::object(object.arena());
  condition.set("type", "Available");
  condition.set("status", "True");
  condition.set("lastTransitionTime", object.arena().copy(rfc3339(context.now_seconds)));
  condition.set("reason", "Local");
  condition.set("message", "Local APIServices are always available");
  object.ensure_object("status").ensure_list("conditions").push(condition);
}

void validate_name(const Object& object, FieldErrors& errors) {
  auto wanted = concat(object["spec"]["version"].as_string(), ".", object["spec"]["group"].as_string());
  Complaints complaints;
  check_path_segment(name_of(object), complaints);
  if (complaints.empty()) require_exact_name(errors, object, wanted, concat("must be `spec.version+\".\"+spec.group`: ", quoted(wanted)));
}

void validate_service(const At& spec) {
  At service = spec["service"], bundle = spec["caBundle"], insecure = spec["insecureSkipTLSVerify"];
  if (!service.present()) {
    if (!bundle.empty()) bundle.invalid(Shown(concat(bundle.text().size(), " bytes")), "local APIServices may not have a caBundle");
    if (insecure.truth()) insecure.invalid("local APIServices may not have insecureSkipTLSVerify");
    return;
  }
  for (auto field : {"namespace", "name"})
    if (service[field].empty()) service[field].required();
  Complaints complaints;
  check_port_number(service["port"].present() ? service["port"].number() : 0, complaints);
  if (!complaints.empty()) service["port"].invalid(concat("port is not valid: ", join(complaints, ", ")));
  if (insecure.truth() && !bundle.empty()) insecure.invalid("may not be true if caBundle is present");
}

void validate(const Object& object, FieldErrors& errors) {
  constexpr int64_t kGroupPriorityMax = 20000, kVersionPriorityMax = 1000;
  Path path("spec");
  At spec(object["spec"], path, errors);
  At group = spec["group"], version = spec["version"];
  validate_name(object, errors);
  if (group.empty() && version.text() != "v1") group.required("only v1 may have an empty group and it better be legacy kube");
  if (!group.empty()) group.must_be(check_dns1123_subdomain);
  version.must_be(check_dns1035_label);
  auto validate_priority = [&](std::string_view field, int64_t max) {
    At priority = spec[field];
    int64_t value = priority.present() ? priority.number() : 0;
    if (value <= 0 || value > max) priority.invalid(Shown(value), concat("must be positive and less than ", max));
  };
  validate_priority("groupPriorityMinimum", kGroupPriorityMax);
  validate_priority("versionPriority", kVersionPriorityMax);
  validate_service(spec);
}

void validate_update(const Object& object, const Object&, FieldErrors& errors) { validate(object, errors); }

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  Path path("status");
  At conditions(object["status"]["conditions"], path.child("conditions"), errors);
  for (uint32_t i = 0; i < conditions.size(); i++) {
    At condition = conditions.item(i);
    condition["status"].one_of({"True", "False", "Unknown"});
  }
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Service", "string", "", "The reference to the service that hosts this API endpoint."},
    {"Available", "string", "", "Whether this service is available."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  auto service = object["spec"]["service"], conditions = object["status"]["conditions"];
  name_cell(object, row);
  row.text(service.present() ? concat(service["namespace"].as_string(), "/", service["name"].as_string()) : "Local");
  std::string available = "Unknown";
  for (uint32_t i = 0; i < conditions.size(); i++) {
    auto condition = conditions.item(i);
    if (condition["type"].as_string() != "Available") continue;
    auto status = condition["status"].as_string(), reason = condition["reason"].as_string();
    available = status == "True" || reason.empty() ? std::string(status) : concat(status, " (", reason, ")");
    break;
  }
  row.text(available);
  age_cell(object, row);
}

constexpr std::string_view kStatusReset[] = {"metadata", "spec"};

}  // namespace api_service

extern const Rules kAPIServiceRules{
    .group = "apiregistration.k8s.io",
    .kind = "APIService",
    .defaults = api_service::defaults,
    .prepare_create = api_service::prepare_create,
    .validate = api_service::validate,
    .validate_update = api_service::validate_update,
    .validate_subresource = api_service::validate_status,
    .validate_name = name_is_path_segment,
    .update_checks_whole = true,
    .columns = api_service::kColumns,
    .row = api_service::row,
    .has_generation = false,
    .unconditional_update = false,
    .status_reset_fields = api_service::kStatusReset,
};

}  // namespace sampan::registry
