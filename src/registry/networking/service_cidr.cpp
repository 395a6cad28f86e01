// ServiceCIDR and IPAddress: from where cluster IPs are taken, and which are.
#include "base/text.h"
#include "registry/keep_metadata.h"
#include "registry/addresses.h"
#include "registry/columns.h"
#include "registry/networking/reference.h"

namespace sampan::registry {

namespace service_cidr {

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At cidrs(object["spec"]["cidrs"], path.child("cidrs"), errors);
  if (cidrs.size() == 0) return cidrs.required("at least one CIDR required");
  if (cidrs.size() > 2) return cidrs.invalid(Shown::internal(object["spec"]), "may only hold up to 2 values");
  for (uint32_t i = 0; i < cidrs.size(); i++) require_canonical_cidr(errors, cidrs.item(i).path(), cidrs.item(i).text());
  if (cidrs.size() < 2) return;
  auto first = parse_cidr(cidrs.item(0).text()), second = parse_cidr(cidrs.item(1).text());
  if (first && second && first->is_v4() == second->is_v4())
    cidrs.invalid("may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
}

// A second family may be added, nothing else changes.
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  constexpr std::string_view kImmutable = "field is immutable";
  Path path("spec");
  At now(object["spec"]["cidrs"], path.child("cidrs"), errors);
  auto before = old["spec"]["cidrs"];
  bool grows = before.size() == 1 && now.size() == 2;
  if (before.size() != now.size() && !grows) return now.invalid(kImmutable);
  for (uint32_t i = 0; i < before.size(); i++)
    if (before.item(i).as_string() != now.value().item(i).as_string()) now.item(i).invalid(kImmutable);
  if (grows) validate(object, errors);
}

void validate_status(std::string_view, const Object&, const Object&, FieldErrors&) {}

constexpr Column kColumns[] = {
    kNameColumn,
    {"CIDRs", "string", "",
     "CIDRs defines the IP blocks in CIDR notation (e.g. \"192.168.0.0/24\" or \"2001:db8::/64\") from which to assign service cluster "
     "IPs. Max of two CIDRs is allowed, one of each IP family. This field is immutable."},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(joined(object["spec"]["cidrs"], ","));
  age_cell(object, row);
}

}  // namespace service_cidr

extern const Rules kServiceCIDRRules{
    .group = "networking.k8s.io",
    .kind = "ServiceCIDR",
    .prepare_update = keep_metadata_in_status,
    .validate = service_cidr::validate,
    .validate_update = service_cidr::validate_update,
    .validate_subresource = service_cidr::validate_status,
    .columns = service_cidr::kColumns,
    .row = service_cidr::row,
    .has_generation = false,
};

namespace ip_address {

void validate_name(std::string_view name, bool, Complaints& out) {
  check_ip(name, out);
  if (!out.empty()) return;
  if (auto canonical = parse_ip(name)->text(); canonical != name) out.push_back(concat("must be in canonical form (", quoted(canonical), ")"));
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("spec");
  At parent(object["spec"]["parentRef"], path.child("parentRef"), errors);
  if (!parent.present()) return parent.required();
  if (At group = parent["group"]; !group.empty()) group.must_be(check_dns1123_subdomain);
  networking::require_path_segment(parent["resource"]);
  networking::require_path_segment(parent["name"]);
  if (At name_space = parent["namespace"]; !name_space.empty()) name_space.must_be(check_path_segment);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate(object, errors);
  auto now = object["spec"]["parentRef"];
  if (!now.equals(old["spec"]["parentRef"])) errors.invalid(Path("spec").child("parentRef"), Shown::internal(now), "field is immutable");
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"ParentRef", "string", "",
     "ParentRef references the resource that an IPAddress is attached to. An IPAddress must reference a parent object."},
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  std::string text = "<none>";
  if (auto parent = object["spec"]["parentRef"]; parent.present()) {
    text = to_lower(parent["resource"].as_string());
    if (auto group = parent["group"].as_string(); !group.empty()) append(text, ".", to_lower(group));
    if (auto name_space = parent["namespace"].as_string(); !name_space.empty()) append(text, "/", name_space);
    append(text, "/", parent["name"].as_string());
  }
  row.text(text);
  age_cell(object, row);  // without a column of its own, as upstream has it
}

}  // namespace ip_address

extern const Rules kIPAddressRules{
    .group = "networking.k8s.io",
    .kind = "IPAddress",
    .validate = ip_address::validate,
    .validate_update = ip_address::validate_update,
    .validate_name = ip_address::validate_name,
    .update_checks_whole = true,
    .columns = ip_address::kColumns,
    .row = ip_address::row,
    .has_generation = false,
};

}  // namespace sampan::registry
