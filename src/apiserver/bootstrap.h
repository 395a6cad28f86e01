// The objects that a cluster has from its first start.
#pragma once
#include <functional>
#include <string_view>

#include "apiserver/server.h"
#include "schema/value.h"

namespace sampan::apiserver {

// Makes an object that is not there; one that is there is the administrator's and stays as it is.
Result<void> ensure_object(Catalog& catalog, std::string_view group, std::string_view resource, std::string_view name_space,
                           std::string_view name, const std::function<void(schema::Value, Arena&)>& fill);

Result<void> ensure_kubernetes_service(Catalog& catalog, const BootstrapOptions& options);

}  // namespace sampan::apiserver
