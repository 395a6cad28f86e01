// The forms of names: small hand-written matchers beside the regular expressions that upstream quotes in its complaints.
#include "base/names.h"

#include "base/text.h"

namespace sampan {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_lower_alnum(char c) { return is_lower(c) || is_digit(c); }
bool is_alnum(char c) { return is_alpha(c) || is_digit(c); }

template <class Test>
bool all_of(std::string_view text, Test test) {
  for (char c : text)
    if (!test(c)) return false;
  return true;
}

bool is_label(std::string_view value) {
  return !value.empty() && is_lower_alnum(value.front()) && is_lower_alnum(value.back()) &&
         all_of(value, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_underscore_label(std::string_view value) {
  if (value.starts_with('_')) value.remove_prefix(1);
  return !value.empty() && is_lower_alnum(value.front()) && is_lower_alnum(value.back()) &&
         all_of(value, [](char c) { return is_lower_alnum(c) || c == '-' || c == '_'; });
}

template <class Test>
bool all_parts(std::string_view value, char separator, Test test) {
  for (auto part : split(value, separator))
    if (!test(part)) return false;
  return true;
}

bool is_subdomain(std::string_view value) { return all_parts(value, '.', is_label); }

// ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]
bool is_key_name(std::string_view value) {
  return !value.empty() && is_alnum(value.front()) && is_alnum(value.back()) &&
         all_of(value, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

constexpr std::string_view kLabelRegex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
constexpr std::string_view kSubdomainRegex = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
constexpr std::string_view kKeyNameRegex = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
constexpr std::string_view kSubdomainComplaint =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
    "alphanumeric character";
constexpr std::string_view kKeyNameComplaint =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
constexpr size_t kSubdomainBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;

// "<complaint> (e.g. 'a',  or 'b', regex used for validation is '...')": the odd commas are upstream's.
std::string with_regex(std::string_view complaint, std::string_view regex, std::initializer_list<std::string_view> examples) {
  std::string out(complaint);
  out += " (";
  bool first = true;
  for (auto example : examples) {
    append(out, first ? "e.g. '" : " or '", example, "', ");
    first = false;
  }
  append(out, "regex used for validation is '", regex, "')");
  return out;
}

void limit_characters(std::string_view value, size_t max, Complaints& out) {
  if (value.size() > max) out.push_back(concat("must be no more than ", max, " characters"));
}

void forbid_parent_directory(std::string_view value, Complaints& out) {
  if (value == ".")
    out.push_back("must not be '.'");
  else if (value == "..")
    out.push_back("must not be '..'");
  else if (value.starts_with(".."))
    out.push_back("must not start with '..'");
}

// Of the newer checks (labels' keys) upstream counts bytes, of the older ones characters; both count bytes.
void check_key_prefix(std::string_view prefix, Complaints& out) {
  if (prefix.empty()) {
    out.push_back("prefix part must be non-empty");
    return;
  }
  if (prefix.size() > kSubdomainBytesMax) out.push_back(concat("prefix part must be no more than ", kSubdomainBytesMax, " bytes"));
  if (!is_subdomain(prefix))
    out.push_back(concat("prefix part ", with_regex(kSubdomainComplaint, kSubdomainRegex, {"example.com"})));
}

}  // namespace

void check_dns1123_label(std::string_view value, Complaints& out) {
  limit_characters(value, kLabelBytesMax, out);
  if (is_label(value)) return;
  if (is_subdomain(value))
    out.push_back("must not contain dots");
  else
    out.push_back(with_regex("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and "
                             "end with an alphanumeric character",
                             kLabelRegex, {"my-name", "123-abc"}));
}

void check_dns1123_subdomain(std::string_view value, Complaints& out) {
  limit_characters(value, kSubdomainBytesMax, out);
  if (!is_subdomain(value)) out.push_back(with_regex(kSubdomainComplaint, kSubdomainRegex, {"example.com"}));
}

void check_dns1123_subdomain_caseless(std::string_view value, Complaints& out) {
  if (value.size() > kSubdomainBytesMax) out.push_back(concat("must be no more than ", kSubdomainBytesMax, " bytes"));
  if (!is_subdomain(to_lower(value)))
    out.push_back(with_regex("an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an "
                             "alphanumeric character",
                             kSubdomainRegex, {"Example.com"}));
}

void check_dns1123_subdomain_with_underscore(std::string_view value, Complaints& out) {
  limit_characters(value, kSubdomainBytesMax, out);
  if (!all_parts(value, '.', is_underscore_label))
    out.push_back(with_regex(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with "
        "an alphanumeric character",
        "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*", {"example.com"}));
}

void check_dns1035_label(std::string_view value, Complaints& out) {
  limit_characters(value, kLabelBytesMax, out);
  if (!is_label(value) || !is_lower(value.front()))
    out.push_back(with_regex("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
                             "character, and end with an alphanumeric character",
                             "[a-z]([-a-z0-9]*[a-z0-9])?", {"my-name", "abc-123"}));
}

void check_wildcard_dns1123_subdomain(std::string_view value, Complaints& out) {
  limit_characters(value, kSubdomainBytesMax, out);
  if (!value.starts_with("*.") || !is_subdomain(value.substr(2)))
    out.push_back(with_regex("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
                             "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
                             concat("\\*\\.", kSubdomainRegex), {"*.example.com"}));
}

void check_qualified_name(std::string_view value, Complaints& out) {
  auto parts = split(value, '/');
  if (parts.size() > 2) {
    out.push_back(concat("a valid label key ", with_regex(kKeyNameComplaint, kKeyNameRegex, {"MyName", "my.name", "123-abc"}),
                         " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"));
    return;
  }
  if (parts.size() == 2) check_key_prefix(parts[0], out);
  auto name = parts.back();
  if (name.empty())
    out.push_back("name part must be non-empty");
  else if (name.size() > kLabelBytesMax)
    out.push_back(concat("name part must be no more than ", kLabelBytesMax, " bytes"));
  if (!is_key_name(name))
    out.push_back(concat("name part ", with_regex(kKeyNameComplaint, kKeyNameRegex, {"MyName", "my.name", "123-abc"})));
}

void check_label_value(std::string_view value, Complaints& out) {
  if (value.size() > kLabelBytesMax) out.push_back(concat("must be no more than ", kLabelBytesMax, " bytes"));
  if (!value.empty() && !is_key_name(value))
    out.push_back(with_regex("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start "
                             "and end with an alphanumeric character",
                             concat("(", kKeyNameRegex, ")?"), {"MyValue", "my_value", "12345"}));
}

void check_path_segment(std::string_view value, Complaints& out) { name_is_path_segment(value, false, out); }

void check_port_name(std::string_view value, Complaints& out) {
  limit_characters(value, 15, out);
  if (value.empty() || !all_of(value, [](char c) { return is_lower_alnum(c) || c == '-'; }))
    out.push_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (all_of(value, [](char c) { return !is_lower(c); })) out.push_back("must contain at least one letter (a-z)");
  if (value.find("--") != std::string_view::npos) out.push_back("must not contain consecutive hyphens");
  if (value.starts_with('-') || value.ends_with('-')) out.push_back("must not begin or end with a hyphen");
}

void check_env_var_name(std::string_view value, Complaints& out) {
  if (value.empty()) out.push_back("environment variable name must be non-empty");
  if (!all_of(value, [](char c) { return c >= 0x20 && c < 0x7f && c != '='; }))
    out.push_back("a valid environment variable name must consist only of printable ASCII characters other than '='");
}

void check_config_map_key(std::string_view value, Complaints& out) {
  limit_characters(value, kSubdomainBytesMax, out);
  if (value.empty() || !all_of(value, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; }))
    out.push_back(with_regex("a valid config key must consist of alphanumeric characters, '-', '_' or '.'", "[-._a-zA-Z0-9]+",
                             {"key.name", "KEY_NAME", "key-name"}));
  forbid_parent_directory(value, out);
}

void check_c_identifier(std::string_view value, Complaints& out) {
  if (value.empty() || is_digit(value.front()) || !all_of(value, [](char c) { return is_alnum(c) || c == '_'; }))
    out.push_back(with_regex("a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
                             "characters or '_'",
                             "[A-Za-z_][A-Za-z0-9_]*", {"my_name", "MY_NAME", "MyName"}));
}

void check_http_header_name(std::string_view value, Complaints& out) {
  if (value.empty() || !all_of(value, [](char c) { return is_alnum(c) || c == '-'; }))
    out.push_back(with_regex("a valid HTTP header must consist of alphanumeric characters or '-'", "[-A-Za-z0-9]+", {"X-Header-Name"}));
}

void check_in_range(int64_t value, int64_t low, int64_t high, Complaints& out) {
  if (value < low || value > high) out.push_back(concat("must be between ", low, " and ", high, ", inclusive"));
}

void check_port_number(int64_t value, Complaints& out) { check_in_range(value, 1, 65535, out); }

void check_percent(std::string_view value, Complaints& out) {
  bool good = value.size() > 1 && value.ends_with('%') && all_of(value.substr(0, value.size() - 1), is_digit);
  if (!good)
    out.push_back(with_regex("a valid percent string must be a numeric string followed by an ending '%'", "[0-9]+%", {"1%", "93%"}));
}

// [A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?
void check_condition_reason(std::string_view value, Complaints& out) {
  bool good = !value.empty() && is_alpha(value.front()) && (is_alnum(value.back()) || value.back() == '_') &&
              all_of(value, [](char c) { return is_alnum(c) || c == '_' || c == ',' || c == ':'; });
  if (!good)
    out.push_back(with_regex("a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
                             "characters or '_,:', and must end with an alphanumeric character or '_'",
                             "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?",
                             {"my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"}));
}

// ---- names of objects ----

namespace {
// "web-" is what remains of a generated name: it may end in a dash, which something will follow.
std::string without_last_dash(std::string_view name) {
  if (name.size() > 1 && name.ends_with('-')) return concat(name.substr(0, name.size() - 2), "a");
  return std::string(name);
}
}  // namespace

void name_is_dns_subdomain(std::string_view name, bool prefix, Complaints& out) {
  prefix ? check_dns1123_subdomain(without_last_dash(name), out) : check_dns1123_subdomain(name, out);
}
void name_is_dns_label(std::string_view name, bool prefix, Complaints& out) {
  prefix ? check_dns1123_label(without_last_dash(name), out) : check_dns1123_label(name, out);
}
void name_is_dns1035_label(std::string_view name, bool prefix, Complaints& out) {
  prefix ? check_dns1035_label(without_last_dash(name), out) : check_dns1035_label(name, out);
}
void name_is_path_segment(std::string_view name, bool prefix, Complaints& out) {
  if (!prefix && (name == "." || name == "..")) {
    out.push_back(concat("may not be '", name, "'"));
    return;
  }
  for (char forbidden : {'/', '%'})
    if (name.find(forbidden) != std::string_view::npos) out.push_back(concat("may not contain '", forbidden, "'"));
}

}  // namespace sampan
