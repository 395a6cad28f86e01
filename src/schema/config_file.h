// A file that configures a component: one object in YAML or JSON, held strictly against its type.
#pragma once
#include <span>
#include <string_view>

#include "base/status.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

struct ConfigKind {
  std::string_view group, kind;
  std::span<const std::string_view> versions;  // that have the type's form
  std::string_view type;                       // Type::name
};

// The object that the text holds, which must be of one of the kinds; `found`, if not null, tells of which. Errors are worded as Go's decoder.
Result<Value> read_config(std::string_view text, std::span<const ConfigKind> kinds, Arena& arena, const ConfigKind** found = nullptr);

}  // namespace sampan::schema
