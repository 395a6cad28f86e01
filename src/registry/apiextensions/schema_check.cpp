#include "registry/apiextensions/schema_check.h"

#include "base/text.h"

namespace sampan::registry::apiextensions {

using schema::Value;

namespace {

enum class Level { Root, Item, Field };

bool is_set(Value schema, std::string_view field) { return schema[field].as_bool(); }
bool filled(Value schema, std::string_view field) { return schema[field].size() > 0; }
std::string_view text_of(Value schema, std::string_view field) { return schema[field].as_string(); }

bool is_meta_field(std::string_view name) { return name == "metadata" || name == "kind" || name == "apiVersion"; }

// anyOf: [{type: integer}, {type: string}], which x-kubernetes-int-or-string may repeat.
bool is_int_or_string(Value any_of) {
  if (any_of.size() != 2) return false;
  for (uint32_t i = 0; i < 2; i++)
    if (any_of.at(i).size() != 1 || text_of(any_of.at(i), "type") != (i ? "string" : "integer")) return false;
  return true;
}

// Every schema right inside another, with its path.
template <class Visit>
void each_inner(Value schema, const Path& path, Visit visit) {
  auto map = [&](std::string_view field) {
    auto here = path.child(field);
    for (const auto& member : schema[field].members()) visit(field, member.name, member.value, here.key(member.name));
  };
  if (schema["additionalProperties"].is_object()) visit("additionalProperties", "", schema["additionalProperties"], path.child("additionalProperties"));
  map("properties");
  if (schema["not"].is_object()) visit("not", "", schema["not"], path.child("not"));
  for (std::string_view field : {"allOf", "oneOf", "anyOf"}) {
    auto here = path.child(field);
    for (uint32_t i = 0; i < schema[field].size(); i++) visit(field, "", schema[field].at(i), here.index(i));
  }
  map("definitions");
  if (Value items = schema["items"]; items.is_object()) {
    visit("items", "", items, path.child("items"));
  } else if (items.is_list()) {
    auto here = path.child("items");
    for (uint32_t i = 0; i < items.size(); i++) visit("items", "", items.at(i), here.index(i));
  }
  auto dependencies = path.child("dependencies");
  for (const auto& member : schema["dependencies"].members())
    if (member.value.is_object()) visit("dependencies", member.name, member.value, dependencies.key(member.name));
}

// ---- structure ----

// What keeps a schema from being taken apart into structure and values at all; the other check complains about it.
bool has_unsupported(Value schema) {
  for (std::string_view field : {"id", "$schema", "$ref"})
    if (!text_of(schema, field).empty()) return true;
  for (std::string_view field : {"patternProperties", "definitions", "dependencies"})
    if (filled(schema, field)) return true;
  if (!schema["additionalItems"].is_missing() || schema["items"].is_list()) return true;
  bool found = false;
  each_inner(schema, Path(), [&](auto, auto, Value inner, const Path&) { found = found || has_unsupported(inner); });
  return found;
}

class Structure {
 public:
  explicit Structure(FieldErrors& errors) : errors_(errors) {}

  void check(Value schema, Level level, const Path& path) {
    check_inner(schema, level, path);
    if (is_set(schema, "x-kubernetes-int-or-string")) {
      for (std::string_view field : {"x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"})
        if (is_set(schema, field)) errors_.invalid(path.child(field), true, "must be false if x-kubernetes-int-or-string is true");
    }
    bool repeats = is_int_or_string(schema["allOf"].at(0)["anyOf"]);
    check_values(schema, is_int_or_string(schema["anyOf"]), repeats, path);
    check_type(schema, level, path);
    check_meta(schema, level, path);
    check_complete(schema, schema, path, path);
  }

 private:
  void check_inner(Value schema, Level level, const Path& path) {
    if (text_of(schema, "type") == "array" && !schema["items"].is_object()) errors_.required(path.child("items"), "must be specified");
    if (schema["items"].is_object()) check(schema["items"], Level::Item, path.child("items"));
    auto properties = path.child("properties");
    for (const auto& member : schema["properties"].members()) check(member.value, Level::Field, properties.key(member.name));
    Value additional = schema["additionalProperties"];
    if (additional.is_missing()) return;
    if (level == Level::Root) errors_.forbidden(path.child("additionalProperties"), "must not be used at the root");
    if (additional.is_object()) check(additional, Level::Field, path.child("additionalProperties"));
  }

