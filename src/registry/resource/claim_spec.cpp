// What is asked for, by claims and by what claims are made from.
#include "base/text.h"
#include "registry/resource/devices.h"

namespace sampan::registry::resource {

namespace {

void default_request(Value request) {
  if (!request.is_object()) return;
  if (request["allocationMode"].as_string().empty()) request.set("allocationMode", "ExactCount");
  if (request["allocationMode"].as_string() == "ExactCount" && request["count"].as_int() == 0) request.set("count", 1);
  for (Value toleration : request["tolerations"].items())
    if (toleration.is_object() && toleration["operator"].is_missing()) toleration.set("operator", "Equal");
}

// A request of devices of one class.
void validate_one(const At& request) {
  constexpr uint32_t kTolerationsMax = 16;
  At device_class = request["deviceClassName"], mode = request["allocationMode"], count = request["count"];
  device_class.empty() ? device_class.required() : device_class.must_be(check_dns1123_subdomain);
  validate_selectors(request["selectors"]);
  int64_t number = count.present() ? count.number() : 0;
  if (mode.text() == "All") {
    if (number != 0) count.invalid("must not be specified when allocationMode is 'All'");
  } else if (mode.text() == "ExactCount") {
    if (number <= 0) count.invalid(Shown(number), "must be greater than zero");
  } else {
    mode.not_supported({"All", "ExactCount"});
  }
  validate_list(request["tolerations"], kTolerationsMax, validate_toleration);
}

void validate_request(const At& request) {
  constexpr uint32_t kChoicesMax = 8;
  request["name"].must_be(check_dns1123_label);
  At exactly = request["exactly"], choices = request["firstAvailable"];
  if (!exactly.present() && choices.size() == 0) return request.required("exactly one of `exactly` or `firstAvailable` is required");
  if (exactly.present() && choices.size() > 0)
    return request.invalid(Shown::null(), "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set");
  if (exactly.present()) return validate_one(exactly);
  validate_set(choices, kChoicesMax, "name", [](const At& choice) {
    choice["name"].must_be(check_dns1123_label);
    validate_one(choice);
  });
}

void validate_request_names(const At& names, const schema::AnyView& claim) {
  validate_set(names, kRequestsMax, "", [&](const At& name) { validate_request_name(name, claim); });
}

void validate_constraint(const At& constraint, const schema::AnyView& claim) {
  At same = constraint["matchAttribute"], different = constraint["distinctAttribute"];
  validate_request_names(constraint["requests"], claim);
  if (same.present())
    validate_fully_qualified_name(same);
  else if (different.present())
    validate_fully_qualified_name(different);
  else
    constraint.required("exactly one of \"matchAttribute\" or \"distinctAttribute\" is required, but multiple fields are set");
}

}  // namespace

bool names_request(const schema::AnyView& claim, std::string_view name) {
  auto parts = split(name, '/');
  if (parts.size() > 2) return false;
  auto requests = claim["requests"];
  for (uint32_t i = 0; i < requests.size(); i++) {
    auto request = requests.item(i);
    if (request["name"].as_string() != parts[0]) continue;
    if (parts.size() == 1) return true;
    auto choices = request["firstAvailable"];
    for (uint32_t j = 0; j < choices.size(); j++)
      if (choices.item(j)["name"].as_string() == parts[1]) return true;
  }
  return false;
}

void validate_request_name(const At& name, const schema::AnyView& claim) {
  constexpr std::string_view kUnknown =
      "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  auto parts = split(name.text(), '/');
  if (parts.size() > 2) return name.invalid(kUnknown);
  for (auto part : parts) require_dns1123_label(name.errors(), name.path(), part);
  if (!names_request(claim, name.text())) name.invalid(Shown(name.text()), kUnknown);
}

void default_claim_spec(Value spec) {
  for (Value request : spec["devices"]["requests"].items()) {
    default_request(request["exactly"]);
    for (Value choice : request["firstAvailable"].items()) default_request(choice);
  }
}

void validate_claim_spec(const At& spec) {
  constexpr uint32_t kConstraintsMax = 32, kConfigurationsMax = 32;
  At devices = spec["devices"];
  validate_set(devices["requests"], kRequestsMax, "name", validate_request);
  validate_list(devices["constraints"], kConstraintsMax, [&](const At& constraint) { validate_constraint(constraint, devices.value()); });
  validate_list(devices["config"], kConfigurationsMax, [&](const At& configuration) {
    validate_request_names(configuration["requests"], devices.value());
    validate_configuration(configuration);
  });
}

}  // namespace sampan::registry::resource
