#include "apiserver/openapi_gnostic.h"

#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

void put_number(std::string& out, uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

// Text, or a message.
void put(std::string& out, uint32_t field, std::string_view bytes) {
  put_number(out, field << 3 | 2);
  put_number(out, bytes.size());
  out += bytes;
}

void put_text(std::string& out, uint32_t field, Value value) {
  if (!value.as_string().empty()) put(out, field, value.as_string());
}

void put_texts(std::string& out, uint32_t field, Value list) {
  for (Value item : list.items()) put(out, field, item.as_string());
}

void put_bool(std::string& out, uint32_t field, Value value) {
  if (!value.as_bool()) return;
  put_number(out, field << 3);
  out += '\1';
}

std::string named(std::string_view name, std::string_view value) {
  std::string out;
  put(out, 1, name);
  put(out, 2, value);
  return out;
}

// Any { yaml = 2 }: JSON is YAML.
std::string any(Value value) {
  std::string yaml, out;
  schema::write_json(yaml, value);
  put(out, 2, yaml);
  return out;
}

void put_extensions(std::string& out, uint32_t field, Value object) {
  for (const auto& member : object.members())
    if (member.name.starts_with("x-")) put(out, field, named(member.name, any(member.value)));
}

std::string schema_message(Value schema) {
  std::string out;
  put_text(out, 1, schema["$ref"]);
  put_text(out, 2, schema["format"]);
  put_text(out, 4, schema["description"]);
  put_texts(out, 19, schema["required"]);
  for (Value item : schema["enum"].items()) put(out, 20, any(item));
  std::string part;
  if (Value additional = schema["additionalProperties"]; additional.is_object()) {
    put(part, 1, schema_message(additional));
    put(out, 21, part);
  }
  if (Value type = schema["type"]; type.is_string()) {
    part.clear();
    put_text(part, 1, type);
    put(out, 22, part);
  }
  if (Value items = schema["items"]; items.is_object()) {
    part.clear();
    put(part, 1, schema_message(items));
    put(out, 23, part);
  }
  if (Value properties = schema["properties"]; properties.is_object()) {
    part.clear();
    for (const auto& member : properties.members()) put(part, 1, named(member.name, schema_message(member.value)));
    put(out, 25, part);
  }
  put_extensions(out, 31, schema);
  return out;
}

// Parameter { BodyParameter = 1 | NonBodyParameter = 2 { ... QueryParameterSubSchema = 3 | PathParameterSubSchema = 4 } }
std::string parameter_message(Value parameter) {
  std::string inner, outer, out;
  auto in = parameter["in"].as_string();
  if (in == "body") {
    put_text(inner, 1, parameter["description"]);
    put_text(inner, 2, parameter["name"]);
    put_text(inner, 3, parameter["in"]);
    put_bool(inner, 4, parameter["required"]);
    put(inner, 5, schema_message(parameter["schema"]));
    put(out, 1, inner);
    return out;
  }
  bool query = in == "query";
  put_bool(inner, 1, parameter["required"]);
  put_text(inner, 2, parameter["in"]);
  put_text(inner, 3, parameter["description"]);
  put_text(inner, 4, parameter["name"]);
  put_text(inner, query ? 6 : 5, parameter["type"]);
  put_bool(inner, query ? 20 : 19, parameter["uniqueItems"]);
  put(outer, query ? 3 : 4, inner);
  put(out, 2, outer);
  return out;
}

void put_parameters(std::string& out, uint32_t field, Value list) {
  for (Value parameter : list.items()) {
    std::string item, part;
    if (Value reference = parameter["$ref"]; reference.is_string()) {
      put_text(part, 1, reference);
      put(item, 2, part);
    } else {
      put(item, 1, parameter_message(parameter));
    }
    put(out, field, item);
  }
}

std::string response_message(Value response) {
  std::string out, value;
  put_text(out, 1, response["description"]);
  if (Value schema = response["schema"]; schema.is_object()) {
    std::string item;
    put(item, 1, schema_message(schema));
    put(out, 2, item);
  }
  put(value, 1, out);
  return value;
}

std::string operation_message(Value operation) {
  std::string out, responses;
  put_texts(out, 1, operation["tags"]);
  put_text(out, 3, operation["description"]);
  put_text(out, 5, operation["operationId"]);
  put_texts(out, 6, operation["produces"]);
  put_texts(out, 7, operation["consumes"]);
  put_parameters(out, 8, operation["parameters"]);
  for (const auto& member : operation["responses"].members()) put(responses, 1, named(member.name, response_message(member.value)));
  put(out, 9, responses);
  put_texts(out, 10, operation["schemes"]);
  put_extensions(out, 13, operation);
  return out;
}

}  // namespace

void gnostic_head(std::string& out, std::string_view title, std::string_view version) {
  put(out, 1, "2.0");
  put(out, 2, named(title, version));
}

void gnostic_path(std::string& out, std::string_view path, Value item) {
  constexpr std::string_view methods[] = {"get", "put", "post", "delete", "options", "head", "patch"};
  std::string message, paths;
  for (uint32_t i = 0; i < std::size(methods); i++)
    if (Value operation = item[methods[i]]; operation.is_object()) put(message, i + 2, operation_message(operation));
  put_parameters(message, 9, item["parameters"]);
  put(paths, 2, named(path, message));
  put(out, 8, paths);
}

void gnostic_definition(std::string& out, std::string_view name, Value schema) {
  std::string definitions;
  put(definitions, 1, named(name, schema_message(schema)));
  put(out, 9, definitions);
}

void gnostic_parameter(std::string& out, std::string_view name, Value parameter) {
  std::string parameters;
  put(parameters, 1, named(name, parameter_message(parameter)));
  put(out, 10, parameters);
}

void gnostic_tail(std::string& out) {
  std::string requirement, key, item, definitions;
  put(requirement, 1, named("BearerToken", ""));
  put(out, 12, requirement);
  put(key, 1, "apiKey");
  put(key, 2, "authorization");
  put(key, 3, "header");
  put(key, 4, "Bearer Token authentication");
  put(item, 2, key);
  put(definitions, 1, named("BearerToken", item));
  put(out, 13, definitions);
}

}  // namespace sampan::apiserver
