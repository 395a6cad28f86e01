// What an expression can cost at most, told before it is ever evaluated: an expression that could cost too much is refused when it is written.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "cel/check.h"

namespace sampan::cel {

// From ... to; arithmetic stays at the largest number instead of wrapping around.
struct Range {
  uint64_t min = 0, max = 0;
  static Range just(uint64_t value) { return {value, value}; }
  Range operator+(const Range& other) const;
  Range operator*(const Range& other) const;
  Range scaled(double factor) const;               // rounded up
  Range united(const Range& other) const;          // covers both
  bool operator==(const Range&) const = default;
};

// What is known about sizes of what variables hold.
class SizeEstimator {
 public:
  virtual ~SizeEstimator() = default;
  // Of the text, list or map at a path: a variable, then names of fields, "@items", "@indices", "@keys" and "@values". None: unknown.
  virtual std::optional<Range> size_of(std::span<const std::string> path) const = 0;
  // Of a call that is none of Kubernetes' common functions, without its arguments. None: 1.
  virtual std::optional<Range> cost_of_call(std::string_view function, std::string_view overload) const;
};

Range estimate_cost(const Checked& checked, const SizeEstimator& sizes);

}  // namespace sampan::cel
