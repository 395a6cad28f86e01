// The scale subresource: autoscaling/v1 Scale as a window on spec.replicas of deployments, replica sets, stateful sets and replication controllers.
#include "apiserver/audit/notes.h"
#include "apiserver/body.h"
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "apiserver/write.h"
#include "base/text.h"
#include "registry/columns.h"
#include "registry/field_errors.h"
#include "registry/selectors.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/patch/go_print.h"
#include "schema/patch/patch.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::ObjectRef;
using schema::Value;

namespace {

constexpr std::string_view kScaleVersion = "autoscaling/v1";
constexpr std::string_view kReplicas = "spec.replicas";

// Replication controllers select by a plain map, the others by a LabelSelector.
std::string selector_text(const schema::AnyView& selector) {
  if (!selector.present()) return {};
  if (selector.kind() == schema::Kind::Map) return registry::LabelSelector::from_map(selector).text();
  auto parsed = registry::LabelSelector::from(selector);
  return parsed ? parsed->text() : std::string();
}

Value scale_of(const schema::Object& object, Arena& arena) {
  auto metadata = object["metadata"];
  Value scale = Value::object(arena, 5);
  scale.set("apiVersion", kScaleVersion);
  scale.set("kind", "Scale");
  Value about = Value::object(arena, 5);
  for (std::string_view name : {"name", "namespace", "uid"})
    if (auto text = metadata[name].as_string(); !text.empty()) about.set(name, text);
  about.set("resourceVersion", arena.copy(concat(object.revision())));
  about.set("creationTimestamp", schema::thaw(metadata["creationTimestamp"], arena));
  scale.set("metadata", about);
  Value spec = Value::object(arena, 1);
  if (auto replicas = object["spec"]["replicas"].as_int()) spec.set("replicas", replicas);
  scale.set("spec", spec);
  Value status = Value::object(arena, 2);
  status.set("replicas", object["status"]["replicas"].as_int());
  auto selector = selector_text(object["spec"]["selector"]);
  if (!selector.empty()) status.set("selector", arena.copy(selector));
  scale.set("status", status);
  return scale;
}

// The wanted replicas of a Scale that a client sent or patched.
Result<int64_t> checked_replicas(Value scale, const RequestInfo& info) {
  registry::FieldErrors errors;
  auto name = scale["metadata"]["name"].as_string();
  if (name.empty())
    return fail(bad_request(concat("the name of the object (", info.name, " based on URL) was undeterminable: name must be provided")));
  if (name != info.name)
    return fail(bad_request(concat("the name of the object (", name, ") does not match the name on the URL (", info.name, ")")));
  int64_t replicas = scale["spec"]["replicas"].as_int();
  if (replicas < 0)
    errors.invalid(registry::Path("spec").child("replicas"), replicas, "must be greater than or equal to 0");
  if (!errors.empty()) return fail(std::move(errors).to_error("autoscaling", "Scale", info.name));
  return replicas;
}

// ---- answering ----

constexpr registry::Column kNameInScale{"Name", "string", "", registry::kNameColumn.description};
constexpr registry::Column kScaleColumns[] = {
    kNameInScale,
    {"Desired", "integer", "", "replicas is the desired number of instances for the scaled object."},
    {"Available", "integer", "", "replicas is the actual number of observed instances of the scaled object."},
    registry::kAgeColumn,
};

void scale_row(const schema::Object& scale, registry::Row& row) {
  registry::name_cell(scale, row);
  row.number(scale["spec"]["replicas"].as_int());
  row.number(scale["status"]["replicas"].as_int());
  registry::age_cell(scale, row);
}

constexpr registry::Rules kScaleRules{.group = "autoscaling", .kind = "Scale", .columns = kScaleColumns, .row = scale_row};

// As an object of its own kind, though nothing keeps it.
HandlerResult answer(Context& context, const schema::Object& object) {
  auto expected = expected_kind(*context.served, *context.subresource);
  schema::Resource resource;
  resource.group = expected.group;
  resource.version = expected.version;
  resource.kind = expected.kind;
  resource.type = expected.type;
  Served scale_kind{&resource, &kScaleRules, nullptr};
  Arena arena;
  auto scale = TRY(schema::freeze(scale_of(object, arena), *expected.type));
  const Served* scaled = std::exchange(context.served, &scale_kind);
  auto response = respond_object(context, 200, scale);
  context.served = scaled;
  return response;
}

// The Scale that a client changes: with the part of managedFields that it shows.
Value scale_to_change(const schema::Object& object, Arena& arena) {
  Value scale = scale_of(object, arena);
  Value entries = schema::managed_fields_of_scale(schema::thaw(object["metadata"]["managedFields"], arena), kReplicas, arena);
  if (!entries.empty()) scale["metadata"].set("managedFields", entries);
  return scale;
}

// Who owns the replicas is kept in the object that is scaled.
void hand_back_owners(Value object, Value scale, const std::string& api_version, Arena& arena) {
  Value metadata = object.ensure_object("metadata");
  Value entries = schema::managed_fields_after_scale(metadata["managedFields"], scale["metadata"]["managedFields"], arena.copy(api_version),
                                                     kReplicas, arena);
  if (entries.empty())
    metadata.remove("managedFields");
  else
    metadata.set("managedFields", entries);
}

bool is_apply(const Context& context) {
  return context.info.verb == "patch" && media_type_of(context.http.header("content-type")) == "application/apply-patch+yaml";
}

Result<Value> patched(Context& context, const ExpectedKind& expected, Value scale, Arena& arena) {
  auto media = media_type_of(context.http.header("content-type"));
  if (media != "application/json-patch+json" && media != "application/merge-patch+json" && media != "application/strategic-merge-patch+json")
    return fail(Error(Reason::UnsupportedMediaType,
                      "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
                      "application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml"));
  auto patch = schema::parse_json(context.http.body, arena);
  if (!patch) return fail(bad_request(patch.error().message()));
  note_patch(context, *patch);
  if (media == "application/json-patch+json") return schema::json_patch(scale, *patch, arena);
  if (media == "application/merge-patch+json") return schema::merge_patch(scale, *patch, arena);
  return schema::strategic_merge_patch(scale, *patch, *expected.type, arena);
}

// What is wrong with the patched Scale is said of the patch, as of any other object.
Result<void> conform_patched(Context& context, const ExpectedKind& expected, Value scale, FieldValidation validation) {
  std::string shown;
  schema::write_json(shown, scale);
  if (media_type_of(context.http.header("content-type")) == "application/strategic-merge-patch+json") {
    Arena arena;
    schema::Conformance found;
    if (auto conformed = schema::conform(scale, *expected.type, found, schema::TreeOf::Patch); !conformed) {
      shown.clear();
      if (auto patch = schema::parse_json(context.http.body, arena)) schema::append_go_value(shown, *patch);
      registry::FieldErrors errors;
      errors.invalid(registry::Path("patch"), shown, conformed.error().message());
      return fail(std::move(errors).to_error("", "", ""));
    }
  }
  auto conformed = conform_tree(context, scale, expected, validation, {});
  if (conformed) return {};
  // Without the words that a body's own failure begins with.
  auto why = conformed.error().message();
  if (auto at = why.find("json: "); at != std::string::npos) why.erase(0, at);
  registry::FieldErrors errors;
  errors.invalid(registry::Path("patch"), shown, why);
  return fail(std::move(errors).to_error("", "", ""));
}

Result<Value> applied(Context& context, const ExpectedKind& expected, const schema::Object& before, const schema::FieldManager& manager,
                      bool force, Arena& arena) {
  auto documents = schema::parse_yaml(context.http.body, arena, {.first_only = true});
  if (!documents) return fail(bad_request(concat("error decoding YAML: error converting YAML to JSON: ", documents.error().message())));
  if (documents->empty() || !documents->front().is_object()) return fail(bad_request("error decoding YAML: patch is no object"));
  note_patch(context, documents->front());
  return schema::apply(&before, documents->front(), *expected.type, manager, force, arena);
}

Result<ObjectRef> frozen_scale(const schema::Object& object, const schema::Type& type) {
  Arena arena;
  return schema::freeze(scale_of(object, arena).clone(arena), type);
}

// The Scale as the client wants it to be, with who owns what in it. `sent` is the whole one of an update. Returned is a copy, because what the
// owners were read from ends here.
Result<Value> wanted_scale(Context& context, const ExpectedKind& expected, const schema::Object& current, const schema::Object& before, Value sent,
                           const WriteParameters& parameters, Arena& arena) {
  schema::FieldManager manager{.name = parameters.field_manager,
                               .api_version = kScaleVersion,
                               .subresource = "scale",
                               .now_seconds = context.now_seconds()};
  if (is_apply(context)) {
    Value scale = TRY(applied(context, expected, before, manager, parameters.force, arena));
    TRY(conform_tree(context, scale, expected, parameters.validation, {}));
    return scale.clone(arena);
  }
  Value scale = sent;
  if (context.info.verb == "patch") scale = TRY(patched(context, expected, scale_to_change(current, arena), arena));
  scale = scale.clone(arena);
  if (context.info.verb == "patch") TRY(conform_patched(context, expected, scale, parameters.validation));
  TRY(schema::update_managed_fields(scale, &before, *expected.type, manager));
  return scale.clone(arena);
}

}  // namespace

