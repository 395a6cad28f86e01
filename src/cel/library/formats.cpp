// Kubernetes' named formats: format.dns1123Label().validate(name).
#include "base/encoding.h"
#include "base/names.h"
#include "base/text.h"
#include "cel/libraries.h"
#include "cel/library/patterns.h"
#include "cel/library/support.h"
#include "cel/library/url.h"

namespace sampan::cel {

namespace {

using namespace library;

constexpr std::string_view kUuid = "(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$";
constexpr std::string_view kTimeOfDay = "^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$";
constexpr std::string_view kBase64 = "^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$";

void check_label(std::string_view text, Complaints& out) { name_is_dns_label(text, false, out); }
void check_label_prefix(std::string_view text, Complaints& out) { name_is_dns_label(text, true, out); }
void check_subdomain(std::string_view text, Complaints& out) { name_is_dns_subdomain(text, false, out); }
void check_subdomain_prefix(std::string_view text, Complaints& out) { name_is_dns_subdomain(text, true, out); }
void check_1035_label(std::string_view text, Complaints& out) { name_is_dns1035_label(text, false, out); }
void check_1035_label_prefix(std::string_view text, Complaints& out) { name_is_dns1035_label(text, true, out); }

void check_uri(std::string_view text, Complaints& out) {
  if (auto parsed = Url::parse(text, true); !parsed) out.push_back(parsed.error());
}

bool is_like(std::string_view text, std::string_view pattern) { return RE2::PartialMatch(text, **compiled(pattern)); }

void check_uuid(std::string_view text, Complaints& out) {
  if (!is_like(text, kUuid)) out.push_back("does not match the UUID format");
}
void check_base64(std::string_view text, Complaints& out) {
  if (!is_like(text, kBase64)) out.push_back("invalid base64");
}

bool is_date(std::string_view text) {
  int64_t microseconds;
  return text.size() == 10 && parse_time(concat(text, "T00:00:00Z"), microseconds);
}
void check_date(std::string_view text, Complaints& out) {
  if (!is_date(text)) out.push_back("invalid date");
}

bool is_time(std::string_view text) {
  std::string lower = to_lower(text);
  auto parts = split(lower, 't');  // what follows a second one is not looked at
  if (text.size() < 4 || parts.size() < 2 || !is_date(parts[0]) || !is_like(parts[1], kTimeOfDay)) return false;
  auto time = parts[1];
  return time.substr(0, 2) <= "23" && time.substr(3, 2) <= "59" && time.substr(6, 2) <= "59";
}
void check_time(std::string_view text, Complaints& out) {
  if (!is_time(text)) out.push_back("invalid datetime");
}

struct Named {
  std::string_view name, id, internal_name;  // "dns1123Label", "format.dns1123Label", what equality goes by
  void (*check_text)(std::string_view, Complaints&);
  size_t pattern_size;  // what costs count with
  Function make;
};

struct Format final : Opaque {
  explicit Format(const Named& n) : named(n) {}
  Type type() const override { return Type::structure("kubernetes.NamedFormat"); }
  bool equals(const Opaque& other) const override { return named.internal_name == static_cast<const Format&>(other).named.internal_name; }
  const Named& named;
};

template <size_t index>
Maybe<Value> make(Arguments);

constexpr Named kFormats[] = {
    {"dns1123Label", "format.dns1123Label", "DNS1123Label", check_label, 30, make<0>},
    {"dns1123Subdomain", "format.dns1123Subdomain", "DNS1123Subdomain", check_subdomain, 60, make<1>},
    {"dns1035Label", "format.dns1035Label", "DNS1035Label", check_1035_label, 30, make<2>},
    {"qualifiedName", "format.qualifiedName", "QualifiedName", check_qualified_name, 60, make<3>},
    {"dns1123LabelPrefix", "format.dns1123LabelPrefix", "DNS1123LabelPrefix", check_label_prefix, 30, make<4>},
    {"dns1123SubdomainPrefix", "format.dns1123SubdomainPrefix", "DNS1123SubdomainPrefix", check_subdomain_prefix, 60, make<5>},
    {"dns1035LabelPrefix", "format.dns1035LabelPrefix", "DNS1035LabelPrefix", check_1035_label_prefix, 30, make<6>},
    {"labelValue", "format.labelValue", "LabelValue", check_label_value, 40, make<7>},
    {"uri", "format.uri", "URI", check_uri, 1103, make<8>},
    {"uuid", "format.uuid", "uuid", check_uuid, kUuid.size(), make<9>},
    {"byte", "format.byte", "byte", check_base64, 84, make<10>},
    {"date", "format.date", "date", check_date, kTimeOfDay.size(), make<11>},
    {"datetime", "format.datetime", "datetime", check_time, kTimeOfDay.size(), make<12>},
};

template <size_t index>
Maybe<Value> make(Arguments) {
  return Value::opaque(Ref<Format>(new Format(kFormats[index])));
}

Maybe<Value> named(Arguments arguments) {
  for (auto& format : kFormats)
    if (format.name == arguments[0].as_text()) return Value::optional(Value::opaque(Ref<Format>(new Format(format))));
  return Value::optional({});
}

Maybe<Value> validate(Arguments arguments) {
  Complaints complaints;
  opaque_as<Format>(arguments[0]).named.check_text(arguments[1].as_text(), complaints);
  if (complaints.empty()) return Value::optional({});
  std::vector<Value> items;
  for (auto& complaint : complaints) items.push_back(Value::string(std::move(complaint)));
  return Value::optional(Value::list(std::move(items)));
}

uint64_t cost_of_validation(Arguments arguments, const Value&) {
  return pattern_cost(size_of(arguments[1]), opaque_as<Format>(arguments[0]).named.pattern_size);
}

}  // namespace

void add_formats(Environment& environment) {
  const Type text = Type::Kind::String, format = Type::structure("kubernetes.NamedFormat");
  for (auto& one : kFormats) environment.declare({std::string(one.id), {function(one.id, {}, format, one.make)}});
  environment.declare({"validate", {member("format-validate", {format, text}, Type::optional(Type::list(text)), validate, cost_of_validation)}});
  environment.declare({"format.named", {function("format-named", {text}, Type::optional(format), named)}});
}

}  // namespace sampan::cel