  void check_type(Value schema, Level level, const Path& path) {
    auto type = text_of(schema, "type");
    bool embedded = is_set(schema, "x-kubernetes-embedded-resource"), keeps = is_set(schema, "x-kubernetes-preserve-unknown-fields");
    if (embedded && type != "object") {
      constexpr std::string_view kObject = "must be object if x-kubernetes-embedded-resource is true";
      type.empty() ? errors_.required(path.child("type"), kObject) : errors_.invalid(path.child("type"), type, kObject);
    } else if (type.empty() && !is_set(schema, "x-kubernetes-int-or-string") && !keeps) {
      errors_.required(path.child("type"), level == Level::Root   ? "must not be empty at the root"
                                           : level == Level::Item ? "must not be empty for specified array items"
                                                                  : "must not be empty for specified object fields");
    }
    if (embedded && !schema["additionalProperties"].is_missing())
      errors_.forbidden(path.child("additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set");
    if (level == Level::Root && !type.empty() && type != "object") errors_.invalid(path.child("type"), type, "must be object at the root");
    if (embedded && !keeps && !filled(schema, "properties"))
      errors_.required(path.child("properties"),
                       "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields");
  }

  void check_meta(Value schema, Level level, const Path& path) {
    bool counts = level == Level::Root || is_set(schema, "x-kubernetes-embedded-resource");
    Value properties = schema["properties"];
    auto properties_path = path.child("properties");
    for (std::string_view field : {"kind", "apiVersion"})
      if (counts && properties.has(field) && text_of(properties[field], "type") != "string")
        errors_.invalid(properties_path.key(field).child("type"), text_of(properties[field], "type"), "must be string");
    if (!properties.has("metadata")) return;
    Value metadata = properties["metadata"];
    auto here = properties_path.key("metadata");
    if (counts && text_of(metadata, "type") != "object") errors_.invalid(here.child("type"), text_of(metadata, "type"), "must be object");
    if (level != Level::Root) return;
    bool names_only = true;
    for (const auto& member : metadata["properties"].members()) names_only = names_only && (member.name == "name" || member.name == "generateName");
    for (const auto& member : metadata.members())
      names_only = names_only && (member.name == "type" || member.name == "default" || member.name == "properties");
    if (!names_only)
      errors_.forbidden(here, "must not specify anything other than name and generateName, but metadata is implicitly specified");
  }

  void check_values(Value values, bool skip_any_of, bool skip_first_any_of, const Path& path) {
    auto any_of = path.child("anyOf"), all_of = path.child("allOf"), one_of = path.child("oneOf");
    for (uint32_t i = 0; i < values["anyOf"].size() && !skip_any_of; i++) check_nested(values["anyOf"].at(i), false, any_of.index(i));
    for (uint32_t i = 0; i < values["allOf"].size(); i++)
      check_nested(values["allOf"].at(i), skip_first_any_of && i == 0, all_of.index(i));
    for (uint32_t i = 0; i < values["oneOf"].size(); i++) check_nested(values["oneOf"].at(i), false, one_of.index(i));
    if (values["not"].is_object()) check_nested(values["not"], false, path.child("not"));
  }

  // Inside of allOf and its like only values may be spoken of, not structure.
  void check_nested(Value nested, bool skip_any_of, const Path& path) {
    check_values(nested, skip_any_of, false, path);
    if (nested["items"].is_object()) check_nested(nested["items"], false, path.child("items"));
    auto properties = path.child("properties");
    for (const auto& member : nested["properties"].members()) check_nested(member.value, false, properties.key(member.name));
    for (std::string_view field : {"type", "title", "description"})
      if (!text_of(nested, field).empty()) errors_.forbidden(path.child(field), "must be empty to be structural");
    for (std::string_view field : {"additionalProperties", "default", "x-kubernetes-list-type", "x-kubernetes-map-type"})
      if (!nested[field].is_missing()) errors_.forbidden(path.child(field), "must be undefined to be structural");
    for (std::string_view field :
         {"nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string"})
      if (is_set(nested, field)) errors_.forbidden(path.child(field), "must be false to be structural");
    for (std::string_view field : {"x-kubernetes-list-map-keys", "x-kubernetes-validations"})
      if (filled(nested, field)) errors_.forbidden(path.child(field), "must be empty to be structural");
    if (nested["properties"].has("metadata")) errors_.forbidden(properties.key("metadata"), "must not be specified in a nested context");
  }

  // What is spoken of inside of allOf and its like must have been specified outside.
  void check_complete(Value values, Value structure, const Path& values_path, const Path& structure_path) {
    for (std::string_view field : {"anyOf", "allOf", "oneOf"}) {
      auto here = values_path.child(field);
      for (uint32_t i = 0; i < values[field].size(); i++) check_complete_nested(values[field].at(i), structure, here.index(i), structure_path);
    }
    if (values["not"].is_object()) check_complete_nested(values["not"], structure, values_path.child("not"), structure_path);
  }

  void check_complete_nested(Value nested, Value structure, const Path& nested_path, const Path& structure_path) {
    check_complete(nested, structure, nested_path, structure_path);
    Value items = nested["items"], properties = nested["properties"];
    auto items_path = structure_path.child("items"), properties_path = structure_path.child("properties");
    auto nested_properties = nested_path.child("properties"), nested_items = nested_path.child("items");
    if (items.is_object()) {
      if (!structure["items"].is_object())
        errors_.required(items_path, concat("because it is defined in ", nested_items.text()));
      else
        check_complete_nested(items, structure["items"], nested_items, items_path);
    }
    for (const auto& member : properties.members()) {
      auto here = nested_properties.key(member.name);
      if (!structure["properties"].has(member.name))
        errors_.required(properties_path.key(member.name), concat("because it is defined in ", here.text()));
      else
        check_complete_nested(member.value, structure["properties"][member.name], here, properties_path.key(member.name));
    }
  }

  FieldErrors& errors_;
};

// ---- what OpenAPI allows and Kubernetes adds ----

struct Place {
  bool root = false;
  bool inside_meta = false;
  std::string_view no_defaults = {};  // why not
  bool defaults_allowed = true;
};

void check_supported(Value schema, const Place& place, const Path& path, FieldErrors& errors) {
  static constexpr std::string_view kTypes[] = {"array", "boolean", "integer", "number", "object", "string"};
  auto type = text_of(schema, "type");
  if (!type.empty() && std::find(std::begin(kTypes), std::end(kTypes), type) == std::end(kTypes))
    errors.not_supported(path.child("type"), type, kTypes);
  if (!schema["default"].is_absent() && !place.defaults_allowed)
    errors.forbidden(path.child("default"), concat("must not be set ", place.no_defaults));
  if (!text_of(schema, "id").empty()) errors.forbidden(path.child("id"), "id is not supported");
  if (!schema["additionalItems"].is_missing()) errors.forbidden(path.child("additionalItems"), "additionalItems is not supported");
  if (filled(schema, "patternProperties")) errors.forbidden(path.child("patternProperties"), "patternProperties is not supported");
  if (filled(schema, "definitions")) errors.forbidden(path.child("definitions"), "definitions is not supported");
  if (!schema["dependencies"].is_missing()) errors.forbidden(path.child("dependencies"), "dependencies is not supported");
  if (!schema["$ref"].is_missing()) errors.forbidden(path.child("$ref"), "$ref is not supported");
  if (type == "null") errors.forbidden(path.child("type"), "type cannot be set to null, use nullable as an alternative");
  if (schema["items"].is_list() && filled(schema, "items")) errors.forbidden(path.child("items"), "items must be a schema object and not an array");
  if (place.inside_meta && is_set(schema, "x-kubernetes-embedded-resource"))
    errors.forbidden(path.child("x-kubernetes-embedded-resource"), "must not be used inside of resource meta");
  if (is_set(schema, "uniqueItems"))
    errors.forbidden(path.child("uniqueItems"), "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
  Value additional = schema["additionalProperties"];
  if (filled(schema, "properties") && (additional.is_object() || (additional.is_bool() && !additional.as_bool())))
    errors.forbidden(path.child("additionalProperties"), "additionalProperties and properties are mutual exclusive");
  if (Value keep = schema["x-kubernetes-preserve-unknown-fields"]; keep.is_bool() && !keep.as_bool())
    errors.invalid(path.child("x-kubernetes-preserve-unknown-fields"), false, "must be true or undefined");
}

void require_type(Value schema, std::string_view type, std::string_view because, const Path& path, FieldErrors& errors) {
  if (schema[because].is_missing() || text_of(schema, "type") == type) return;
  auto detail = concat("must be ", type, " if ", because, " is specified");
  text_of(schema, "type").empty() ? errors.required(path.child("type"), detail) : errors.invalid(path.child("type"), text_of(schema, "type"), detail);
}

Shown texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return Shown::texts(texts);
}

void check_map_list(Value schema, const Path& path, FieldErrors& errors) {
  Value items = schema["items"], keys = schema["x-kubernetes-list-map-keys"];
  auto items_path = path.child("items"), keys_path = path.child("x-kubernetes-list-map-keys");
  if (keys.empty()) errors.required(keys_path, "must not be empty if x-kubernetes-list-type is map");
  if (items.is_missing()) errors.required(items_path, "must have a schema if x-kubernetes-list-type is map");
  if (!items.is_object()) return;
  if (text_of(items, "type") != "object") {
    errors.invalid(items_path.child("type"), text_of(items, "type"), "must be object if parent array's x-kubernetes-list-type is map");
    return;
  }
  auto properties_path = items_path.child("properties");
  for (uint32_t i = 0; i < keys.size(); i++) {
    auto key = keys.at(i).as_string();
    Value property = items["properties"][key];
    auto here = properties_path.key(key);
    if (!items["properties"].has(key))
      errors.invalid(keys_path, texts_of(keys), "entries must all be names of item properties");
    else if (auto type = text_of(property, "type"); type == "array" || type == "object")
      errors.invalid(here.child("type"), "object", "must be a scalar type if parent array's x-kubernetes-list-type is map");
    for (uint32_t j = 0; j < i; j++)
      if (keys.at(j).as_string() == key) {
        errors.invalid(keys_path, texts_of(keys), "must not contain duplicate entries");
        break;
      }
    if (!items["properties"].has(key)) continue;
    bool required = false;
    for (Value name : items["required"].items()) required |= name.as_string() == key;
    if (!required && property["default"].is_missing())
      errors.required(here.child("default"),
                      "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
    if (is_set(property, "nullable"))
      errors.forbidden(here.child("nullable"), "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
  }
}

void check_lists(Value schema, const Path& path, FieldErrors& errors) {
  static constexpr std::string_view kMapTypes[] = {"atomic", "granular"}, kListTypes[] = {"atomic", "map", "set"};
  auto known = [&](std::string_view field, std::span<const std::string_view> types) {
    if (Value type = schema[field]; !type.is_missing() && std::find(types.begin(), types.end(), type.as_string()) == types.end())
      errors.not_supported(path.child(field), type.as_string(), types);
  };
  require_type(schema, "object", "x-kubernetes-map-type", path, errors);
  known("x-kubernetes-map-type", kMapTypes);
  require_type(schema, "array", "x-kubernetes-list-type", path, errors);
  known("x-kubernetes-list-type", kListTypes);
  auto type = text_of(schema, "x-kubernetes-list-type");
  Value items = schema["items"];
  auto items_path = path.child("items");
  if (type == "set" && text_of(schema, "type") == "array" && items.is_object()) {
    constexpr std::string_view kAtomic = "must be atomic as item of a list with x-kubernetes-list-type=set";
    Value list_type = items["x-kubernetes-list-type"];
    Shown shown = list_type.is_missing() ? Shown::null() : Shown(list_type.as_string());
    if (text_of(items, "type") == "array" && !list_type.is_missing() && list_type.as_string() != "atomic")
      errors.invalid(items_path.child("x-kubernetes-list-type"), shown, kAtomic);
    if (text_of(items, "type") == "object" && text_of(items, "x-kubernetes-map-type") != "atomic")
      errors.invalid(items_path.child("x-kubernetes-map-type"), shown, kAtomic);
  }
  if (filled(schema, "x-kubernetes-list-map-keys") && type != "map") {
    constexpr std::string_view kMap = "must be map if x-kubernetes-list-map-keys is non-empty";
    auto here = path.child("x-kubernetes-list-type");
    schema["x-kubernetes-list-type"].is_missing() ? errors.required(here, kMap) : errors.invalid(here, type, kMap);
  }
  if (type == "map") check_map_list(schema, path, errors);
  if ((type == "map" || type == "set") && items.is_object() && is_set(items, "nullable"))
    errors.forbidden(items_path.child("nullable"), concat("cannot be nullable when x-kubernetes-list-type is ", type));
}

bool has_newline(std::string_view text) { return text.find_first_of("\r\n") != std::string_view::npos; }

void check_rule(Value rule, const Path& path, FieldErrors& errors) {
  static constexpr std::string_view kReasons[] = {"FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"};
  auto text = trim(text_of(rule, "rule")), message = text_of(rule, "message"), field_path = text_of(rule, "fieldPath");
  auto expression = text_of(rule, "messageExpression");
  if (text.empty())
    errors.required(path.child("rule"), "rule is not specified");
  else if (!message.empty() && trim(message).empty())
    errors.invalid(path.child("message"), message, "must be non-empty if specified");
  else if (has_newline(trim(message)))
    errors.invalid(path.child("message"), message, "must not contain line breaks");
  else if (has_newline(text) && trim(message).empty())
    errors.required(path.child("message"), "message must be specified if rule contains line breaks");
  if (!expression.empty() && trim(expression).empty())
    errors.required(path.child("messageExpression"), "messageExpression must be non-empty if specified");
  if (Value reason = rule["reason"];
      !reason.is_missing() && std::find(std::begin(kReasons), std::end(kReasons), reason.as_string()) == std::end(kReasons))
    errors.not_supported(path.child("reason"), reason.as_string(), kReasons);
  if (!field_path.empty() && trim(field_path).empty()) errors.invalid(path.child("fieldPath"), field_path, "must be non-empty if specified");
  if (has_newline(field_path)) errors.invalid(path.child("fieldPath"), field_path, "must not contain line breaks");
}

void check_openapi(Value schema, const Place& place, const Path& path, FieldErrors& errors) {
  check_supported(schema, place, path, errors);
  check_lists(schema, path, errors);
  auto rules_path = path.child("x-kubernetes-validations");
  for (uint32_t i = 0; i < schema["x-kubernetes-validations"].size(); i++)
    check_rule(schema["x-kubernetes-validations"].at(i), rules_path.index(i), errors);
  each_inner(schema, path, [&](std::string_view field, std::string_view name, Value inner, const Path& inner_path) {
    Place there = place;
    there.root = false;
    std::string reason;
    if (field == "properties" && is_meta_field(name) && (place.root || is_set(schema, "x-kubernetes-embedded-resource"))) {
      there.inside_meta = true;
      if (place.root) {
        reason = concat("in top-level ", name);
        there.defaults_allowed = false;
        there.no_defaults = reason;
      }
    }
    if (field == "additionalProperties" && place.inside_meta) {
      there.defaults_allowed = false;
      there.no_defaults = "inside additionalProperties applying to object metadata";
    }
    check_openapi(inner, there, inner_path, errors);
  });
}

}  // namespace

void validate_schema(Value schema, const Path& path, FieldErrors& errors) {
  if (is_set(schema, "nullable")) errors.forbidden(path.child("nullable"), "nullable cannot be true at the root");
  if (!has_unsupported(schema)) Structure(errors).check(schema, Level::Root, path);
  check_openapi(schema, {.root = true}, path, errors);
}

}  // namespace sampan::registry::apiextensions
