// CustomResourceDefinition: adds a kind to the API.
#include "base/text.h"
#include "registry/apiextensions/schema_check.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/metadata.h"
#include "registry/webhook_client.h"

namespace sampan::registry {

namespace custom_resource_definition {

using schema::AnyView;

void default_names(Value spec) {
  Value names = spec.ensure_object("names");
  auto kind = names["kind"].as_string();
  if (kind.empty()) return;
  if (names["singular"].as_string().empty()) names.set("singular", spec.arena().copy(to_lower(kind)));
  if (names["listKind"].as_string().empty()) names.set("listKind", spec.arena().copy(concat(kind, "List")));
}

Value storage_version(Value object) {
  for (Value version : object["spec"]["versions"].items())
    if (version["storage"].as_bool()) return version["name"];
  return {};
}

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  default_names(spec);
  if (spec["conversion"].is_missing()) spec.ensure_object("conversion").set("strategy", "None");
  default_webhook_service(spec["conversion"]["webhook"]["clientConfig"]["service"]);
  if (Value version = storage_version(object); object["status"]["storedVersions"].size() == 0 && version.is_string())
    object.ensure_object("status").ensure_list("storedVersions").push(version);
}

// What is stored from now on is said in the status, so that it is not forgotten when another version takes over.
void note_storage_version(Value object) {
  Value version = storage_version(object);
  if (!version.is_string()) return;
  Value stored = object.ensure_object("status").ensure_list("storedVersions");
  for (Value name : stored.items())
    if (name.as_string() == version.as_string()) return;
  stored.push(version);
}

void prepare_create(Value object, const CreateContext&) { note_storage_version(object); }
void prepare_update(Value object, const Object&, std::string_view subresource) {
  if (subresource.empty()) note_storage_version(object);
}

// ---- names ----

void require_label(const At& at, bool mixed_case) {
  Complaints complaints;
  if (at.text().empty()) return;
  check_dns1035_label(mixed_case ? to_lower(at.text()) : std::string(at.text()), complaints);
  if (!complaints.empty())
    at.invalid(concat(mixed_case ? "may have mixed case, but should otherwise match: " : "", join(complaints, ",")));
}

void require_labels(const At& list) {
  for (uint32_t i = 0; i < list.size(); i++) {
    Complaints complaints;
    check_dns1035_label(list.item(i).text(), complaints);
    if (!complaints.empty()) list.item(i).invalid(Shown(list.item(i).text()), join(complaints, ","));
  }
}

void validate_names(const At& names) {
  require_label(names["plural"], false);
  require_label(names["singular"], false);
  require_label(names["kind"], true);
  require_label(names["listKind"], true);
  require_labels(names["shortNames"]);
  require_labels(names["categories"]);
  if (!names["kind"].empty() && names["kind"].text() == names["listKind"].text())
    names["listKind"].invalid("kind and listKind may not be the same");
}

void validate_group(const At& group) {
  if (group.empty()) return group.required();
  Complaints complaints;
  check_dns1123_subdomain(group.text(), complaints);
  if (!complaints.empty())
    group.invalid(join(complaints, ","));
  else if (group.text().find('.') == std::string_view::npos)
    group.invalid("should be a domain with at least one dot");
}

// ---- versions ----

void validate_json_path(const At& path, std::initializer_list<std::string_view> under, std::string_view otherwise) {
  auto text = path.text();
  if (text[0] != '.') return path.invalid("must be a simple json path starting with .");
  if (under.size() && std::none_of(under.begin(), under.end(), [&](auto prefix) { return text.starts_with(prefix); }))
    path.invalid(otherwise);
}

void validate_scale(const At& scale) {
  At spec = scale["specReplicasPath"], status = scale["statusReplicasPath"], selector = scale["labelSelectorPath"];
  spec.empty() ? spec.required() : validate_json_path(spec, {".spec."}, "should be a json path under .spec");
  status.empty() ? status.required() : validate_json_path(status, {".status."}, "should be a json path under .status");
  if (!selector.empty()) validate_json_path(selector, {".spec.", ".status."}, "should be a json path under either .spec or .status");
}

void validate_column(const At& column) {
  static constexpr std::string_view kTypes[] = {"boolean", "date", "integer", "number", "string"};
  static constexpr std::string_view kFormats[] = {"byte", "date", "date-time", "double", "float", "int32", "int64", "password"};
  auto has = [](const auto& list, std::string_view text) { return std::find(std::begin(list), std::end(list), text) != std::end(list); };
  At type = column["type"], format = column["format"];
  At json_path(column["jsonPath"].value(), column.path().child("JSONPath"), column.errors());
  if (column["name"].empty()) column["name"].required();
  if (type.empty())
    type.required("must be one of boolean,date,integer,number,string");
  else if (!has(kTypes, type.text()))
    type.invalid("must be one of boolean,date,integer,number,string");
  if (!format.empty() && !has(kFormats, format.text()))
    format.invalid("must be one of byte,date,date-time,double,float,int32,int64,password");
  json_path.empty() ? json_path.required() : validate_json_path(json_path, {}, "");
}

// The schema that a simple path leads to; absent if it leads nowhere.
Value schema_at(Value schema, std::string_view path) {
  for (auto step : split(path.substr(1), '.')) schema = schema["properties"][step];
  return schema;
}

void validate_selectable(const At& fields, const AnyView& schema) {
  constexpr uint32_t kFieldsMax = 8;
  Arena arena;
  Value tree = schema.present() ? schema::thaw(schema, arena) : Value();
  std::vector<std::string_view> seen;
  for (uint32_t i = 0; i < fields.size(); i++) {
    At field = fields.item(i);
    At path = field["jsonPath"];
    auto text = path.text();
    if (text.empty()) {
      path.required();
      continue;
    }
    if (text[0] != '.') {
      path.invalid("is an invalid path: expected [ or . but got: " + std::string(text));
      continue;
    }
    Value found = schema_at(tree, text);
    if (found.is_absent()) {
      path.invalid("is an invalid path: does not refer to a valid field");
      continue;
    }
    if (text == ".metadata" || text.starts_with(".metadata.")) path.invalid("must not point to fields in metadata");
    if (auto type = found["type"].as_string(); type != "string" && type != "boolean" && type != "integer")
      path.invalid("must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.");
    if (std::find(seen.begin(), seen.end(), text) != seen.end())
      path.duplicate();
    else
      seen.push_back(text);
  }
  if (seen.size() > kFieldsMax) fields.errors().too_many(fields.path(), static_cast<int64_t>(seen.size()), kFieldsMax);
}

// With a status of its own, the schema's root may say only what still holds when the status is taken out.
void validate_root(const AnyView& schema, const Path& path, FieldErrors& errors) {
  static constexpr std::string_view kAllowed[] = {
      "description", "type",     "format",   "title",      "maximum",  "exclusiveMaximum", "minimum",    "exclusiveMinimum", "maxLength", "minLength", "pattern",
      "maxItems",    "minItems", "uniqueItems", "multipleOf", "required", "items",            "properties", "externalDocs",     "example",   "x-kubernetes-preserve-unknown-fields",
      "x-kubernetes-validations"};
  for (const auto& field : schema.type().fields) {
    if (!schema[field.name].present()) continue;
    if (field.name == "type" && schema["type"].as_string() != "object")
      return errors.invalid(path.child("type"), schema["type"].as_string(),
                            "only \"object\" is allowed as the type at the root of the schema if the status subresource is enabled");
    if (std::find(std::begin(kAllowed), std::end(kAllowed), field.name) == std::end(kAllowed))
      return errors.invalid(path, Shown::internal(schema),
                            "only [Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern "
                            "MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields "
                            "XValidations] fields are allowed at the root of the schema if the status subresource is enabled");
  }
}

void validate_one_schema(const AnyView& schema, const Path& path, bool has_status, FieldErrors& errors) {
  if (!schema.present()) return;
  if (has_status) validate_root(schema, path, errors);
  Arena arena;
  apiextensions::validate_schema(schema::thaw(schema, arena), path, errors);
}

// What all versions say alike is looked at, and complained about, once: internally it is said for the definition as a whole.
bool is_shared(const AnyView& versions, std::string_view field) {
  if (versions.size() == 0) return false;
  auto first = versions.item(0)[field];
  if (!first.present()) return false;
  for (uint32_t i = 1; i < versions.size(); i++)
    if (!versions.item(i)[field].equals(first)) return false;
  return true;
}

void validate_version_parts(const At& spec) {
  At versions = spec["versions"];
  bool any_status = false;
  for (uint32_t i = 0; i < versions.size(); i++) any_status |= versions.value().item(i)["subresources"]["status"].present();
  auto visit = [&](std::string_view field, std::string_view shared_name, auto check) {
    if (is_shared(versions.value(), field)) {
      check(At(versions.value().item(0)[field], spec.path().child(shared_name), spec.errors()), versions.value().item(0), any_status);
      return;
    }
    for (uint32_t i = 0; i < versions.size(); i++) {
      At version = versions.item(i);
      if (version[field].present()) check(version[field], version.value(), version.value()["subresources"]["status"].present());
    }
  };
  visit("schema", "validation", [&](const At& at, const AnyView&, bool has_status) {
    validate_one_schema(at["openAPIV3Schema"].value(), at.path().child("openAPIV3Schema"), has_status, spec.errors());
  });
  visit("subresources", "subresources", [](const At& at, const AnyView&, bool) {
    if (at["scale"].present()) validate_scale(at["scale"]);
  });
  visit("additionalPrinterColumns", "additionalPrinterColumns", [](const At& at, const AnyView&, bool) {
    for (uint32_t i = 0; i < at.size(); i++) validate_column(at.item(i));
  });
  visit("selectableFields", "selectableFields",
        [](const At& at, const AnyView& version, bool) { validate_selectable(at, version["schema"]["openAPIV3Schema"]); });
}

void validate_deprecation(const At& version) {
  constexpr size_t kCharactersMax = 256;
  At warning = version["deprecationWarning"];
  if (!warning.present()) return;
  if (!version["deprecated"].truth()) return warning.invalid("can only be set for deprecated versions");
  if (warning.text().size() > kCharactersMax) warning.invalid("must be <= 256 characters long");
  if (warning.text().empty()) warning.invalid(Shown(""), "must not be an empty string");
  for (size_t i = 0; i < warning.text().size(); i++)
    if (unsigned char c = warning.text()[i]; c < 0x20 || c == 0x7f)
      return warning.invalid(concat("must only contain printable UTF-8 characters; non-printable character found at index ", i));
}

// As they are internally: without what they all say alike.
Shown shown_versions(const Object& object) {
  auto versions = object["spec"]["versions"];
  if (!versions.present()) return Shown(versions);
  Arena arena;
  Value tree = Value::object(arena), list = schema::thaw(versions, arena);
  for (std::string_view field : {"schema", "subresources", "additionalPrinterColumns", "selectableFields"})
    if (is_shared(versions, field))
      for (Value version : list.items()) version.remove(field);
  tree.ensure_object("spec").set("versions", list);
  auto frozen = schema::freeze(tree, object.type());
  return frozen ? Shown::internal((**frozen)["spec"]["versions"]) : Shown::null();
}

void validate_versions(const Object& object, const At& spec, bool schemas_required) {
  At versions = spec["versions"];
  int stored = 0;
  bool unique = true, schema_shared = is_shared(versions.value(), "schema");
  for (uint32_t i = 0; i < versions.size(); i++) {
    At version = versions.item(i);
    At name = version["name"];
    stored += version["storage"].truth();
    for (uint32_t j = 0; j < i; j++) unique = unique && versions.value().item(j)["name"].as_string() != name.text();
    Complaints complaints;
    check_dns1035_label(name.text(), complaints);
    if (!complaints.empty()) {
      name.invalid(Shown(name.text()), join(complaints, ","));
      // The first one is the only one of older clients, too.
      if (i == 0 && !name.text().empty()) name.errors().invalid(Path("spec").child("version"), name.text(), join(complaints, ","));
    }
    validate_deprecation(version);
    At schema = version["schema"];
    if (!schema["openAPIV3Schema"].present() && (schemas_required || version["served"].truth()) &&
        !(schema_shared && versions.value().item(0)["schema"]["openAPIV3Schema"].present()))
      schema["openAPIV3Schema"].required(schemas_required ? "" : "because otherwise all fields are pruned");
  }
  if (!unique) versions.invalid(shown_versions(object), "must contain unique version names");
  if (stored != 1) versions.invalid(shown_versions(object), "must have exactly one version marked as storage version");
}

void validate_stored_versions(const Object& object, FieldErrors& errors) {
  Path path("status");
  At stored(object["status"]["storedVersions"], path.child("storedVersions"), errors);
  if (stored.size() == 0)
    return stored.invalid(Shown(stored.value()), "must have at least one stored version");
  std::vector<std::string_view> left;
  for (uint32_t i = 0; i < stored.size(); i++) left.push_back(stored.value().item(i).as_string());
  auto versions = object["spec"]["versions"];
  for (uint32_t i = 0; i < versions.size(); i++) {
    auto version = versions.item(i);
    auto name = version["name"].as_string();
    auto found = std::find(left.begin(), left.end(), name);
    if (found != left.end())
      *found = {};
    else if (version["storage"].present() && version["storage"].as_bool())
      stored.invalid(Shown(stored.value()), concat("must have the storage version ", name));
  }
  for (uint32_t i = 0; i < left.size(); i++)
    if (!left[i].empty())
      stored.item(i).invalid(Shown(left[i]), concat("missing from spec.versions; ", left[i], " was previously a storage version, and must remain in "
                                                    "spec.versions until a storage migration ensures no data remains persisted in ",
                                                    left[i], " and removes ", left[i], " from status.storedVersions"));
}

// ---- conversion ----

void validate_review_versions(const At& versions, bool known_required) {
  if (versions.size() == 0) return versions.required();
  bool known = false;
  for (uint32_t i = 0; i < versions.size(); i++) {
    At version = versions.item(i);
    bool repeated = false;
    for (uint32_t j = 0; j < i; j++) repeated |= versions.value().item(j).as_string() == version.text();
    repeated ? version.invalid("duplicate version") : version.must_be(check_dns1035_label);
    known |= version.text() == "v1" || version.text() == "v1beta1";
  }
  if (known_required && !known) versions.invalid("must include at least one of v1, v1beta1");
}

void validate_conversion(const At& conversion, bool known_required) {
  if (!conversion.present()) return;
  At strategy = conversion["strategy"], webhook = conversion["webhook"];
  strategy.empty() ? strategy.required() : void(strategy.one_of({"None", "Webhook"}));
  // Internally the webhook's parts are the conversion's.
  At client(webhook["clientConfig"].value(), conversion.path().child("webhookClientConfig"), conversion.errors());
  At versions(webhook["conversionReviewVersions"].value(), conversion.path().child("conversionReviewVersions"), conversion.errors());
  if (strategy.text() == "Webhook") {
    client.present() ? validate_webhook_client(client) : client.required("required when strategy is set to Webhook");
    return validate_review_versions(versions, known_required);
  }
  constexpr std::string_view kNoWebhook = "should not be set when strategy is not set to Webhook";
  if (client.present()) client.forbidden(kNoWebhook);
  if (versions.size() > 0) versions.forbidden(kNoWebhook);
}

// ---- the whole ----

struct Tolerated {
  bool missing_schemas = false, unknown_review_versions = false, unknown_fields_kept = false;
};

void validate_spec(const Object& object, const Tolerated& tolerated, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At scope = spec["scope"], names = spec["names"], keep = spec["preserveUnknownFields"];
  validate_group(spec["group"]);
  scope.empty() ? scope.required() : void(scope.one_of({"Cluster", "Namespaced"}));
  validate_versions(object, spec, !tolerated.missing_schemas);
  validate_version_parts(spec);
  for (auto field : {"plural", "singular", "kind", "listKind"})
    if (names[field].empty()) names[field].required();
  validate_names(names);
  if (keep.truth() && spec["conversion"]["strategy"].text() != "None")
    At(spec["conversion"]["strategy"].value(), path.child("conversion.strategy"), errors).invalid("must be None if spec.preserveUnknownFields is true");
  validate_conversion(spec["conversion"], !tolerated.unknown_review_versions);
  if (keep.truth() && !tolerated.unknown_fields_kept)
    keep.invalid("cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead");
  Path status_path("status");
  validate_names(At(object["status"]["acceptedNames"], status_path.child("acceptedNames"), errors));
  validate_stored_versions(object, errors);
}

bool is_protected_group(std::string_view group) {
  for (std::string_view owner : {"k8s.io", "kubernetes.io"})
    if (group == owner || (group.ends_with(owner) && group[group.size() - owner.size() - 1] == '.')) return true;
  return false;
}

enum class Approval { Missing, Bypassed, Approved, Invalid };

Approval approval_of(std::string_view text) {
  if (text.empty()) return Approval::Missing;
  if (text.starts_with("unapproved")) return Approval::Bypassed;
  auto scheme = text.find("://");
  bool is_url = scheme != std::string_view::npos && scheme > 0 && scheme + 3 < text.size() && text[scheme + 3] != '/';
  return is_url ? Approval::Approved : Approval::Invalid;
}

void validate_approval(const Object& object, const Object* old, FieldErrors& errors) {
  constexpr std::string_view kAnnotation = "api-approved.kubernetes.io", kSee = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (!is_protected_group(object["spec"]["group"].as_string())) return;
  auto text = annotation_of(object, kAnnotation);
  auto approval = approval_of(text);
  if (old && approval_of(annotation_of(*old, kAnnotation)) == approval) return;
  Path metadata("metadata");
  auto annotations = metadata.child("annotations");
  auto path = annotations.key(kAnnotation);
  if (approval == Approval::Missing)
    errors.required(path, concat("protected groups must have approval annotation ", quoted(kAnnotation), ", ", kSee));
  if (approval == Approval::Invalid)
    errors.invalid(path, text, concat("protected groups must have approval annotation ", quoted(kAnnotation),
                                      " with either a URL or a reason starting with \"unapproved\", ", kSee));
}

void validate(const Object& object, FieldErrors& errors) {
  auto spec = object["spec"];
  require_exact_name(errors, object, concat(spec["names"]["plural"].as_string(), ".", spec["group"].as_string()), "must be spec.names.plural+\".\"+spec.group");
  validate_spec(object, {}, errors);
  validate_approval(object, nullptr, errors);
}

bool is_established(const Object& object) {
  auto conditions = object["status"]["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == "Established") return conditions.item(i)["status"].as_string() == "True";
  return false;
}

Tolerated tolerated_of(const Object& old) {
  Tolerated out;
  auto spec = old["spec"], versions = spec["versions"], reviews = spec["conversion"]["webhook"]["conversionReviewVersions"];
  for (uint32_t i = 0; i < versions.size(); i++) out.missing_schemas |= !versions.item(i)["schema"]["openAPIV3Schema"].present();
  out.unknown_review_versions = reviews.size() > 0 && !has_item(reviews, "v1") && !has_item(reviews, "v1beta1");
  out.unknown_fields_kept = spec["preserveUnknownFields"].present() && spec["preserveUnknownFields"].as_bool();
  return out;
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  auto now = object["spec"], before = old["spec"];
  Path path("spec");
  auto names = path.child("names");
  validate_spec(object, tolerated_of(old), errors);
  if (is_established(old)) {
    require_field_unchanged(errors, path, now, before, "scope");
    require_field_unchanged(errors, names, now["names"], before["names"], "kind");
  }
  require_field_unchanged(errors, path, now, before, "group");
  require_field_unchanged(errors, names, now["names"], before["names"], "plural");
  validate_approval(object, &old, errors);
}

void validate_status(std::string_view, const Object& object, const Object&, FieldErrors& errors) {
  Path path("status");
  validate_names(At(object["status"]["acceptedNames"], path.child("acceptedNames"), errors));
}

constexpr std::string_view kStatusReset[] = {"spec"};

}  // namespace custom_resource_definition

extern const Rules kCustomResourceDefinitionRules{
    .group = "apiextensions.k8s.io",
    .kind = "CustomResourceDefinition",
    .defaults = custom_resource_definition::defaults,
    .prepare_create = custom_resource_definition::prepare_create,
    .prepare_update = custom_resource_definition::prepare_update,
    .validate = custom_resource_definition::validate,
    .validate_update = custom_resource_definition::validate_update,
    .validate_subresource = custom_resource_definition::validate_status,
    .unconditional_update = false,
    .status_reset_fields = custom_resource_definition::kStatusReset,
};

}  // namespace sampan::registry
