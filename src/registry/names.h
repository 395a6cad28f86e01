// The forms that names, labels and keys must have. Each check adds upstream's complaints to `out`; none means good.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "registry/field_errors.h"

namespace sampan::registry {

using Complaints = std::vector<std::string>;

void check_dns1123_label(std::string_view value, Complaints& out);
void check_dns1123_subdomain(std::string_view value, Complaints& out);
void check_dns1035_label(std::string_view value, Complaints& out);
void check_wildcard_dns1123_subdomain(std::string_view value, Complaints& out);
void check_qualified_name(std::string_view value, Complaints& out);      // label and annotation keys
void check_label_value(std::string_view value, Complaints& out);
void check_path_segment(std::string_view value, Complaints& out);        // rbac names: not ".", "..", no "/" or "%"
void check_port_name(std::string_view value, Complaints& out);           // IANA service name
void check_env_var_name(std::string_view value, Complaints& out);        // relaxed, as 1.36
void check_config_map_key(std::string_view value, Complaints& out);
void check_c_identifier(std::string_view value, Complaints& out);
void check_http_header_name(std::string_view value, Complaints& out);
void check_dns1123_subdomain_with_underscore(std::string_view value, Complaints& out);
void check_dns1123_subdomain_caseless(std::string_view value, Complaints& out);  // driver names
void check_ip(std::string_view value, Complaints& out);                  // not necessarily canonical; addresses.h has more
void check_cidr(std::string_view value, Complaints& out);
void check_port_number(int64_t value, Complaints& out);
void check_in_range(int64_t value, int64_t low, int64_t high, Complaints& out);  // user and group ids: 0 to 2^31-1
void check_percent(std::string_view value, Complaints& out);             // "25%"

// The names of objects, as Rules::validate_name wants them: of a generateName (`prefix`) the last dash is forgiven.
void name_is_dns_subdomain(std::string_view name, bool prefix, Complaints& out);
void name_is_dns_label(std::string_view name, bool prefix, Complaints& out);
void name_is_dns1035_label(std::string_view name, bool prefix, Complaints& out);
void name_is_path_segment(std::string_view name, bool prefix, Complaints& out);

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
