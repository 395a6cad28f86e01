// Holding a tree against its type, with the rules and the words of Go's decoder as upstream sets it up (sigs.k8s.io/json): names are
// case-sensitive, the first wrong kind is reported once everything was looked at, while a type that reads itself (a quantity, a time)
// stops the decoding at once and so goes before.
#include "schema/conform.h"

#include <cmath>

#include "base/encoding.h"
#include "base/text.h"
#include "schema/go_text.h"
#include "schema/json.h"
#include "schema/quantity.h"

namespace sampan::schema {

namespace {

constexpr size_t kUnknownMax = 100;  // as upstream

// A step from the root to the value at hand; the frames of the recursion hold them.
struct Place {
  const Place* parent = nullptr;
  const Type* owner = nullptr;  // of a field: its struct
  const Field* field = nullptr;
  std::string_view key;         // of a map's entry
  uint32_t index = 0;           // of a list's item, if neither field nor key
  bool entry = false;
};

void append_path(std::string& out, const Place* place) {
  if (!place) return;
  append_path(out, place->parent);
  if (place->field || place->entry)
    append(out, out.empty() ? "" : ".", place->field ? place->field->name : place->key);
  else
    append(out, "[", place->index, "]");
}

// What Go's reflection calls the value, and the target of a kind.
std::string_view go_kind(Value value) {
  switch (value.type()) {
    case Value::Type::Bool: return "bool";
    case Value::Type::Int: return "int64";
    case Value::Type::Double: return "float64";
    case Value::Type::String: return "string";
    case Value::Type::List: return "slice";
    default: return "map";
  }
}
std::string_view go_kind(Kind kind) {
  switch (kind) {
    case Kind::Bool: return "bool";
    case Kind::Int32: return "int32";
    case Kind::Int64: return "int64";
    case Kind::Double: return "float64";
    default: return "string";
  }
}

class Conformer {
 public:
  Conformer(Arena* arena, Conformance& found, TreeOf origin) : arena_(arena), found_(found), of_patch_(origin == TreeOf::Patch) {}

  std::string first_mismatch;  // reported at the end
  std::string stopped;         // reported at once

  // False: stop. May replace `value` by its canonical form; it becomes absent where it is as good as not there.
  bool value(Value& value, const Type& type, const Place* place) {
    switch (type.kind) {
      case Kind::String: return value.is_string() || mismatch(value, type, place, "");
      case Kind::Bool: return value.is_bool() || mismatch(value, type, place, "");
      case Kind::Int32:
      case Kind::Int64: return integer(value, type, place);
      case Kind::Double: return value.is_int() || value.is_double() || mismatch(value, type, place, "");
      case Kind::Bytes: return bytes(value, type, place);
      case Kind::Time:
      case Kind::MicroTime: return time(value, type, place);
      case Kind::Duration: return duration(value, place);
      case Kind::Quantity: return quantity(value);
      case Kind::IntOrString: return int_or_string(value, place);
      case Kind::Raw: return schema_union(value, type);
      case Kind::Struct: return structure(value, type, place);
      case Kind::List: return list(value, type, place);
      case Kind::Map: return map(value, type, place);
    }
    return true;
  }

 private:
  // ---- errors ----

  static std::string describe(Value value, std::string_view go_type, const Place* place, bool with_number) {
    std::string text = concat("json: cannot unmarshal ", json_type_name(value));
    if (with_number && (value.is_int() || value.is_double())) {
      text += ' ';
      write_json(text, value);
    }
    const Type* owner = nullptr;
    std::string path;
    for (; place; place = place->parent) {
      if (!place->field) continue;
      if (!owner) owner = place->owner;
      path.insert(0, concat(go_embedding(*place->owner, *place->field), place->field->name, path.empty() ? "" : "."));
    }
    if (owner) {
      size_t dot = owner->name.rfind('.');
      append(text, " into Go struct field ", owner->name.substr(dot == std::string_view::npos ? 0 : dot + 1), ".", path);
    } else {
      text += " into Go value";
    }
    append(text, " of type ", go_type);
    return text;
  }

