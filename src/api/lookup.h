// The generated index of the built-in API, as lookup.cpp reads it. Used by nothing else: see schema/schema.h.
#pragma once
#include <span>
#include <string_view>

#include "schema/schema.h"

namespace sampan::api {

struct KindRow {
  std::string_view kind, version, group;  // version "*": known under every version of every group
  const schema::Type* type;
};

extern const std::span<const schema::Resource> resources;             // groups by their priority in discovery
extern const std::span<const schema::Type* const> types_by_name;      // sorted by name
extern const std::span<const KindRow> kinds;                          // sorted by kind, version, group

}  // namespace sampan::api
