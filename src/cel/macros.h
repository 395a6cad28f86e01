// Calls that are written like functions and stand for something else: all(), map(), has() ...
#pragma once
#include <expected>
#include <optional>
#include <span>

#include "cel/expression.h"
#include "cel/issues.h"

namespace sampan::cel {

struct MacroCall {
  std::string_view name;
  const Node* target;  // null: not a member
  std::span<const Node* const> arguments;
  int32_t at;
  bool bindings = false;  // cel.bind() is one
};

// An expression that has grown beyond this is refused: macros that copy what they stand behind could double it again and again.
inline constexpr size_t kNodesMax = 250'000;

// What the call stands for; null if it is no macro; an issue if it is one with wrong arguments.
std::expected<const Node*, Issue> expand(const MacroCall& call, Expression& expression);

}  // namespace sampan::cel
