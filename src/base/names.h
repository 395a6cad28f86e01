// The forms that names, labels and keys must have. Each check adds upstream's complaints to `out`; none means good.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sampan {

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
void check_port_number(int64_t value, Complaints& out);
void check_in_range(int64_t value, int64_t low, int64_t high, Complaints& out);  // user and group ids: 0 to 2^31-1
void check_condition_reason(std::string_view value, Complaints& out);
void check_percent(std::string_view value, Complaints& out);             // "25%"

// The names of objects, as Rules::validate_name wants them: of a generateName (`prefix`) the last dash is forgiven.
void name_is_dns_subdomain(std::string_view name, bool prefix, Complaints& out);
void name_is_dns_label(std::string_view name, bool prefix, Complaints& out);
void name_is_dns1035_label(std::string_view name, bool prefix, Complaints& out);
void name_is_path_segment(std::string_view name, bool prefix, Complaints& out);

}  // namespace sampan