  // The Go type of the value at `place`, which is a field or lies inside one through lists and maps.
  static std::string type_at(const Type& type, const Place* place) {
    if (place && place->field) return go_type_name(*place->owner, *place->field);
    if (!place || !place->parent) return go_type_name(type);
    std::string whole = type_at(type, place->parent);
    std::string_view prefix = place->entry ? "map[string]" : "[]";
    if (whole.starts_with(prefix)) return whole.substr(prefix.size());
    return go_type_name(type);
  }

  bool mismatch(Value value, const Type& type, const Place* place, std::string_view go_type, bool with_number = false) {
    if (of_patch_) return misfit(value, type, place);
    if (first_mismatch.empty())
      first_mismatch = describe(value, go_type.empty() ? type_at(type, place) : std::string(go_type), place, with_number);
    return true;
  }
  // Of what a patch made. Only numbers can be converted to texts at all, as characters, and that is refused in words of its own.
  bool misfit(Value value, const Type& type, const Place* place) {
    switch (type.kind) {
      case Kind::Struct: return stop(concat("cannot restore struct from: ", go_kind(value)));
      case Kind::Map: return stop(concat("cannot restore map from ", go_kind(value)));
      case Kind::List:
      case Kind::Bytes: return stop(concat("cannot restore slice from ", go_kind(value)));
      default: break;
    }
    bool to_integer = type.kind == Kind::Int32 || type.kind == Kind::Int64;
    if ((value.is_int() && type.kind == Kind::String) || (value.is_double() && to_integer)) {
      auto name = type_at(type, place);
      return stop(concat("cannot convert ", go_kind(value), " to ", name.starts_with('*') ? std::string_view(name).substr(1) : std::string_view(name)));
    }
    return stop(concat("unrecognized type: ", go_kind(type.kind)));
  }
  // What reads itself is given its own text, and knows nothing of the fields around it.
  std::string misread(Value value, std::string_view go_type, const Place* place, bool with_number) {
    return describe(value, go_type, of_patch_ ? nullptr : place, with_number);
  }
  bool stop(std::string text) {
    stopped = std::move(text);
    return false;
  }

  void unknown(const Place* place, std::string_view name) {
    if (found_.unknown_fields.size() >= kUnknownMax) return;
    std::string path;
    append_path(path, place);
    append(path, path.empty() ? "" : ".", name);
    std::string text = concat("unknown field ", quoted(path));
    auto& all = found_.unknown_fields;
    if (std::find(all.begin(), all.end(), text) != all.end()) return;
    all.push_back(std::move(text));
    found_.unknown_at.push_back(name.data());
  }

  // ---- scalars ----

  template <class Append, class Number>
  Value text_value(Append append_to, Number number) {
    scratch_.clear();
    append_to(scratch_, number);
    return Value(arena_->copy(scratch_));
  }

  bool integer(Value& value, const Type& type, const Place* place) {
    if (of_patch_ && value.is_double() && value.as_double() == std::trunc(value.as_double()) && std::abs(value.as_double()) < 9e18)
      value = Value(static_cast<int64_t>(value.as_double()));
    if (of_patch_ && value.is_int() && type.kind == Kind::Int32) value = Value(int64_t{static_cast<int32_t>(value.as_int())});
    bool fits = value.is_int() && (type.kind == Kind::Int64 || static_cast<int32_t>(value.as_int()) == value.as_int());
    return fits || mismatch(value, type, place, "", true);
  }

  bool bytes(Value& value, const Type& type, const Place* place) {
    if (value.is_string()) {
      int64_t at = base64_error_at(value.as_string());
      if (at >= 0 && of_patch_) return stop(concat("error decoding from json: illegal base64 data at input byte ", at));
      if (at >= 0 && first_mismatch.empty()) first_mismatch = concat("illegal base64 data at input byte ", at);
      return true;
    }
    if (!value.is_list()) return mismatch(value, type, place, "");
    std::string bytes;  // Go also takes a list of numbers
    for (Value item : value.items()) {
      if (!item.is_missing() && (!item.is_int() || item.as_int() < 0 || item.as_int() > 255)) return mismatch(item, type, place, "uint8", true);
      bytes += static_cast<char>(item.as_int());
    }
    value = text_value(append_base64, bytes);
    return true;
  }

