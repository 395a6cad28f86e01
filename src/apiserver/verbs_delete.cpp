// DELETE of one object and of a collection.
#include "apiserver/admission.h"
#include "apiserver/list_request.h"
#include "apiserver/respond.h"
#include "apiserver/verbs.h"
#include "apiserver/write.h"

namespace sampan::apiserver {

namespace {

Result<registry::DeleteOptions> admitted_options(Context& context) {
  auto options = TRY(delete_options(context));
  auto warning = context.served->rules->propagation_warning;
  if (!warning.empty() && !options.orphan_dependents && options.propagation_policy.empty()) context.warnings.emplace_back(warning);
  options.admit = [&context, given = options](const schema::Object& object) -> Result<void> {
    auto attributes = attributes_of(context, Operation::Delete, given.dry_run);
    // As the kind completes them.
    auto asked = given;
    const registry::Rules& rules = *context.served->rules;
    if (rules.grace_seconds) asked.grace_seconds = rules.grace_seconds(object, given.grace_seconds.value_or(-1));
    if (rules.begin_delete && asked.preconditions.uid.empty()) asked.preconditions.uid = object["metadata"]["uid"].as_string();
    attributes.delete_options = &asked;
    TRY(context.services.admission->mutate(attributes, {}, &object));
    return context.services.admission->validate(attributes, nullptr, &object);
  };
  return options;
}

}  // namespace

HandlerResult handle_delete(Context& context) {
  const Served& served = *context.served;
  auto options = TRY(admitted_options(context));
  auto outcome = TRY(served.store->remove(context.info.name_space, context.info.name, options));
  if (!outcome.deleted || served.rules->returns_deleted_object) {
    // Old clients asked for foreground deletion this way and wait for a 202.
    bool waits = !outcome.deleted && options.orphan_dependents && !*options.orphan_dependents;
    return respond_object(context, waits ? 202 : 200, outcome.object);
  }
  return respond_success(context, 200, served.resource->group, served.resource->resource, context.info.name,
                         outcome.object->view()["metadata"]["uid"].as_string());
}

HandlerResult handle_delete_collection(Context& context) {
  const Served& served = *context.served;
  TRY(list_request(context));
  auto options = TRY(admitted_options(context));
  auto list = TRY(read_list(context));
  for (const auto& item : list.items) {
    auto metadata = (*item)["metadata"];
    auto outcome = served.store->remove(metadata["namespace"].as_string(), metadata["name"].as_string(), options);
    if (!outcome && !outcome.error().is(Reason::NotFound)) return fail(std::move(outcome).error());
  }
  return respond_list(context, std::move(list));
}

}  // namespace sampan::apiserver
