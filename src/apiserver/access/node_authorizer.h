// What nodes may do: their own objects, and of all others those that the pods on them need.
#pragma once
#include "apiserver/catalog.h"
#include "apiserver/identity.h"

namespace sampan::apiserver {

// The node of "system:node:NAME" in the group system:nodes; false for others. The name may be empty.
bool is_node(const User& user, std::string_view& name);

std::unique_ptr<Authorizer> node_authorizer(Catalog& catalog);

}  // namespace sampan::apiserver
