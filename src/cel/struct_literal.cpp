#include "cel/struct_literal.h"

#include "base/text.h"

namespace sampan::cel {

namespace {

constexpr std::string_view kPatch = "JSONPatch", kObject = "Object";

struct Literal final : Struct {
  Literal(Type t, std::vector<std::pair<std::string, Value>> f) : of(std::move(t)), set(std::move(f)) {}
  Type type() const override { return of; }
  std::optional<Value> find(std::string_view field) const override {
    for (const auto& [name, value] : set)
      if (name == field) return value;
    return {};
  }
  std::vector<std::string_view> fields() const override {
    std::vector<std::string_view> names;
    for (const auto& [name, _] : set) names.push_back(name);
    return names;
  }
  std::optional<Value> unset(std::string_view field) const override {
    return of.name() == kPatch && field != "value" ? Value::borrowed("") : Value();
  }
  Type of;
  std::vector<std::pair<std::string, Value>> set;
};

bool is_object(std::string_view name) { return name.starts_with(kObject) && (name.size() == kObject.size() || name[kObject.size()] == '.'); }

// As upstream's Go calls what is no text.
std::string_view go_type(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::Null: return "structpb.NullValue";
    case Value::Kind::Bool: return "bool";
    case Value::Kind::Int: return "int64";
    case Value::Kind::Uint: return "uint64";
    case Value::Kind::Double: return "float64";
    case Value::Kind::Bytes: return "[]uint8";
    case Value::Kind::Duration: return "time.Duration";
    case Value::Kind::Timestamp: return "time.Time";
    case Value::Kind::List: return "[]interface {}";
    default: return "map[string]interface {}";
  }
}

void check_names(const Value& value, const std::string& path, std::string& out) {
  if (value.is(Value::Kind::Struct) && is_object(value.as_struct().type().name())) {
    const Struct& object = value.as_struct();
    const std::string name(object.type().name());
    if (name != path)
      append(out, out.empty() ? "" : "\n", "unexpected type name ", quoted(name), ", expected ", quoted(path), ", which matches field name path from root Object type");
    for (auto field : object.fields()) check_names(object.find(field).value_or(Value()), concat(path, ".", field), out);
  } else if (value.is(Value::Kind::List)) {
    for (size_t i = 0; i < value.as_list().size(); i++) check_names(value.as_list().at(i), path, out);
  } else if (value.is(Value::Kind::Map)) {
    const Map& map = value.as_map();
    for (size_t i = 0; i < map.size(); i++) check_names(map.find(map.key_at(i)).value_or(Value()), path, out);
  }
}

}  // namespace

Maybe<Value> struct_of(const Type& type, std::vector<std::pair<std::string, Value>> fields) {
  const std::string_view name = type.name();
  if (name == kPatch) {
    for (const auto& [field, value] : fields)
      if (field != "value" && !value.is(Value::Kind::String)) return failed(concat("unexpected type ", go_type(value), " for JSONPatchType '", field, "' field"));
    std::erase_if(fields, [](const auto& field) { return field.first != "value" && field.second.as_text().empty(); });  // as if it were not there
  } else if (!is_object(name)) {
    return failed(concat("unknown type '", name, "'"));
  }
  return Value::structure(Ref<Struct>(new Literal(type, std::move(fields))));
}

std::string misnamed_structs(const Value& object) {
  std::string out;
  check_names(object, object.is(Value::Kind::Struct) ? std::string(object.as_struct().type().name()) : std::string(), out);
  return out;
}

}  // namespace sampan::cel
