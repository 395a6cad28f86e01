// Verbs that only pods have: binding to a node, and eviction under the eye of disruption budgets.
#include "apiserver/admission.h"
#include "apiserver/body.h"
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "apiserver/write.h"
#include "base/text.h"
#include "registry/core/pod.h"

namespace sampan::apiserver {

namespace {

constexpr int kConflictTries = 20;

HandlerResult succeeded(Context& context) {
  Arena arena;
  Value status = Value::object(arena, 3);
  status.set("metadata", Value::object(arena));
  status.set("status", "Success");
  status.set("code", 201);
  return respond_value(context, 201, status, "v1", "Status");
}

// The Binding or Eviction that was sent, admitted.
Result<ObjectRef> read_request(Context& context, const ExpectedKind& expected, const WriteParameters& parameters, Arena& arena) {
  Value sent = TRY(decode_body(context, expected, parameters.validation, arena));
  Value metadata = sent.ensure_object("metadata");
  if (context.info.name.empty()) context.info.name = metadata["name"].as_string();  // admission speaks of it
  auto space = metadata["namespace"].as_string();
  if (!space.empty() && space != context.info.name_space)
    return fail(bad_request("the namespace of the provided object does not match the namespace sent on the request"));
  metadata.set("namespace", std::string_view(context.info.name_space));
  auto manager = field_manager(context, parameters);
  manager.api_version = arena.copy(expected.group.empty() ? std::string(expected.version) : concat(expected.group, "/", expected.version));
  TRY(schema::update_managed_fields(sent, nullptr, *expected.type, manager));
  auto attributes = attributes_of(context, Operation::Create, parameters.dry_run);
  TRY(context.services.admission->mutate(attributes, sent, nullptr));
  return schema::freeze(sent, *expected.type);
}

HandlerResult bind(Context& context, const ExpectedKind& expected) {
  auto parameters = TRY(write_parameters(context, "CreateOptions"));
  Arena arena;
  ObjectRef binding = TRY(read_request(context, expected, parameters, arena));
  auto metadata = (*binding)["metadata"];
  std::string name(context.info.subresource.empty() ? metadata["name"].as_string() : std::string_view(context.info.name));
  TRY(registry::check_binding(*binding, name));
  TRY(context.services.admission->validate(attributes_of(context, Operation::Create, parameters.dry_run), &*binding, nullptr));

  registry::Preconditions preconditions;
  preconditions.uid = metadata["uid"].as_string();
  if (binding->revision()) preconditions.resource_version = concat(binding->revision());
  auto produce = [&](const ObjectRef& current, Arena& pod_arena) -> Result<Value> {
    Value pod = schema::thaw(*current, pod_arena);
    TRY(registry::bind_pod(pod, *binding, context.now_seconds()));
    return pod;
  };
  registry::WriteOptions options;
  options.subresource = "binding";
  options.dry_run = parameters.dry_run;
  auto* pods = context.services.catalog->store_of("", "pods");
  TRY(pods->update(context.info.name_space, name, produce, preconditions, false, options));
  return succeeded(context);
}

std::vector<ObjectRef> budgets_of(Context& context) {
  std::vector<ObjectRef> budgets;
  auto* store = context.services.catalog->store_of("policy", "poddisruptionbudgets");
  if (!store) return budgets;
  auto prefix = concat(context.info.name_space, "/");
  auto snapshot = store->cache().snapshot();
  snapshot.each(prefix, {}, [&](std::string_view, const ObjectRef& budget) {
    budgets.push_back(budget);
    return true;
  });
  return budgets;
}

// Says in the status why the pod goes, then deletes it.
Result<void> delete_evicted(Context& context, registry::DeleteOptions options) {
  auto* pods = context.services.catalog->store_of("", "pods");
  if (!options.dry_run) {
    auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
      TRY(registry::check_delete_preconditions(pods->resource(), *current, options.preconditions));
      Value pod = schema::thaw(*current, arena);
      registry::mark_evicted(pod, context.now_seconds());
      return pod;
    };
    registry::WriteOptions write;
    write.subresource = "status";
    auto marked = TRY(pods->update(context.info.name_space, context.info.name, produce, {}, false, write));
    if (options.preconditions.resource_version) options.preconditions.resource_version = concat(marked.object->revision());
  }
  TRY(pods->remove(context.info.name_space, context.info.name, options));
  return {};
}

Result<void> take_from(Context& context, const ObjectRef& budget, bool dry_run) {
  auto* store = context.services.catalog->store_of("policy", "poddisruptionbudgets");
  auto produce = [&](const ObjectRef& current, Arena& arena) -> Result<Value> {
    Value tree = schema::thaw(*current, arena);
    TRY(registry::take_disruption(tree, context.info.name, context.now_seconds()));
    return tree;
  };
  registry::WriteOptions write;
  write.subresource = "status";
  write.dry_run = dry_run;
  TRY(store->update(context.info.name_space, (*budget)["metadata"]["name"].as_string(), produce, {}, false, write));
  return {};
}

Result<void> evict(Context& context, registry::DeleteOptions options, bool& may_retry) {
  bool versioned = options.preconditions.resource_version.has_value();
  ObjectRef pod = TRY(context.served->store->get(context.info.name_space, context.info.name));
  auto plan = TRY(registry::plan_eviction(*pod, budgets_of(context)));
  if (plan.budget) TRY(take_from(context, plan.budget, options.dry_run));
  if (plan.only_this_version && !versioned) options.preconditions.resource_version = concat(pod->revision());
  auto deleted = delete_evicted(context, options);
  if (deleted || !deleted.error().is(Reason::Conflict) || !plan.only_this_version || versioned) return deleted;
  if (!plan.budget_name.empty()) return fail(registry::eviction_must_wait(plan.budget_name));
  may_retry = true;
  return deleted;
}

}  // namespace

HandlerResult handle_binding(Context& context) { return bind(context, expected_kind(*context.served, *context.subresource)); }

HandlerResult handle_bindings(Context& context) { return bind(context, expected_kind(*context.served)); }

HandlerResult handle_eviction(Context& context) {
  auto parameters = TRY(write_parameters(context, "CreateOptions"));
  Arena arena;
  ObjectRef eviction = TRY(read_request(context, expected_kind(*context.served, *context.subresource), parameters, arena));
  TRY(registry::check_eviction(*eviction, context.info.name));
  TRY(context.services.admission->validate(attributes_of(context, Operation::Create, parameters.dry_run), &*eviction, nullptr));

  Arena options_arena;
  auto asked = (*eviction)["deleteOptions"];
  auto options = TRY(delete_options_of(asked.present() ? schema::thaw(asked, options_arena) : Value()));
  options.dry_run |= parameters.dry_run;
  // A pod that needs no budget and changes meanwhile is looked at again, unless the client knows which version of it is to go.
  for (int tries = 1;; tries++) {
    bool may_retry = false;
    auto deleted = evict(context, options, may_retry);
    if (deleted) return succeeded(context);
    if (!may_retry || tries == kConflictTries) return fail(std::move(deleted).error());
  }
}

}  // namespace sampan::apiserver
