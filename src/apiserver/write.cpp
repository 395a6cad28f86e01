#include "apiserver/write.h"

#include "apiserver/access/access.h"
#include "apiserver/access/claim_guard.h"
#include "apiserver/access/role_guard.h"
#include "base/text.h"
#include "schema/apply/apply.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

constexpr std::string_view kStatusPath[] = {"status"};
constexpr std::string_view kSpecPath[] = {"spec"};

constexpr std::string_view kEphemeralPaths[] = {"+spec.ephemeralContainers"};
constexpr std::string_view kResizePaths[] = {"+spec.containers.*.resources", "+spec.containers.*.resizePolicy",
                                             "+spec.initContainers.*.resources", "+spec.initContainers.*.resizePolicy"};
constexpr std::string_view kApprovalPaths[] = {"spec", "status.certificate"};

// Of subresources that are windows on their object: what they do not write.
struct Window {
  std::string_view resource, subresource;
  std::span<const std::string_view> reset_fields;
};

constexpr Window kWindows[] = {
    {"pods", "ephemeralcontainers", kEphemeralPaths},
    {"pods", "resize", kResizePaths},
    {"namespaces", "finalize", kStatusPath},
    {"certificatesigningrequests", "approval", kApprovalPaths},
};

bool speaks_stored_version(const Served& served) { return served.store->resource().type == served.resource->type; }

void set_defaults(const Served& served, Value object, std::string_view version) {
  if (served.rules->defaults) served.rules->defaults(object, version);
}

// Managed fields name the paths of the version that the client speaks.
Result<void> manage_fields(Context& context, Value object, const Object* old, const schema::FieldManager& manager) {
  const Served& served = *context.served;
  schema::ObjectRef converted;
  if (old && !speaks_stored_version(served)) {
    converted = TRY(in_served_version(served, schema::ObjectRef(old)));
    old = converted.get();
  }
  TRY(schema::update_managed_fields(object, old, *served.resource->type, manager));
  // The entries may be texts of the converted object, which ends here.
  if (Value entries = object["metadata"]["managedFields"]; converted && entries.is_list())
    object["metadata"].set("managedFields", entries.clone(object.arena()));
  return {};
}

// An update or a patch that makes the object is a create as well.
Result<void> may_create(Context& context) {
  if (context.info.verb == "create") return {};
  RequestInfo create = context.info;
  create.verb = "create";
  std::string reason;
  if (context.services.access->authorize(context.user, create, reason) == Decision::Allow) return {};
  return fail(forbidden(context.user, create, reason));
}

}  // namespace

schema::FieldManager field_manager(const Context& context, const WriteParameters& parameters) {
  const Served& served = *context.served;
  schema::FieldManager manager;
  manager.name = parameters.field_manager;
  manager.subresource = context.info.subresource;
  manager.now_seconds = context.now_seconds();
  if (context.info.subresource == "status")
    manager.reset_fields = served.rules->status_reset_fields.empty() ? std::span<const std::string_view>(kSpecPath)
                                                                     : served.rules->status_reset_fields;
  else if (context.info.subresource.empty() && served.subresource("status"))
    manager.reset_fields =
        served.rules->reset_fields.empty() ? std::span<const std::string_view>(kStatusPath) : served.rules->reset_fields;
  for (const Window& window : kWindows)
    if (window.resource == context.info.resource && window.subresource == context.info.subresource) manager.reset_fields = window.reset_fields;
  return manager;
}

void drop_repeated_owners(Context& context, Value object, std::string_view when) {
  Value owners = object["metadata"]["ownerReferences"];
  if (!owners.is_list() || owners.size() < 2) return;
  Value kept = Value::list(object.arena(), owners.size());
  std::string repeated;
  for (Value owner : owners.items()) {
    bool known = std::any_of(kept.items().begin(), kept.items().end(), [&](Value other) { return other.equals(owner); });
    if (known)
      append(repeated, repeated.empty() ? "" : ", ", owner["uid"].as_string());
    else
      kept.push(owner);
  }
  if (kept.size() == owners.size()) return;
  object["metadata"].set("ownerReferences", kept);
  context.warnings.push_back(concat(".metadata.ownerReferences contains duplicate entries", when,
                                    "; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix "
                                    "your requests; duplicate UID(s) observed: ",
                                    repeated));
}

Attributes attributes_of(Context& context, Operation operation, bool dry_run) {
  auto* own = context.subresource && !context.subresource->kind.empty() ? context.subresource : nullptr;
  return {.operation = operation,
          .info = context.info,
          .user = context.user,
          .served = *context.served,
          .dry_run = dry_run,
          .warnings = &context.warnings,
          .audit = context.audit.get(),
          .what = own ? expected_kind(*context.served, *own) : expected_kind(*context.served),
          .query = &context.query,
          .deadline_us = context.deadline_us};
}

Result<void> settle(Context& context, Value object, const Object* old, const WriteParameters& parameters, bool from_apply) {
  const Served& served = *context.served;
  set_defaults(served, object, served.resource->version);
  if (!from_apply) {
    auto manager = field_manager(context, parameters);
    manager.api_version = object.arena().copy(served.api_version());  // the entries keep it
    TRY(manage_fields(context, object, old, manager));
  }
  TRY(to_stored_version(served, object));
  // Of a Scale admission has been told, in its own form.
  auto attributes = attributes_of(context, old ? Operation::Update : Operation::Create, parameters.dry_run);
  if (attributes.is_whole()) TRY(context.services.admission->mutate(attributes, object, old));
  drop_repeated_owners(context, object, " after mutating admission happens");
  set_defaults(served, object, served.store->resource().version);
  return guard_roles(context, object, old);
}

registry::WriteOptions store_options(Context& context, const WriteParameters& parameters) {
  registry::WriteOptions options;
  options.subresource = context.info.subresource;
  options.dry_run = parameters.dry_run;
  options.warnings = &context.warnings;
  options.requester = {context.user.name, context.user.uid, context.user.groups, context.user.extra};
  options.asked = context.served->rules;
  options.also_validate = [&context](const Object& object, const Object* old, registry::FieldErrors& errors) { guard_claim(context, object, old, errors); };
  bool is_generated = context.info.name.empty();
  options.admit = [&context, is_generated, dry_run = parameters.dry_run](const Object& object, const Object* old) -> Result<void> {
    if (!old) TRY(may_create(context));
    if (is_generated) context.info.name = object["metadata"]["name"].as_string();  // meanwhile
    return context.services.admission->validate(attributes_of(context, old ? Operation::Update : Operation::Create, dry_run), &object, old);
  };
  return options;
}

}  // namespace sampan::apiserver
