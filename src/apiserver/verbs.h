// The handlers of the verbs, the same for every resource.
#pragma once
#include "apiserver/context.h"

namespace sampan::apiserver {

// Reads answer from the cache and never block on an embedded store.
HandlerResult handle_get(Context& context);
HandlerResult handle_list(Context& context);
HandlerResult handle_watch(Context& context);

// Writes wait for the disk.
HandlerResult handle_create(Context& context);
HandlerResult handle_update(Context& context);
HandlerResult handle_patch(Context& context);
HandlerResult handle_delete(Context& context);
HandlerResult handle_delete_collection(Context& context);

// UnsupportedMediaType if the body is none of the four kinds of patches.
Result<void> check_patch_type(const net::Request& request);

}  // namespace sampan::apiserver