  bool time(Value& value, const Type& type, const Place* place) {
    if (!value.is_string()) return stop(misread(value, "string", place, false));
    bool micro = type.kind == Kind::MicroTime;
    int64_t us;
    std::string error;
    std::string_view text = value.as_string();
    bool canonical = text.size() == (micro ? 27 : 20) && text.back() == 'Z' && parse_time(text, us);
    if (!canonical && !parse_go_time(text, micro, us, error)) return stop(std::move(error));
    constexpr int64_t kGoZeroTime = -62135596800;  // the first second of year 1 is "no time"
    int64_t seconds = us >= 0 || us % 1'000'000 == 0 ? us / 1'000'000 : us / 1'000'000 - 1;
    if (seconds == kGoZeroTime) {
      value = Value::null();
      return true;
    }
    if (canonical) return true;
    value = micro ? text_value(append_micro_time, us) : text_value(append_time, seconds);
    return true;
  }

  bool duration(Value& value, const Place* place) {
    if (!value.is_string()) return stop(misread(value, "string", place, false));
    int64_t ns;
    std::string error;
    if (!parse_go_duration(value.as_string(), ns, error)) return stop(std::move(error));
    value = text_value(append_duration, ns);
    return true;
  }

  bool quantity(Value& value) {
    std::string text, canonical, error;
    if (value.is_string())
      text = trim(value.as_string());
    else
      write_json(text, value);
    if (!canonical_quantity(text, canonical, error)) return stop(std::move(error));
    if (!value.is_string() || canonical != value.as_string()) value = Value(arena_->copy(canonical));
    return true;
  }

  bool int_or_string(Value& value, const Place* place) {
    if (value.is_string()) return true;
    if (value.is_int() && static_cast<int32_t>(value.as_int()) == value.as_int()) return true;
    return stop(misread(value, "int32", place, true));
  }

  // The unions of JSON schemas read themselves and drop what they do not know without a word.
  bool schema_union(Value& value, const Type& type) {
    if (!type.element || (!value.is_object() && !value.is_list())) return true;
    Conformance ignored;
    auto one = [&](Value schema) {
      if (!schema.is_object()) return true;
      auto result = conform(schema, *type.element, ignored);
      return result ? true : stop(result.error().message());
    };
    if (value.is_object()) return one(value);
    for (Value item : value.items())
      if (!one(item)) return false;
    return true;
  }

  // ---- what holds others ----

  // What Go leaves behind for a null in a list or a map: the element's zero value.
  Value zero(const Type& type) {
    switch (type.kind) {
      case Kind::String: return "";
      case Kind::Bool: return false;
      case Kind::Int32:
      case Kind::Int64:
      case Kind::Double:
      case Kind::IntOrString: return 0;
      case Kind::Quantity: return "0";
      case Kind::Duration: return "0s";
      case Kind::Struct: return Value::object(*arena_);
      case Kind::Bytes:
      case Kind::Time:
      case Kind::MicroTime:
      case Kind::Raw:
      case Kind::List:
      case Kind::Map: return Value::null();
    }
    return Value::null();
  }

  // As the fields are; what is no field comes last.
  static void order_members(Value value, const Type& type) {
    auto position = [&](const Member& member) {
      const Field* field = type.find(member.name);
      return field ? field - type.fields.data() : PTRDIFF_MAX;
    };
    auto earlier = [&](const Member& a, const Member& b) { return position(a) < position(b); };
    if (std::is_sorted(value.members().begin(), value.members().end(), earlier)) return;
    std::vector<Member> ordered(value.members().begin(), value.members().end());
    std::stable_sort(ordered.begin(), ordered.end(), earlier);
    value.clear();  // not in place: a large object keeps an index of its members
    for (const Member& member : ordered) value.append(member.name, member.value);
  }

