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

std::string_view media_of(PatchType type) {
  switch (type) {
    case PatchType::Json: return "application/json-patch+json";
    case PatchType::Merge: return "application/merge-patch+json";
    case PatchType::Strategic: return "application/strategic-merge-patch+json";
    case PatchType::Apply: break;
  }
  return "application/apply-patch+yaml";
}

Value tree_of(const DeleteOptions& options, Arena& arena) {
  Value tree = Value::object(arena, 5);
  tree.set("kind", "DeleteOptions");
  tree.set("apiVersion", "v1");
  if (options.grace_seconds) tree.set("gracePeriodSeconds", *options.grace_seconds);
  if (!options.propagation.empty()) tree.set("propagationPolicy", options.propagation);
  if (!options.uid.empty()) tree.ensure_object("preconditions").set("uid", options.uid);
  if (!options.resource_version.empty()) tree.ensure_object("preconditions").set("resourceVersion", options.resource_version);
  return tree;
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
