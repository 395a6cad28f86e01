#include "controllers/template_hash.h"

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "api/core_v1.h"
#include "base/text.h"
#include "schema/go_text.h"
#include "schema/quantity.h"

namespace sampan::controllers {

using schema::AnyView;
using schema::Field;
using schema::Kind;
using schema::Type;

namespace {

// What a struct type prints besides its values, made once.
struct Plan {
  struct Part {
    std::string before;  // " Name:(type)", with the opening of an embedded struct before it
    std::string after;   // the end of an embedded struct
    bool pointer = false;
  };
  std::vector<Part> parts;
};

Plan make_plan(const Type& type) {
  Plan plan;
  std::string_view embedded;
  for (const Field& field : type.fields) {
    Plan::Part part;
    std::string_view embedding = schema::go_embedding(type, field);
    if (embedding != embedded && !embedded.empty()) plan.parts.back().after = "}";
    if (!plan.parts.empty()) part.before = " ";
    if (embedding != embedded && !embedding.empty()) {
      std::string_view name = embedding.substr(0, embedding.size() - 1);
      append(part.before, name, ":(v1.", name, "){");
    }
    embedded = embedding;
    Kind kind = field.type->kind;
    part.pointer = field.is(Field::Nullable) && kind != Kind::List && kind != Kind::Map;
    append(part.before, schema::go_field_name(type, field.name), ":(", part.pointer ? "*" : "", schema::go_type_name(type, field), ")");
    plan.parts.push_back(std::move(part));
  }
  if (!embedded.empty()) plan.parts.back().after = "}";
  return plan;
}

const Plan& plan_of(const Type& type) {
  static std::mutex mutex;
  static std::map<const Type*, std::unique_ptr<Plan>> plans;
  std::lock_guard lock(mutex);
  auto& plan = plans[&type];
  if (!plan) plan = std::make_unique<Plan>(make_plan(type));
  return *plan;
}

// Prints as spew's "%#v" does with methods off. The types of what lies in lists, in maps and behind pointers are not printed.
class Dump {
 public:
  std::string out;

  void value(const Type& type, const AnyView& view) {
    switch (type.kind) {
      case Kind::String: out += view.as_string(); break;
      case Kind::Bytes: bytes(view); break;
      case Kind::Bool: out += view.present() && view.as_bool() ? "true" : "false"; break;
      case Kind::Int32:
      case Kind::Int64:
      case Kind::Duration: append(out, number(view)); break;
      case Kind::Double: append(out, static_cast<int64_t>(view.present() ? view.as_double() : 0)); break;
      case Kind::Time:
      case Kind::MicroTime: time(view); break;
      case Kind::Quantity: quantity(view.as_string()); break;
      case Kind::IntOrString: int_or_string(view); break;
      case Kind::Raw: out += view.as_string(); break;
      case Kind::Struct: structure(type, view); break;
      case Kind::List: list(type, view); break;
      case Kind::Map: map(type, view); break;
    }
  }

 private:
  static int64_t number(const AnyView& view) { return view.present() ? view.as_int() : 0; }

