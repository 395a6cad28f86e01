// GET of one object and of a list.
#include "apiserver/list_request.h"
#include "apiserver/respond.h"
#include "apiserver/verbs.h"

namespace sampan::apiserver {

HandlerResult handle_get(Context& context) {
  const Served& served = *context.served;
  auto wanted = TRY(registry::read_revision(context.query.get("resourceVersion")));
  if (wanted > 0) TRY(served.store->cache().at_least(wanted));
  auto object = TRY(served.store->get(context.info.name_space, context.info.name));
  return respond_object(context, 200, object);
}

HandlerResult handle_list(Context& context) { return respond_list(context, TRY(read_list(context))); }

}  // namespace sampan::apiserver
