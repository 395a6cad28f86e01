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
void check_ip(std::string_view value, Complaints& out);                  // legacy tolerance as upstream where it matters
void check_cidr(std::string_view value, Complaints& out);
void check_port_number(int64_t value, Complaints& out);
void check_percent(std::string_view value, Complaints& out);             // "25%"

// Every complaint as an Invalid of the value at the path.
void report(FieldErrors& errors, const Path& path, std::string_view value, const Complaints& complaints);

// A number that must not be negative, a DNS label at a path, ...: the most common pairs of check and report.
void require_non_negative(FieldErrors& errors, const Path& path, int64_t value);
void require_dns1123_label(FieldErrors& errors, const Path& path, std::string_view value);
void require_dns1123_subdomain(FieldErrors& errors, const Path& path, std::string_view value);
void require_qualified_name(FieldErrors& errors, const Path& path, std::string_view value);
void validate_labels(FieldErrors& errors, const Path& path, const schema::AnyView& labels);
void validate_label_selector(FieldErrors& errors, const Path& path, const schema::AnyView& selector);
// "field is immutable" if they differ.
void require_unchanged(FieldErrors& errors, const Path& path, const schema::AnyView& now, const schema::AnyView& before);

}  // namespace sampan::registry