HandlerResult handle_scale(Context& context) {
  const Served& served = *context.served;
  const RequestInfo& info = context.info;
  if (info.verb == "get") return answer(context, *TRY(served.store->get(info.name_space, info.name)));

  bool is_patch = info.verb == "patch";
  auto parameters = TRY(write_parameters(context, is_patch ? "PatchOptions" : "UpdateOptions", is_apply(context)));
  auto expected = expected_kind(served, *context.subresource);
  Arena body_arena;
  Value sent;
  if (!is_patch) sent = TRY(decode_body(context, expected, parameters.validation, body_arena));
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    auto before = TRY(schema::freeze(scale_to_change(*current, arena).clone(arena), *expected.type));
    Value scale = TRY(wanted_scale(context, expected, *current, *before, sent, parameters, arena));
    scale["metadata"].set("namespace", std::string_view(info.name_space));
    TRY(context.services.admission->mutate(attributes_of(context, Operation::Update, parameters.dry_run), scale, before.get()));
    int64_t replicas = TRY(checked_replicas(scale, info));
    Value object = schema::thaw(*current, arena).clone(arena);
    object.ensure_object("spec").set("replicas", replicas);
    object["metadata"].set("resourceVersion", arena.copy(scale["metadata"]["resourceVersion"].as_string()));
    hand_back_owners(object, scale, served.api_version(), arena);
    TRY(settle(context, object, current.get(), parameters, true));
    return object;
  };
  registry::Preconditions preconditions;
  if (!is_patch) preconditions.uid = sent["metadata"]["uid"].as_string();
  auto options = store_options(context, parameters);
  options.admit = [&](const schema::Object& object, const schema::Object* old) -> Result<void> {
    auto scale = TRY(frozen_scale(object, *expected.type)), before = TRY(frozen_scale(*old, *expected.type));
    return context.services.admission->validate(attributes_of(context, Operation::Update, parameters.dry_run), scale.get(), before.get());
  };
  auto outcome = TRY(served.store->update(info.name_space, info.name, produce, preconditions, false, options));
  return answer(context, *outcome.object);
}

}  // namespace sampan::apiserver
