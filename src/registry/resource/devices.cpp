#include "registry/resource/devices.h"

#include "base/text.h"
#include "devices/selector.h"
#include "registry/storage/parameters.h"

namespace sampan::registry::resource {

void validate_pool_name(const At& name) {
  constexpr size_t kBytesMax = 253;
  if (name.empty()) return name.required();
  if (name.text().size() > kBytesMax) name.too_long(kBytesMax);
  for (auto part : split(name.text(), '/')) require_dns1123_subdomain(name.errors(), name.path(), part);
}

void validate_uid(const At& uid) {
  constexpr size_t kNormal = 36, kUrn = 45, kBraced = 38, kPlain = 32;
  auto text = uid.text();
  bool lower = true, well_formed = true;
  for (size_t i = 0; i < text.size(); i++) {
    bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    char c = text[i];
    bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    bool upper_hex = c >= 'A' && c <= 'F';
    lower = lower && !upper_hex;
    well_formed = well_formed && (dash ? c == '-' : hex || upper_hex);
  }
  if (text.size() == kNormal ? !well_formed : text.size() != kUrn && text.size() != kBraced && text.size() != kPlain)
    uid.invalid(Shown(text), text.size() == kNormal ? std::string("error validating uid: invalid UUID format")
                                                    : concat("error validating uid: invalid UUID length: ", text.size()));
  else if (text.size() != kNormal || !lower)
    uid.invalid("uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters");
}

namespace {

void validate_identifier(FieldErrors& errors, const Path& path, std::string_view name) {
  constexpr size_t kBytesMax = 32;
  if (name.size() > kBytesMax) errors.too_long(path, kBytesMax);
  Complaints complaints;
  check_c_identifier(name, complaints);
  report(errors, path, name, complaints);
}

void validate_domain(FieldErrors& errors, const Path& path, std::string_view domain) {
  constexpr size_t kBytesMax = 63;
  if (domain.size() > kBytesMax) errors.too_long(path, kBytesMax);
  Complaints complaints;
  check_dns1123_subdomain(to_lower(domain), complaints);
  report(errors, path, domain, complaints);
}

}  // namespace

void validate_qualified_name(FieldErrors& errors, const Path& path, std::string_view name) {
  auto parts = split(name, '/');
  if (parts.size() == 1) return validate_identifier(errors, path, parts[0]);
  if (parts.size() != 2) return;
  parts[0].empty() ? errors.invalid(path, "", "the domain must not be empty") : validate_domain(errors, path, parts[0]);
  parts[1].empty() ? errors.invalid(path, "", "the name must not be empty") : validate_identifier(errors, path, parts[1]);
}

void validate_fully_qualified_name(const At& name) {
  validate_qualified_name(name.errors(), name.path(), name.text());
  if (name.text().find('/') == std::string_view::npos)
    name.invalid(Shown(name.text()), "a fully qualified name must be a domain and a name separated by a slash");
}

namespace {

void validate_expression(const At& expression) {
  using namespace sampan::devices;
  if (expression.text().size() > kSelectorBytesMax) return expression.too_long(kSelectorBytesMax);
  auto compiled = compile_selector(expression.text());
  if (!compiled && compiled.error().internal)
    expression.errors().internal(expression.path(), compiled.error().detail);
  else if (!compiled)
    expression.invalid(Shown(expression.text()), compiled.error().detail);
  else if (is_too_costly(*compiled))
    expression.forbidden("too complex, exceeds cost limit");
}

}  // namespace

void validate_selectors(const At& selectors) {
  constexpr uint32_t kSelectorsMax = 32;
  validate_list(selectors, kSelectorsMax, [](const At& selector) {
    At cel = selector["cel"];
    cel.present() ? validate_expression(cel["expression"]) : cel.required();
  });
}

void validate_raw(const At& raw) {
  constexpr size_t kBytesMax = 10 * 1024;
  auto text = trim(raw.text());
  if (text.empty() || text == "null")
    raw.required();
  else if (text.size() > kBytesMax)
    raw.too_long(kBytesMax);
  else if (text[0] != '{')
    raw.invalid(Shown("<value omitted>"), "must be a valid JSON object");
}

void validate_configuration(const At& configuration) {
  At opaque = configuration["opaque"];
  if (!opaque.present()) return opaque.required();
  storage::require_csi_driver_name(opaque["driver"]);
  validate_raw(opaque["parameters"]);
}

void validate_taint(const At& taint) {
  At effect = taint["effect"];
  taint["key"].must_be(check_qualified_name);
  if (!taint["value"].empty()) taint["value"].must_be(check_label_value);
  effect.empty() ? effect.required() : void(effect.one_of({"NoExecute", "NoSchedule", "None"}));
}

void validate_toleration(const At& toleration) {
  At key = toleration["key"], op = toleration["operator"], value = toleration["value"], effect = toleration["effect"];
  if (!key.empty()) key.must_be(check_qualified_name);
  if (op.text() == "Exists") {
    if (!value.empty()) value.invalid("must be empty for operator `Exists`");
  } else if (op.text() == "Equal") {
    value.must_be(check_label_value);
  } else {
    op.empty() ? op.required() : op.not_supported({"Equal", "Exists"});
  }
  if (!effect.empty()) effect.one_of({"NoExecute", "NoSchedule", "None"});
}

namespace {

bool contains(const schema::AnyView& list, std::string_view text, uint32_t end) {
  for (uint32_t i = 0; i < end; i++)
    if (list.item(i).as_string() == text) return true;
  return false;
}

}  // namespace

void validate_binding_conditions(const At& parent) {
  constexpr uint32_t kConditionsMax = 4;
  At good = parent["bindingConditions"], bad = parent["bindingFailureConditions"];
  for (const At* list : {&good, &bad})
    validate_list(*list, kConditionsMax, [](const At& name) { name.must_be(check_qualified_name); });
  for (uint32_t i = 0; i < good.size(); i++)
    if (contains(good.value(), good.item(i).text(), i)) good.item(i).duplicate();
  for (uint32_t i = 0; i < bad.size(); i++) {
    At name = bad.item(i);
    if (contains(bad.value(), name.text(), i)) name.duplicate();
    if (contains(good.value(), name.text(), good.size())) name.invalid("bindingFailureConditions must not overlap with bindingConditions");
  }
  if (good.size() == 0 && bad.size() > 0)
    good.invalid(Shown::null(), "bindingConditions are required to use bindingFailureConditions");
  if (bad.size() == 0 && good.size() > 0)
    bad.invalid(Shown::null(), "bindingFailureConditions are required to use bindingConditions");
}

}  // namespace sampan::registry::resource
