// Connections to pods, services and nodes as admission sees them: the operation CONNECT, with options that the query says.
#pragma once
#include <string_view>

#include "apiserver/context.h"
#include "schema/value.h"

namespace sampan::apiserver {

// PodExecOptions and their like, as admission leaves them. `path` is what is asked of whoever is proxied to.
Result<schema::Value> admitted_connection(Context& context, Arena& arena, std::string_view path = {});

}  // namespace sampan::apiserver
