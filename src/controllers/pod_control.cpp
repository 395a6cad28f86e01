#include "controllers/pod_control.h"

#include "base/text.h"
#include "base/names.h"

namespace sampan::controllers {

using schema::AnyView;

bool is_namespace_terminating(const Error& error) {
  for (const auto& cause : error.data().causes)
    if (cause.reason == "NamespaceTerminating") return true;
  return false;
}

namespace {

// "web-", or "web" where the dash makes no good prefix.
std::string_view name_prefix(std::string_view owner, Arena& arena) {
  std::string prefix = concat(owner, "-");
  Complaints complaints;
  name_is_dns_subdomain(prefix, true, complaints);
  return complaints.empty() ? arena.copy(prefix) : arena.copy(owner);
}

}  // namespace

Value pod_from_template(const OwnerKind& kind, const Object& owner, const AnyView& pod_template, Arena& arena) {
  Value pod = Value::object(arena, 2), metadata = Value::object(arena, 5);
  AnyView about = pod_template["metadata"];
  for (std::string_view field : {"labels", "annotations", "finalizers"})
    if (AnyView value = about[field]; value.present()) metadata.set(field, schema::thaw(value, arena));
  metadata.set("generateName", name_prefix(metadata_of(owner).name(), arena));
  Value owners = Value::list(arena, 1);
  owners.push(controller_reference(kind, owner, arena));
  metadata.set("ownerReferences", owners);
  pod.set("metadata", metadata);
  pod.set("spec", schema::thaw(pod_template["spec"], arena));
  return pod;
}

Result<ObjectRef> PodControl::create(Value pod) {
  if (pod["metadata"]["labels"].empty()) return fail(internal_error("unable to create pods, no labels"));
  auto about = client::Reference::of(kind_.served(), owner_);
  auto made = environment_.api.create(client::builtin("", "pods"), metadata_of(owner_).namespace_(), pod);
  if (made) {
    environment_.events.tell(about, client::kNormal, "SuccessfulCreate", concat("Created pod: ", metadata_of(**made).name()));
  } else if (!is_namespace_terminating(made.error())) {
    environment_.events.tell(about, client::kWarning, "FailedCreate", concat("Error creating: ", made.error().message()));
  }
  return made;
}

Result<void> PodControl::remove(const Object& pod) {
  auto metadata = metadata_of(pod);
  auto about = client::Reference::of(kind_.served(), owner_);
  auto removed = environment_.api.remove(client::builtin("", "pods"), metadata.namespace_(), metadata.name());
  if (removed) {
    environment_.events.tell(about, client::kNormal, "SuccessfulDelete", concat("Deleted pod: ", metadata.name()));
    return {};
  }
  if (removed.error().is(Reason::NotFound)) return {};
  environment_.events.tell(about, client::kWarning, "FailedDelete", concat("Error deleting: ", removed.error().message()));
  return fail(std::move(removed).error().context("unable to delete pods: "));
}

Batch slow_start(int count, const std::function<Result<void>(int index)>& one) {
  Batch batch;
  int tried = 0;
  for (int size = std::min(count, 1); size > 0; size = std::min(2 * size, count - tried)) {
    for (int i = 0; i < size; i++) {
      auto done = one(tried++);
      if (done) batch.succeeded++;
      else if (!batch.error) batch.error = std::move(done).error();
    }
    if (batch.error) break;
  }
  return batch;
}

Result<ObjectRef> write_status(client::Api& api, const client::Resource& resource, const ObjectRef& object,
                               const std::function<void(Value status, Arena& arena)>& change) {
  Arena arena;
  Value tree = schema::thaw(*object, arena);
  change(tree.ensure_object("status"), arena);
  ObjectRef wanted = TRY(schema::freeze(tree, object->type()));
  if ((*wanted)["status"].equals((*object)["status"])) return object;
  return api.update_status(resource, tree);
}

}  // namespace sampan::controllers
