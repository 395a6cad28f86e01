// The priority levels and flow schemas that every cluster has from its start. The mandatory ones must stay as they are.
#pragma once
#include <span>
#include <string_view>

#include "schema/value.h"

namespace sampan::registry::flowcontrol {

struct StandardLevel {
  std::string_view name;
  int shares, lendable_percent;
  int queues, hand_size;  // 0: what exceeds the limit is rejected
  bool mandatory;
};

struct StandardSchema {
  std::string_view name, level;
  int precedence;
  std::string_view distinguisher;  // "" = none
  std::string_view rules;          // JSON
  bool mandatory;
};

inline constexpr std::string_view kExempt = "exempt";

std::span<const StandardLevel> standard_levels();
std::span<const StandardSchema> standard_schemas();
schema::Value spec_of(const StandardLevel& level, Arena& arena);
schema::Value spec_of(const StandardSchema& schema, Arena& arena);

}  // namespace sampan::registry::flowcontrol
