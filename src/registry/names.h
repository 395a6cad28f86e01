// Checks of fields by the forms that names, labels and keys must have (base/names.h).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "registry/field_errors.h"

namespace sampan::registry {

using sampan::Complaints;
using sampan::check_dns1123_label, sampan::check_dns1123_subdomain, sampan::check_dns1035_label,
    sampan::check_wildcard_dns1123_subdomain, sampan::check_qualified_name, sampan::check_label_value, sampan::check_path_segment,
    sampan::check_port_name, sampan::check_env_var_name, sampan::check_config_map_key, sampan::check_c_identifier,
    sampan::check_http_header_name, sampan::check_dns1123_subdomain_with_underscore, sampan::check_dns1123_subdomain_caseless,
    sampan::check_port_number, sampan::check_in_range, sampan::check_condition_reason, sampan::check_percent,
    sampan::name_is_dns_subdomain, sampan::name_is_dns_label, sampan::name_is_dns1035_label, sampan::name_is_path_segment;
void check_ip(std::string_view value, Complaints& out);                  // not necessarily canonical; addresses.h has more
void check_cidr(std::string_view value, Complaints& out);

// Every complaint as an Invalid of the value at the path.
void report(FieldErrors& errors, const Path& path, std::string_view value, const Complaints& complaints);

// A number that must not be negative, a DNS label at a path, ...: the most common pairs of check and report.
void require_non_negative(FieldErrors& errors, const Path& path, int64_t value);
void require_dns1123_label(FieldErrors& errors, const Path& path, std::string_view value);
void require_dns1123_subdomain(FieldErrors& errors, const Path& path, std::string_view value);
void require_qualified_name(FieldErrors& errors, const Path& path, std::string_view value);
void require_fully_qualified_name(FieldErrors& errors, const Path& path, std::string_view value);         // three labels at least
void require_fully_qualified_domain_name(FieldErrors& errors, const Path& path, std::string_view value);  // two, a last dot is fine
void require_domain_prefixed_path(FieldErrors& errors, const Path& path, std::string_view value);         // acme.io/foo
void require_domain_prefixed_key(FieldErrors& errors, const Path& path, std::string_view value);
void validate_labels(FieldErrors& errors, const Path& path, const schema::AnyView& labels);
struct SelectorOptions {
  bool allow_invalid_values = false;  // an object stored before its values were checked keeps them
  bool allow_unknown_operator = false;
};
void validate_label_selector(FieldErrors& errors, const Path& path, const schema::AnyView& selector, SelectorOptions options = {});
// metav1.Condition, as newer kinds have in their status.
void validate_conditions(FieldErrors& errors, const Path& path, const schema::AnyView& conditions);
// "field is immutable" if they differ. The second form knows the field and so shows an absent text as "", not as null.
void require_unchanged(FieldErrors& errors, const Path& path, const schema::AnyView& now, const schema::AnyView& before);
void require_field_unchanged(FieldErrors& errors, const Path& parent, const schema::AnyView& now, const schema::AnyView& before,
                             std::string_view field);

}  // namespace sampan::registry
