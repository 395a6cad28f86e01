// How calls of the API are said to a server: where a resource is found, and what its options look like.
#pragma once
#include <string>
#include <string_view>

#include "client/api.h"

namespace sampan::client {

std::string api_version_of(const schema::Resource& resource);  // "v1", "apps/v1"
std::string path_of(const schema::Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource = {});
void add_query(std::string& query, std::string_view name, std::string_view value);  // "name=value", escaped, behind '&' where it is not the first

std::string_view media_of(PatchType type);                        // the Content-Type of a patch
Value tree_of(const DeleteOptions& options, Arena& arena);       // of kind DeleteOptions

}  // namespace sampan::client
