// POST, PUT and PATCH.
#include "apiserver/audit/notes.h"
#include "apiserver/body.h"
#include "apiserver/respond.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "schema/conform.h"
#include "schema/go_text.h"
#include "schema/json.h"
#include "schema/patch/patch.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

Error other_namespace() { return bad_request("the namespace of the provided object does not match the namespace sent on the request"); }

Result<void> check_name(Context& context, Value object) {
  Value metadata = object["metadata"];
  std::string_view name = metadata["name"].as_string(), space = metadata["namespace"].as_string();
  if (!space.empty() && space != context.info.name_space && context.served->resource->namespaced) return fail(other_namespace());
  if (name.empty())
    return fail(bad_request(concat("the name of the object (", context.info.name, " based on URL) was undeterminable: name must be provided")));
  if (name != context.info.name)
    return fail(bad_request(concat("the name of the object (", name, ") does not match the name on the URL (", context.info.name, ")")));
  if (space.empty() && context.served->resource->namespaced) metadata.set("namespace", std::string_view(context.info.name_space));
  return {};
}

}  // namespace

HandlerResult handle_create(Context& context) {
  const Served& served = *context.served;
  auto parameters = TRY(write_parameters(context, "CreateOptions"));
  Arena arena;
  Value object = TRY(decode_body(context, expected_kind(served), parameters.validation, arena));
  Value metadata = object.ensure_object("metadata");
  // Admission and authorisation of creates see the name the object asks for.
  context.info.name = metadata["name"].as_string();
  if (served.resource->namespaced) {
    std::string_view space = metadata["namespace"].as_string();
    if (!space.empty() && space != context.info.name_space) return fail(other_namespace());
    metadata.set("namespace", std::string_view(context.info.name_space));
  } else {
    metadata.remove("namespace");
  }
  for (auto name : {"deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"}) metadata.remove(name);
  drop_repeated_owners(context, object, "");
  TRY(settle(context, object, nullptr, parameters, false));
  auto outcome = TRY(served.store->create(context.info.name_space, object, arena, store_options(context, parameters)));
  return respond_object(context, 201, outcome.object);
}

HandlerResult handle_update(Context& context) {
  const Served& served = *context.served;
  auto parameters = TRY(write_parameters(context, "UpdateOptions"));
  Arena body_arena;
  Value sent = TRY(decode_body(context, expected_kind(served), parameters.validation, body_arena));
  TRY(check_name(context, sent));
  drop_repeated_owners(context, sent, "");
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    Value object = sent.clone(arena);  // kept whole for another try after a lost race
    TRY(settle(context, object, current.get(), parameters, false));
    return object;
  };
  registry::Preconditions preconditions;
  preconditions.uid = sent["metadata"]["uid"].as_string();
  auto outcome = TRY(served.store->update(context.info.name_space, context.info.name, produce, preconditions, false,
                                          store_options(context, parameters)));
  return respond_object(context, outcome.created ? 201 : 200, outcome.object);
}

