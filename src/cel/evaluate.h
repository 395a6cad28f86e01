// The value of a checked expression, within a budget.
#pragma once
#include "cel/check.h"

namespace sampan::cel {

// What variables stand for. They are asked for when the expression gets there.
class Activation {
 public:
  virtual ~Activation() = default;
  virtual std::optional<Maybe<Value>> find(std::string_view variable) const = 0;  // none: no such variable
};

struct Evaluation {
  Maybe<Value> value;
  uint64_t cost = 0;
};

// One expression may cost so much: about a tenth of a second upstream.
inline constexpr uint64_t kCostOfOneMax = 1'000'000;

// The deepest expressions take up to 1 MB of stack, and variables of policies that use each other up to 2 MB (admission/run.h). main() gives all threads 8;
// those that are made with less (net/thread_set.h) only move bytes.
Evaluation evaluate(const Checked& checked, const Activation& variables, uint64_t cost_max = kCostOfOneMax);

}  // namespace sampan::cel