  bool structure(Value& value, const Type& type, const Place* parent) {
    if (!value.is_object()) return mismatch(value, type, parent, "");
    if (of_patch_) order_members(value, type);
    std::span<Member> members = value.members();
    Place place{parent, &type};
    uint32_t kept = 0;
    const Field* guess = type.fields.data();  // members mostly come in the order of the fields
    const Field* end = guess + type.fields.size();
    for (Member& member : members) {
      const Field* field = guess != end && guess->name == member.name ? guess : type.find(member.name);
      if (!field) {
        unknown(parent, member.name);
        continue;
      }
      guess = field + 1;
      if (member.value.is_missing()) continue;
      place.field = field;
      if (!this->value(member.value, *field->type, &place)) return false;
      if (member.value.is_missing()) continue;
      if (kept != static_cast<uint32_t>(&member - members.data())) members[kept] = member;
      kept++;
    }
    if (kept != members.size()) value.truncate(kept);
    return true;
  }

  bool list(Value& value, const Type& type, const Place* parent) {
    if (!value.is_list()) return mismatch(value, type, parent, "");
    Place place{parent};
    for (Value& item : value.items()) {
      if (item.is_missing())
        item = zero(*type.element);
      else if (!this->value(item, *type.element, &place))
        return false;
      place.index++;
    }
    return true;
  }

  bool map(Value& value, const Type& type, const Place* parent) {
    if (!value.is_object()) return mismatch(value, type, parent, "");
    Place place{parent};
    place.entry = true;
    for (Member& member : value.members()) {
      place.key = member.name;
      if (member.value.is_missing())
        member.value = zero(*type.element);
      else if (!this->value(member.value, *type.element, &place))
        return false;
    }
    return true;
  }

  Arena* arena_;
  Conformance& found_;
  bool of_patch_;
  std::string scratch_;
};

}  // namespace

std::vector<std::string> strict_errors(const RepeatedKeys& repeated, const Conformance& found) {
  struct Problem {
    std::string text;
    const char* at;
  };
  std::vector<Problem> problems;
  if (!repeated.lines.empty()) problems.push_back({concat("yaml: unmarshal errors:\n  ", join(repeated.lines, "\n  ")), nullptr});
  for (const auto& [path, at] : repeated.keys) {
    std::string name = quoted(path);
    auto hides = [&](const std::string& unknown) {
      std::string_view hidden = unknown;  // unknown field "a.b" hides "a.b", "a.b.c" and "a.b[0].c"
      hidden.remove_prefix(std::string_view("unknown field ").size());
      hidden.remove_suffix(1);
      return name.starts_with(hidden) && (name[hidden.size()] == '"' || name[hidden.size()] == '.' || name[hidden.size()] == '[');
    };
    if (std::none_of(found.unknown_fields.begin(), found.unknown_fields.end(), hides)) problems.push_back({concat("duplicate field ", name), at});
  }
  for (size_t i = 0; i < found.unknown_fields.size(); i++) problems.push_back({found.unknown_fields[i], found.unknown_at[i]});
  if (const char *begin = repeated.text.data(), *end = begin + repeated.text.size(); begin != end) {
    // Names that had to be unescaped stand elsewhere: they stay behind what came before them.
    std::less<const char*> before;
    const char* last = begin;
    for (Problem& problem : problems) last = problem.at = before(problem.at, begin) || !before(problem.at, end) ? last : problem.at;
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) { return a.at < b.at; });
  }
  std::vector<std::string> texts;
  for (Problem& problem : problems) texts.push_back(std::move(problem.text));
  return texts;
}

Result<void> conform(Value value, const Type& type, Conformance& found, TreeOf origin) {
  if (value.is_missing()) return {};
  bool tree = value.is_list() || value.is_object();
  Conformer conformer(tree ? &value.arena() : nullptr, found, origin);
  if (!tree || (type.kind == Kind::Struct && !value.is_object()))
    return fail(bad_request(concat("json: cannot unmarshal ", json_type_name(value), " into Go value of type ", go_type_name(type))));
  if (!conformer.value(value, type, nullptr)) return fail(bad_request(std::move(conformer.stopped)));
  if (!conformer.first_mismatch.empty()) return fail(bad_request(std::move(conformer.first_mismatch)));
  if (origin == TreeOf::Patch) std::sort(found.unknown_fields.begin(), found.unknown_fields.end());
  return {};
}

}  // namespace sampan::schema
