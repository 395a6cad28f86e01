// What calls cost, in cel-go's units: a step is 1, going once through a text is a tenth of its length.
#pragma once
#include <span>

#include "cel/value.h"

namespace sampan::cel {

uint64_t size_for_cost(const Value& value);  // characters, bytes, items; 1 of anything that has no size
uint64_t traversal_cost(uint64_t size);      // of so many characters, rounded up

uint64_t cost_of_first_argument(std::span<const Value> arguments, const Value& result);     // gone through once
uint64_t cost_of_shorter_argument(std::span<const Value> arguments, const Value& result);   // of two that are compared
uint64_t cost_of_both_arguments(std::span<const Value> arguments, const Value& result);     // one after another
uint64_t cost_of_pattern(std::span<const Value> arguments, const Value& result);            // a text and a pattern

}  // namespace sampan::cel
