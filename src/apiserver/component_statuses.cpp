// Component statuses: not kept, but found out whenever somebody asks. What this process can vouch for is its store.
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "base/text.h"
#include "registry/selectors.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kStore = "etcd-0";  // the name that monitoring looks for

Result<ObjectRef> store_status(Context& context) {
  // A linearizable read: it fails where the store does not answer.
  auto read = context.services.catalog->store_of("", "namespaces")->cache().fresh();
  Arena arena;
  Value status = Value::object(arena), condition = Value::object(arena, 4);
  status.ensure_object("metadata").set("name", kStore);
  condition.set("type", "Healthy");
  condition.set("status", read ? "True" : "False");
  if (read)
    condition.set("message", "ok");
  else
    condition.set("error", arena.copy(read.error().message()));
  status.ensure_list("conditions").push(condition);
  return schema::freeze(status, *context.served->resource->type);
}

}  // namespace

HandlerResult handle_component_statuses(Context& context) {
  auto status = TRY(store_status(context));
  if (context.info.verb == "get") {
    if (context.info.name != kStore) return fail(not_found("", "componentstatus", context.info.name));
    return respond_object(context, 200, status);
  }
  auto labels = TRY(registry::LabelSelector::parse(context.query.get("labelSelector")));
  auto fields = TRY(registry::FieldSelector::parse(context.query.get("fieldSelector")));
  TRY(fields.resolve({}, false));
  ListAnswer list;
  if (labels.matches(*status) && fields.matches(*status)) list.items.push_back(std::move(status));
  return respond_list(context, std::move(list));
}

}  // namespace sampan::apiserver
