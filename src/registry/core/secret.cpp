// Secret: bytes by name, with a type that says which names there must be.
#include "base/encoding.h"
#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/secret_data.h"
#include "schema/json.h"

namespace sampan::registry {

namespace core_secret {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  if (object["type"].as_string().empty()) object.set("type", "Opaque");
  // stringData is for writing only: it goes over into data.
  Value texts = object["stringData"];
  if (texts.is_object() && !texts.empty()) {
    Value data = object.ensure_object("data");
    for (const auto& text : texts.members()) {
      std::string encoded;
      append_base64(encoded, text.value.as_string());
      data.set(text.name, object.arena().copy(encoded));
    }
  }
  object.remove("stringData");
}

void prepare_update(Value object, const Object& old, std::string_view) {
  if (object["type"].as_string().empty()) object.set("type", object.arena().copy(old["type"].as_string()));
}

// The error that Go has for a text that should be an object.
std::string object_problem(std::string_view text) {
  Arena arena;
  auto value = schema::parse_json(text, arena);
  if (!value) return value.error().message();
  if (value->is_object() || value->is_null()) return {};
  std::string_view what = value->is_list() ? "array" : value->is_string() ? "string" : value->is_bool() ? "bool" : "number";
  return concat("json: cannot unmarshal ", what, " into Go value of type map[string]interface {}");
}

void require_keys(const At& data, std::initializer_list<std::string_view> keys) {
  for (auto key : keys)
    if (!data.value()[key].present()) data.errors().required(data.path().key(key), "");
}

void require_json(const At& data, std::string_view key) {
  auto value = data.value()[key];
  if (!value.present()) return data.errors().required(data.path().key(key), "");
  if (auto problem = object_problem(value.as_string()); !problem.empty())
    data.errors().invalid(data.path().key(key), "<secret contents redacted>", problem);
}

void validate_type(const Object& object, const At& data) {
  auto type = object["type"].as_string();
  FieldErrors& errors = data.errors();
  if (type == "kubernetes.io/service-account-token") {
    constexpr std::string_view kAccount = "kubernetes.io/service-account.name";
    if (annotation_of(object, kAccount).empty()) errors.required(Path("metadata").child("annotations").key(kAccount), "");
  } else if (type == "kubernetes.io/dockercfg") {
    require_json(data, ".dockercfg");
  } else if (type == "kubernetes.io/dockerconfigjson") {
    require_json(data, ".dockerconfigjson");
  } else if (type == "kubernetes.io/basic-auth") {
    if (!data.value()["username"].present() && !data.value()["password"].present()) require_keys(data, {"username", "password"});
  } else if (type == "kubernetes.io/ssh-auth") {
    if (data.value()["ssh-privatekey"].as_string().empty()) errors.required(data.path().key("ssh-privatekey"), "");
  } else if (type == "kubernetes.io/tls") {
    require_keys(data, {"tls.crt", "tls.key"});
  }
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("data");
  At data(object["data"], path, errors);
  if (core::validate_data_keys(data) > core::kSecretBytesMax) errors.too_long(path, core::kSecretBytesMax);
  validate_type(object, data);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  require_field_unchanged(errors, Path(), object.view(), old.view(), "type");
  core::require_unchanged_if_immutable(object, old, errors, {"data"});
  validate(object, errors);
}

// ---- TLS: only warnings, as Go's loader of key pairs would complain ----

std::vector<std::string> pem_types(std::string_view text) {
  std::vector<std::string> types;
  constexpr std::string_view kBegin = "-----BEGIN ", kDashes = "-----";
  for (size_t at = 0; (at = text.find(kBegin, at)) != std::string_view::npos;) {
    at += kBegin.size();
    auto end = text.find(kDashes, at);
    if (end == std::string_view::npos) break;
    auto type = text.substr(at, end - at);
    if (text.find(concat("-----END ", type, kDashes), end) == std::string_view::npos) break;
    types.emplace_back(type);
  }
  return types;
}

std::string key_pair_problem(std::string_view certificate, std::string_view key) {
  auto has = [](const auto& types, auto test) { return std::any_of(types.begin(), types.end(), test); };
  auto certificates = pem_types(certificate), keys = pem_types(key);
  auto is_certificate = [](const std::string& type) { return type == "CERTIFICATE"; };
  auto is_key = [](const std::string& type) { return type == "PRIVATE KEY" || type.ends_with(" PRIVATE KEY"); };
  if (certificates.empty()) return "tls: failed to find any PEM data in certificate input";
  if (!has(certificates, is_certificate)) {
    if (certificates.size() == 1 && certificates[0].ends_with("PRIVATE KEY"))
      return "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched";
    return concat("tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the following types: [",
                  join(certificates, " "), "]");
  }
  if (keys.empty()) return "tls: failed to find any PEM data in key input";
  if (!has(keys, is_key)) {
    if (keys.size() == 1 && keys[0] == "CERTIFICATE") return "tls: found a certificate rather than a key in the PEM for the private key";
    return concat("tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of the following types: [",
                  join(keys, " "), "]");
  }
  return {};
}

void warnings(const Object& object, const Object*, Warnings& out) {
  if (object["type"].as_string() != "kubernetes.io/tls") return;
  auto data = object["data"];
  if (auto problem = key_pair_problem(data["tls.crt"].as_string(), data["tls.key"].as_string()); !problem.empty()) out.push_back(std::move(problem));
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Type", "string", "",
     "Used to facilitate programmatic handling of secret data. More info: "
     "https://kubernetes.io/docs/concepts/configuration/secret/#secret-types"},
    {"Data", "string", "",
     "Data contains the secret data. Each key must consist of alphanumeric characters, '-', '_' or '.'. The serialized form of the secret "
     "data is a base64 encoded string, representing the arbitrary (possibly non-string) data value here. Described in "
     "https://tools.ietf.org/html/rfc4648#section-4"},
    kAgeColumn,
};

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(object["type"].as_string());
  row.number(object["data"].size());
  age_cell(object, row);
}

constexpr FieldLabel kFieldLabels[] = {{"type", [](const Object& object) { return std::string(object["type"].as_string()); }}};

}  // namespace core_secret

extern const Rules kSecretRules{
    .group = "",
    .kind = "Secret",
    .defaults = core_secret::defaults,
    .prepare_update = core_secret::prepare_update,
    .validate = core_secret::validate,
    .validate_update = core_secret::validate_update,
    .warnings = core_secret::warnings,
    .update_checks_whole = true,
    .columns = core_secret::kColumns,
    .row = core_secret::row,
    .field_labels = core_secret::kFieldLabels,
    .has_generation = false,
};

}  // namespace sampan::registry