namespace {

enum class PatchType : uint8_t { Json, Merge, Strategic, Apply };

Result<PatchType> patch_type(const net::Request& request) {
  auto media = media_type_of(request.header("content-type"));
  if (media == "application/json-patch+json") return PatchType::Json;
  if (media == "application/merge-patch+json") return PatchType::Merge;
  if (media == "application/strategic-merge-patch+json") return PatchType::Strategic;
  if (media == "application/apply-patch+yaml") return PatchType::Apply;
  return fail(Error(Reason::UnsupportedMediaType, "415: Unsupported Media Type").about("", "", ""));
}

Result<Value> apply_patch(PatchType type, const Served& served, Value document, Value patch, Arena& arena) {
  switch (type) {
    case PatchType::Json: return schema::json_patch(document, patch, arena);
    case PatchType::Merge: return schema::merge_patch(document, patch, arena);
    case PatchType::Strategic: return schema::strategic_merge_patch(document, patch, *served.resource->type, arena);
    case PatchType::Apply: break;
  }
  return fail(internal_error("apply is not a patch of the document"));
}

struct PatchBody {
  Value tree;
  schema::RepeatedKeys repeated;
};

Result<PatchBody> parse_patch(PatchType type, FieldValidation validation, const std::string& body, Arena& arena) {
  PatchBody parsed;
  if (type == PatchType::Apply) {
    auto documents = schema::parse_yaml(body, arena, {.first_only = true}, &parsed.repeated.lines);
    if (!documents) return fail(bad_request(concat("error decoding YAML: error converting YAML to JSON: ", documents.error().message())));
    if (!documents->empty()) parsed.tree = documents->front();
    if (parsed.tree.is_missing()) parsed.tree = Value::object(arena);
    if (!parsed.tree.is_object())
      return fail(bad_request(concat("error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ",
                                     schema::json_type_name(parsed.tree), " into Go value of type map[string]interface {}")));
    return parsed;
  }
  auto tree = schema::parse_json(body, arena, &parsed.repeated.keys);
  if (!tree) {
    bool checked_first = type != PatchType::Strategic && validation != FieldValidation::Ignore;
    return fail(bad_request(concat(checked_first ? "error decoding patch: " : "", tree.error().message())));
  }
  parsed.tree = *tree;
  return parsed;
}

// A tree as Go prints one with %+v: map[a:1 b:[x y]].
void append_go_text(std::string& out, Value value) {
  switch (value.type()) {
    case Value::Type::Object: {
      std::vector<std::string_view> names;
      for (const auto& member : value.members()) names.push_back(member.name);
      std::sort(names.begin(), names.end());
      out += "map[";
      for (size_t i = 0; i < names.size(); i++) {
        append(out, i ? " " : "", names[i], ":");
        append_go_text(out, value[names[i]]);
      }
      out += ']';
      return;
    }
    case Value::Type::List:
      out += '[';
      for (uint32_t i = 0; i < value.size(); i++) {
        if (i) out += ' ';
        append_go_text(out, value.at(i));
      }
      out += ']';
      return;
    case Value::Type::String: out += value.as_string(); return;
    case Value::Type::Absent:
    case Value::Type::Null: out += "<nil>"; return;
    case Value::Type::Bool:
    case Value::Type::Int:
    case Value::Type::Double: schema::write_json(out, value); return;
  }
}

// What is left of a strategic patch once it is applied: of its objects, though not of those in lists, the directives are used up.
Value without_directives(Value patch) {
  if (!patch.is_object()) return patch;
  Value rest = Value::object(patch.arena(), patch.size());
  for (const auto& member : patch.members())
    if (member.name != "$patch" && member.name != "$retainKeys" && !member.name.starts_with("$setElementOrder/"))
      rest.set(member.name, without_directives(member.value));
  return rest;
}

// Holds the patched document against its type. What is wrong with it is said of the patch: the whole document of a JSON or merge patch, or
// the strategic patch itself.
Result<void> conform_patched(Context& context, PatchType type, const PatchBody& patch, Value object, FieldValidation validation) {
  std::string shown;
  if (type == PatchType::Strategic)
    append_go_text(shown, without_directives(patch.tree));
  else
    schema::write_json(shown, object);
  auto refuse = [&](std::string_view why) {
    registry::FieldErrors errors;
    errors.invalid(registry::Path("patch"), shown, why);
    return fail(std::move(errors).to_error("", "", ""));
  };
  auto known = check_kind(expected_kind(*context.served), object["apiVersion"].as_string(), object["kind"].as_string());
  if (!known && type != PatchType::Strategic) return refuse(known.error().message());  // a strategic patch goes into the struct that is there
  schema::Conformance found;
  auto origin = type == PatchType::Strategic ? schema::TreeOf::Patch : schema::TreeOf::Text;
  if (auto conformed = schema::conform(object, *context.served->resource->type, found, origin); !conformed)
    return refuse(conformed.error().message());
  if (validation == FieldValidation::Ignore) return {};
  auto problems = schema::strict_errors(patch.repeated, found);
  if (validation == FieldValidation::Strict && !problems.empty()) return refuse(concat("strict decoding error: ", join(problems, ", ")));
  for (auto& problem : problems) context.warnings.push_back(std::move(problem));
  return {};
}

// The current object as the client sees it: the document that a patch is applied to.
Result<Value> document_of(const Served& served, const ObjectRef& current, Arena& arena) {
  auto object = TRY(in_served_version(served, current));
  Value tree = schema::thaw(*object, arena).clone(arena);
  tree.set("apiVersion", arena.copy(served.api_version()));
  tree.set("kind", served.resource->kind);
  return tree;
}

// What apply does not know it refuses by itself; keys that are given twice are left to be told here.
Result<void> report_duplicates(Context& context, const std::vector<std::string>& duplicates, FieldValidation validation) {
  if (duplicates.empty() || validation == FieldValidation::Ignore) return {};
  if (validation == FieldValidation::Strict)
    return fail(bad_request(concat("error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ",
                                   join(duplicates, "\n  "))));
  for (const auto& duplicate : duplicates) context.warnings.push_back(duplicate);
  return {};
}

// Holds what apply has made against its type.
Result<void> conform_applied(const Served& served, Value applied, Value object) {
  schema::Conformance found;
  auto conformed = schema::conform(object, *served.resource->type, found, schema::TreeOf::Patch);
  if (conformed) return {};
  auto version = served.api_version();
  auto kind = concat(version.contains('/') ? "" : "/", version, ", Kind=", served.resource->kind);
  Value metadata = applied["metadata"];
  return fail(Error(500, Reason::Unknown,
                    concat("failed to convert new object (", metadata["namespace"].as_string(), "/", metadata["name"].as_string(), "; ", kind,
                           ") to proper version: unable to convert unstructured object to ", kind, ": ", conformed.error().message())));
}

HandlerResult patch_by_apply(Context& context, const PatchBody& patch, const WriteParameters& parameters) {
  const Served& served = *context.served;
  size_t warnings_before = context.warnings.size();
  ObjectRef before;  // outlives the tree that is made of it
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    auto manager = field_manager(context, parameters);
    manager.api_version = arena.copy(served.api_version());
    if (current) before = TRY(in_served_version(served, current));
    Value object = TRY(schema::apply(before.get(), patch.tree.clone(arena), *served.resource->type, manager, parameters.force, arena));
    context.warnings.resize(warnings_before);  // of a try that lost its race
    TRY(report_duplicates(context, patch.repeated.lines, parameters.validation));
    TRY(conform_applied(served, patch.tree, object));
    if (auto uid = object["metadata"]["uid"].as_string(); !current && !uid.empty())
      return fail(conflict(served.resource->group, served.resource->resource, context.info.name,
                           concat("uid mismatch: the provided object specified uid ", uid, ", and no existing object was found")));
    TRY(check_name(context, object));
    TRY(settle(context, object, current.get(), parameters, true));
    return object;
  };
  bool may_create = context.info.subresource.empty();
  auto outcome = TRY(served.store->update(context.info.name_space, context.info.name, produce, {}, may_create,
                                          store_options(context, parameters)));
  return respond_object(context, outcome.created ? 201 : 200, outcome.object);
}

}  // namespace

