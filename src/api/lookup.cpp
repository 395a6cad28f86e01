// Finds built-in types, kinds and resources in the generated tables.
#include "api/lookup.h"

#include <tuple>

namespace sampan::schema {

std::span<const Resource> builtin_resources() { return api::resources; }

const Type* builtin_type(std::string_view name) {
  const auto found = std::lower_bound(api::types_by_name.begin(), api::types_by_name.end(), name,
                                      [](const Type* type, std::string_view wanted) { return type->name < wanted; });
  return found != api::types_by_name.end() && (*found)->name == name ? *found : nullptr;
}

static const Type* exact_kind(std::string_view group, std::string_view version, std::string_view kind) {
  const auto wanted = std::tie(kind, version, group);
  const auto found = std::lower_bound(api::kinds.begin(), api::kinds.end(), wanted, [](const api::KindRow& row, const auto& key) {
    return std::tie(row.kind, row.version, row.group) < key;
  });
  const bool same = found != api::kinds.end() && std::tie(found->kind, found->version, found->group) == wanted;
  return same ? found->type : nullptr;
}

const Type* builtin_kind(std::string_view group, std::string_view version, std::string_view kind) {
  if (const Type* type = exact_kind(group, version, kind)) return type;
  return exact_kind("", "*", kind);  // DeleteOptions, WatchEvent ...: registered in every group and version
}

}  // namespace sampan::schema
