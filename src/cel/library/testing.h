// For tests of libraries: tables of expressions, all of which cel-go in Kubernetes' environment answers the same way.
#pragma once
#include "cel/evaluate.h"

namespace sampan::cel {

class NoVariables : public Activation {
 public:
  std::optional<Maybe<Value>> find(std::string_view) const override { return std::nullopt; }
};

inline Evaluation value_of(std::string_view expression, const Environment& environment = Environment::kubernetes(), const Activation& variables = NoVariables()) {
  auto checked = compile(std::string(expression), environment);
  if (!checked) return {.value = failed(checked.error().text(expression))};
  return evaluate(*checked, variables);
}

struct Failing {
  std::string_view expression, message;
};
struct Costing {
  std::string_view expression;
  uint64_t cost;
};

inline void expect_true(std::span<const std::string_view> expressions) {
  for (auto expression : expressions) {
    auto value = value_of(expression).value;
    EXPECT_TRUE(value && value->is_true()) << expression << "\n" << (value ? value->shown() : value.error().message);
  }
}
inline void expect_failures(std::span<const Failing> table) {
  for (auto& [expression, message] : table) {
    auto value = value_of(expression).value;
    EXPECT_EQ(value ? value->shown() : value.error().message, message) << expression;
  }
}
inline void expect_costs(std::span<const Costing> table) {
  for (auto& [expression, cost] : table) EXPECT_EQ(value_of(expression).cost, cost) << expression;
}

}  // namespace sampan::cel