  void structure(const Type& type, const AnyView& view) {
    const Plan& plan = plan_of(type);
    out += '{';
    for (unsigned i = 0; i < type.fields.size(); i++) {
      AnyView field = view.present() ? view.field(i) : AnyView();
      out += plan.parts[i].before;
      if (plan.parts[i].pointer && !field.present()) out += "<nil>";
      else value(*type.fields[i].type, field);
      out += plan.parts[i].after;
    }
    out += '}';
  }
  void list(const Type& type, const AnyView& view) {
    if (!view.present() || view.size() == 0) {
      out += "<nil>";
      return;
    }
    out += '[';
    for (uint32_t i = 0; i < view.size(); i++) {
      if (i) out += ' ';
      value(*type.element, view.item(i));
    }
    out += ']';
  }
  void map(const Type& type, const AnyView& view) {
    if (!view.present() || view.size() == 0) {
      out += "<nil>";
      return;
    }
    out += "map[";
    for (uint32_t i = 0; i < view.size(); i++) append(out, i ? " " : "", view.key(i), ":"), value(*type.element, view.value(i));
    out += ']';
  }
  void bytes(const AnyView& view) {
    if (!view.present()) {
      out += "<nil>";
      return;
    }
    out += '[';
    std::string_view text = view.as_string();
    for (size_t i = 0; i < text.size(); i++) append(out, i ? " " : "", static_cast<unsigned>(static_cast<unsigned char>(text[i])));
    out += ']';
  }
  // Seconds of Go's zero time, the year 1.
  void time(const AnyView& view) {
    constexpr int64_t kYearOne = 62'135'596'800;
    int64_t seconds = view.present() ? view.as_int() + kYearOne : 0;
    append(out, "{Time:(time.Time){wall:(uint64)0 ext:(int64)", seconds, " loc:(*time.Location)<nil>}}");
  }
  void int_or_string(const AnyView& view) {
    schema::IntOrString both = view.present() ? view.as_int_or_string() : schema::IntOrString();
    append(out, "{Type:(intstr.Type)", both.is_string ? 1 : 0, " IntVal:(int32)", both.number, " StrVal:(string)", both.text, "}");
  }
  // What parsing the canonical text leaves in Go's Quantity: the digits and a power of ten, or the whole number if the suffix is a binary one; and the text
  // itself, unless the parser was not sure that it is canonical.
  void quantity(std::string_view text) {
    if (text.empty()) text = "0";
    size_t digits_end = std::min(text.find_first_not_of("-0123456789"), text.size());
    std::string_view digits = text.substr(0, digits_end), suffix = text.substr(digits_end);
    if (digits.starts_with('-')) digits.remove_prefix(1);
    std::string_view format = "DecimalSI";
    int scale = 0;
    bool keeps_text = !digits.ends_with("000");
    if (suffix.ends_with('i')) {
      uint64_t number = 0;
      parse_int(digits, number);
      keeps_text = number % 8 != 0;
      format = "BinarySI";
    } else if (suffix.starts_with('e')) {
      format = "DecimalExponent";
      parse_int(suffix.substr(1), scale);
    } else if (!suffix.empty()) {
      constexpr std::string_view kSuffixes = "num kMGTPE";  // a step is three powers of ten
      scale = static_cast<int>(kSuffixes.find(suffix[0])) * 3 - 9;
    }
    append(out, "{i:(resource.int64Amount){value:(int64)", schema::Quantity::stored(text).scaled(scale), " scale:(resource.Scale)", scale,
           "} d:(resource.infDecAmount){Dec:(*inf.Dec)<nil>} s:(string)", keeps_text ? text : std::string_view(),
           " Format:(resource.Format)", format, "}");
  }
};

bool same(const Type& type, const AnyView& a, const AnyView& b, std::string_view skipped_key = {});

bool same_field(const Field& field, const AnyView& a, const AnyView& b, std::string_view skipped_key = {}) {
  bool list_like = field.type->kind == Kind::List || field.type->kind == Kind::Map;
  if (a.present() != b.present() && field.is(Field::Nullable) && !list_like) return false;
  return (!a.present() && !b.present()) || same(*field.type, a, b, skipped_key);
}

bool same(const Type& type, const AnyView& a, const AnyView& b, std::string_view skipped_key) {
  switch (type.kind) {
    case Kind::Struct:
      for (unsigned i = 0; i < type.fields.size(); i++) {
        const Field& field = type.fields[i];
        AnyView x = a.present() ? a.field(i) : AnyView(), y = b.present() ? b.field(i) : AnyView();
        if (!same_field(field, x, y)) return false;
      }
      return true;
    case Kind::List: {
      uint32_t size = a.present() ? a.size() : 0;
      if (size != (b.present() ? b.size() : 0)) return false;
      for (uint32_t i = 0; i < size; i++)
        if (!same(*type.element, a.item(i), b.item(i))) return false;
      return true;
    }
    case Kind::Map: {
      auto count = [&](const AnyView& map) {
        return map.present() ? map.size() - (!skipped_key.empty() && map[skipped_key].present()) : 0;
      };
      if (count(a) != count(b)) return false;
      for (uint32_t i = 0; a.present() && i < a.size(); i++) {
        if (a.key(i) == skipped_key) continue;
        AnyView other = b.present() ? b[a.key(i)] : AnyView();
        if (!other.present() || !same(*type.element, a.value(i), other)) return false;
      }
      return true;
    }
    case Kind::Quantity: return schema::Quantity::stored(a.as_string()) == schema::Quantity::stored(b.as_string());
    default: return a.present() && b.present() && a.equals(b);
  }
}

}  // namespace

std::string go_dump(const AnyView& pod_template) {
  Dump dump;
  const Type& type = api::core_v1::PodTemplateSpec::schema_type();
  dump.out = concat("(", schema::go_type_name(type), ")");
  dump.value(type, pod_template);
  return std::move(dump.out);
}

uint32_t fnv_hash(std::string_view bytes, uint32_t hash) {
  for (char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

std::string safe_name(uint32_t hash) {
  constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
  std::string out = concat(hash);
  for (char& c : out) c = kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()];
  return out;
}

std::string pod_template_hash(const AnyView& pod_template, std::optional<int32_t> collisions) {
  uint32_t hash = fnv_hash(go_dump(pod_template));
  if (collisions) {
    char bytes[8] = {};
    for (int i = 0; i < 4; i++) bytes[i] = static_cast<char>(static_cast<uint32_t>(*collisions) >> (8 * i));
    hash = fnv_hash({bytes, sizeof bytes}, hash);
  }
  return safe_name(hash);
}

bool same_template(const AnyView& a, const AnyView& b) {
  AnyView x = a["metadata"], y = b["metadata"];
  const Type& template_type = api::core_v1::PodTemplateSpec::schema_type();
  const Type& metadata = *template_type.find("metadata")->type;
  for (const Field& field : metadata.fields)
    if (!same_field(field, x[field.name], y[field.name], field.name == "labels" ? "pod-template-hash" : std::string_view())) return false;
  return same(*template_type.find("spec")->type, a["spec"], b["spec"]);
}

}  // namespace sampan::controllers
