#include "apiserver/openapi_schema.h"

#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Field;
using schema::Kind;
using schema::Type;
using schema::Value;

namespace {

struct Primitive {
  std::string_view type, format;
};

Primitive primitive_of(Kind kind) {
  switch (kind) {
    case Kind::Bool: return {"boolean", ""};
    case Kind::Int32: return {"integer", "int32"};
    case Kind::Int64: return {"integer", "int64"};
    case Kind::Double: return {"number", "double"};
    case Kind::Bytes: return {"string", "byte"};
    case Kind::Time:
    case Kind::MicroTime: return {"string", "date-time"};
    case Kind::IntOrString: return {"string", "int-or-string"};
    case Kind::Raw:
    case Kind::Struct:
    case Kind::Map: return {"object", ""};
    case Kind::List: return {"array", ""};
    case Kind::String:
    case Kind::Duration:
    case Kind::Quantity: break;
  }
  return {"string", ""};
}

// Types that have a definition of their own. A duration is only ever a string.
bool is_named(const Type& type) { return !type.name.empty() && type.kind != Kind::Duration; }

Value text_list(std::span<const std::string_view> texts, Arena& arena) {
  Value list = Value::list(arena);
  for (auto text : texts) list.push(text);
  return list;
}

void set_primitive(Value out, const Type& type) {
  auto primitive = primitive_of(type.kind);
  out.set("type", primitive.type);
  if (!type.format.empty())
    out.set("format", type.format);
  else if (!primitive.format.empty())
    out.set("format", primitive.format);
}

// Either of two forms; version 2 has no word for it.
void set_either(Value out, std::string_view a, std::string_view b) {
  Arena& arena = out.arena();
  Value either = Value::list(arena, 2);
  for (auto name : {a, b}) {
    Value form = Value::object(arena, 1);
    form.set("type", name);
    either.push(form);
  }
  out.set("oneOf", either);
}

Value zero_of(const Type& type, Arena& arena) {
  switch (type.kind) {
    case Kind::String: return "";
    case Kind::Bool: return false;
    case Kind::Int32:
    case Kind::Int64: return 0;
    case Kind::Double: return 0;
    case Kind::Struct: return Value::object(arena);
    default: return {};
  }
}

void set_type(Value out, const Type& type, OpenApi dialect, Value fallback);

Value items_of(const Type& type, OpenApi dialect, Arena& arena) {
  Value items = Value::object(arena, 2);
  // Where something must stand, its zero value is the default. Only version 3 tells.
  set_type(items, *type.element, dialect, dialect == OpenApi::V3 ? zero_of(*type.element, arena) : Value());
  return items;
}

void set_type(Value out, const Type& type, OpenApi dialect, Value fallback) {
  Arena& arena = out.arena();
  if (!fallback.is_absent()) out.set("default", fallback);
  if (is_named(type)) {
    Value reference = openapi_reference(&type, dialect, arena);
    // In version 3 a reference stands alone.
    if (dialect == OpenApi::V2 || out.empty()) {
      out.set("$ref", reference["$ref"]);
      return;
    }
    Value all = Value::list(arena, 1);
    all.push(reference);
    out.set("allOf", all);
    return;
  }
  if (type.kind == Kind::List) {
    out.set("type", "array");
    out.set("items", items_of(type, dialect, arena));
    return;
  }
  set_primitive(out, type);
  if (type.kind == Kind::Map) out.set("additionalProperties", items_of(type, dialect, arena));
}

void set_list_words(Value out, const Field& field) {
  const Type& type = *field.type;
  Arena& arena = out.arena();
  if (type.kind == Kind::List) {
    if (type.list_type == schema::ListType::Map) {
      out.set("x-kubernetes-list-map-keys", text_list(type.list_keys, arena));
      out.set("x-kubernetes-list-type", "map");
    } else if (type.list_type == schema::ListType::Set) {
      out.set("x-kubernetes-list-type", "set");
    } else if (type.atomic || field.is(Field::AtomicHere)) {
      out.set("x-kubernetes-list-type", "atomic");
    }
    if (!type.merge_key.empty()) out.set("x-kubernetes-patch-merge-key", type.merge_key);
  } else if (field.is(Field::AtomicHere) || (type.kind == Kind::Map && type.atomic)) {
    out.set("x-kubernetes-map-type", "atomic");
  } else if (field.is(Field::GranularHere)) {
    out.set("x-kubernetes-map-type", "granular");
  }
  std::string_view strategy;
  if (type.retain_keys)
    strategy = type.patch_merge ? "merge,retainKeys" : "retainKeys";
  else if (type.patch_merge)
    strategy = "merge";
  else if (field.is(Field::PatchReplace))
    strategy = "replace";
  if (!strategy.empty()) out.set("x-kubernetes-patch-strategy", strategy);
}

Value property_of(const Field& field, OpenApi dialect, Arena& arena) {
  Value out = Value::object(arena, 8);
  if (!field.description.empty()) out.set("description", field.description);
  Value fallback;
  if (dialect == OpenApi::V3) {
    if (!field.default_json.empty()) {
      if (auto parsed = schema::parse_json(field.default_json, arena)) fallback = *parsed;
    } else if (field.is(Field::Always) && !field.is(Field::Nullable)) {
      fallback = zero_of(*field.type, arena);
    }
  }
  set_type(out, *field.type, dialect, fallback);
  if (!field.enumeration.empty()) {
    auto values = split(field.enumeration, '|');
    std::sort(values.begin(), values.end());
    out.set("enum", text_list(values, arena));
  }
  set_list_words(out, field);
  return out;
}

// DeleteOptions and the like are known in every group and version.
Value kinds_of(const Type& type, const Catalog& catalog, const GroupVersion* only, Arena& arena) {
  auto kind = type.name.substr(type.name.rfind('.') + 1);
  Value list = Value::list(arena);
  auto add = [&](std::string_view group, std::string_view version) {
    if (schema::builtin_kind(group, version, kind) != &type) return;
    Value entry = Value::object(arena, 3);
    entry.set("group", group);
    entry.set("kind", kind);
    entry.set("version", version);
    list.push(entry);
  };
  bool everywhere = schema::builtin_kind("", "*", kind) == &type;
  add("", "v1");
  for (const auto& it : catalog.group_versions()) {
    if (it.group.empty() && it.version == "v1") continue;
    if (everywhere && only && &it != only) continue;
    add(it.group, it.version);
  }
  return list;
}

void set_properties(Value out, const Type& type, OpenApi dialect) {
  Arena& arena = out.arena();
  out.set("type", "object");
  if (type.fields.empty()) return;
  std::vector<const Field*> fields;
  for (const auto& field : type.fields) fields.push_back(&field);
  std::sort(fields.begin(), fields.end(), [](const Field* a, const Field* b) { return a->name < b->name; });
  Value required = Value::list(arena);
  for (const auto& field : type.fields)
    if (field.is(Field::Required)) required.push(field.name);
  if (!required.empty()) out.set("required", required);
  Value properties = Value::object(arena, static_cast<uint32_t>(fields.size()));
  for (const Field* field : fields) properties.set(field->name, property_of(*field, dialect, arena));
  out.set("properties", properties);
}

}  // namespace

