#include "client/paths.h"

#include <cctype>

#include "base/text.h"

namespace sampan::client {

std::string api_version_of(const schema::Resource& resource) {
  return resource.group.empty() ? std::string(resource.version) : concat(resource.group, "/", resource.version);
}

std::string path_of(const schema::Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource) {
  std::string path = resource.group.empty() ? std::string("/api/") : concat("/apis/", resource.group, "/");
  append(path, resource.version);
  if (resource.namespaced && !name_space.empty()) append(path, "/namespaces/", name_space);
  append(path, "/", resource.resource);
  if (!name.empty()) append(path, "/", name);
  if (!subresource.empty()) append(path, "/", subresource);
  return path;
}

void add_query(std::string& query, std::string_view name, std::string_view value) {
  append(query, query.empty() ? "" : "&", name, "=");
  for (unsigned char c : value) {
    if (std::isalnum(c) || c == '-' || c == '.' || c == '_' || c == '/') {
      query += static_cast<char>(c);
      continue;
    }
    constexpr char digits[] = "0123456789ABCDEF";
    query += '%';
    query += digits[c >> 4];
    query += digits[c & 15];
  }
}

}  // namespace sampan::client
