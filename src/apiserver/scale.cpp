// The scale subresource: autoscaling/v1 Scale as a window on spec.replicas of deployments, replica sets, stateful sets and replication controllers.
#include "apiserver/body.h"
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "apiserver/write.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "registry/selectors.h"
#include "schema/json.h"
#include "schema/patch/patch.h"

namespace sampan::apiserver {

using schema::ObjectRef;
using schema::Value;

namespace {

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
  scale.set("kind", "Scale");
  scale.set("apiVersion", "autoscaling/v1");
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
  if (!name.empty() && name != info.name)
    return fail(bad_request(concat("the name of the object (", name, ") does not match the name on the URL (", info.name, ")")));
  int64_t replicas = scale["spec"]["replicas"].as_int();
  if (replicas < 0)
    errors.invalid(registry::Path("spec").child("replicas"), replicas, "must be greater than or equal to 0");
  if (!errors.empty()) return fail(std::move(errors).to_error("autoscaling", "Scale", info.name));
  return replicas;
}

HandlerResult answer(Context& context, const schema::Object& object) {
  Arena arena;
  return respond_value(context, 200, scale_of(object, arena), "autoscaling/v1", "Scale");
}

Result<Value> patched(Context& context, const ExpectedKind& expected, const schema::Object& object, Arena& arena) {
  auto media = media_type_of(context.http.header("content-type"));
  Value patch = TRY(schema::parse_json(context.http.body, arena));
  Value scale = scale_of(object, arena);
  if (media == "application/json-patch+json") return schema::json_patch(scale, patch, arena);
  if (media == "application/merge-patch+json") return schema::merge_patch(scale, patch, arena);
  if (media == "application/strategic-merge-patch+json") return schema::strategic_merge_patch(scale, patch, *expected.type, arena);
  return fail(Error(Reason::UnsupportedMediaType, concat("the body of the request was in an unknown format - accepted media types include: "
                    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json")));
}

}  // namespace

HandlerResult handle_scale(Context& context) {
  const Served& served = *context.served;
  const RequestInfo& info = context.info;
  if (info.verb == "get") return answer(context, *TRY(served.store->get(info.name_space, info.name)));

  bool is_patch = info.verb == "patch";
  auto parameters = TRY(write_parameters(context, is_patch ? "PatchOptions" : "UpdateOptions"));
  auto expected = expected_kind(served, *context.subresource);
  Arena body_arena;
  Value sent;
  if (!is_patch) sent = TRY(decode_body(context, expected, parameters.validation, body_arena));
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    Value scale = sent;
    if (is_patch) {
      scale = TRY(patched(context, expected, *current, arena)).clone(arena);
      TRY(conform_tree(context, scale, expected, parameters.validation, {}));
    }
    int64_t replicas = TRY(checked_replicas(scale, info));
    Value object = schema::thaw(*current, arena).clone(arena);
    object.ensure_object("spec").set("replicas", replicas);
    object["metadata"].set("resourceVersion", arena.copy(scale["metadata"]["resourceVersion"].as_string()));
    TRY(settle(context, object, current.get(), parameters, false));
    return object;
  };
  registry::Preconditions preconditions;
  if (!is_patch) preconditions.uid = sent["metadata"]["uid"].as_string();
  auto outcome = TRY(served.store->update(info.name_space, info.name, produce, preconditions, false, store_options(context, parameters)));
  return answer(context, *outcome.object);
}

}  // namespace sampan::apiserver