Result<void> check_patch_type(const net::Request& request) {
  TRY(patch_type(request));
  return {};
}

HandlerResult handle_patch(Context& context) {
  const Served& served = *context.served;
  auto type = TRY(patch_type(context.http));
  auto parameters = TRY(write_parameters(context, "PatchOptions", type == PatchType::Apply));
  Arena body_arena;
  PatchBody patch;
  if (context.direct) {
    patch.tree = context.direct->body;
  } else {
    auto parsed = parse_patch(type, parameters.validation, context.http.body, body_arena);
    // Upstream looks at the object first.
    if (!parsed && type != PatchType::Apply) TRY(served.store->get(context.info.name_space, context.info.name));
    patch = TRY(std::move(parsed));
  }
  note_patch(context, patch.tree);
  if (type == PatchType::Apply) return patch_by_apply(context, patch, parameters);
  size_t warnings_before = context.warnings.size();
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    if (!current) return fail(not_found(served.resource->group, served.resource->resource, context.info.name));
    Value document = TRY(document_of(served, current, arena));
    Value object = TRY(apply_patch(type, served, document, patch.tree, arena));
    object = object.clone(arena);  // the result may share parts with the patch, which is applied again after a lost race
    if (!object.is_object()) return fail(bad_request("the patched document is no object"));
    context.warnings.resize(warnings_before);  // of a try that lost its race
    TRY(conform_patched(context, type, patch, object, parameters.validation));
    TRY(check_name(context, object));
    TRY(settle(context, object, current.get(), parameters, false));
    return object;
  };
  auto outcome = TRY(served.store->update(context.info.name_space, context.info.name, produce, {}, false, store_options(context, parameters)));
  return respond_object(context, 200, outcome.object);
}

}  // namespace sampan::apiserver