void collect_types(const Type* type, TypeSet& types) {
  if (!type) return;
  if (is_named(*type) && !types.emplace(type->name, type).second) return;
  if (type->kind == Kind::List || type->kind == Kind::Map) return collect_types(type->element, types);
  for (const auto& field : type->fields) collect_types(field.type, types);
}

Value openapi_reference(const Type* type, OpenApi dialect, Arena& arena) {
  Value out = Value::object(arena, 1);
  if (!type)
    out.set("type", "string");
  else
    out.set("$ref", arena.copy(concat(dialect == OpenApi::V2 ? "#/definitions/" : "#/components/schemas/", type->name)));
  return out;
}

Value openapi_definition(const Type& type, OpenApi dialect, const Catalog& catalog, const GroupVersion* only, Arena& arena) {
  Value out = Value::object(arena, 6);
  if (!type.description.empty()) out.set("description", type.description);
  switch (type.kind) {
    case Kind::Struct: set_properties(out, type, dialect); break;
    case Kind::Raw:
      // Objects of other kinds; the values and unions of apiextensions may be anything.
      if (type.wire == schema::Wire::RawMessage && !type.name.ends_with(".JSON")) out.set("type", "object");
      break;
    case Kind::Quantity:
      if (dialect == OpenApi::V3)
        set_either(out, "string", "number");
      else
        set_primitive(out, type);
      break;
    case Kind::IntOrString:
      if (dialect == OpenApi::V3) {
        set_either(out, "integer", "string");
        out.set("format", "int-or-string");
      } else {
        set_primitive(out, type);
      }
      break;
    default: set_primitive(out, type); break;
  }
  if (type.kind == Kind::Struct && type.atomic) out.set("x-kubernetes-map-type", "atomic");
  Value kinds = kinds_of(type, catalog, only, arena);
  if (!kinds.empty()) out.set("x-kubernetes-group-version-kind", kinds);
  return out;
}

}  // namespace sampan::apiserver
