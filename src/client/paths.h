// Where a resource is found on the server.
#pragma once
#include <string>
#include <string_view>

#include "schema/schema.h"

namespace sampan::client {

std::string api_version_of(const schema::Resource& resource);  // "v1", "apps/v1"
std::string path_of(const schema::Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource = {});
void add_query(std::string& query, std::string_view name, std::string_view value);  // "name=value", escaped, behind '&' where it is not the first

}  // namespace sampan::client
