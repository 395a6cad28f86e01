// What the libraries share: texts as code points, what calls cost, short names.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cel/code_points.h"
#include "cel/environment.h"

namespace sampan::cel::library {

using Arguments = std::span<const Value>;
using Kind = Value::Kind;

// Texts are counted in code points. A byte that is no UTF-8 counts as one, and is U+FFFD where it is taken out.
size_t code_points(std::string_view text);
std::u32string runes_of(std::string_view text);
inline std::string text_of(std::u32string_view runes) { return encode(runes); }

// The size that costs are counted in: code points, bytes, items, entries; 1 of anything else.
uint64_t size_of(const Value& value);
// One reading of so many characters, `times` over.
uint64_t traversal(uint64_t size, uint64_t times = 1);
// A pattern of that size, tried on a text of that size.
uint64_t pattern_cost(uint64_t text_size, uint64_t pattern_size);
// Costs of calls.
uint64_t cost_of_text(Arguments arguments, const Value& result);        // one reading of the first argument
uint64_t cost_of_shorter(Arguments arguments, const Value& result);     // of two that are compared
uint64_t cost_of_text_twice(Arguments arguments, const Value& result);
uint64_t cost_of_result_twice(Arguments arguments, const Value& result);
uint64_t cost_of_tree(Arguments arguments, const Value& result);        // of the first argument: its texts are read, other leaves count 1

// What would cost more than any expression may is not begun; nor is a text that is too long to be read within the budget.
std::unexpected<Failure> out_of_budget();
inline constexpr size_t kTextMax = 16 << 20;

// Overloads of the usual forms.
Overload function(std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost = nullptr);
Overload member(std::string_view id, std::vector<Type> parameters, Type result, Function call, Cost cost = nullptr);

// What a function makes of it, if it is there.
template <class T, class F>
Maybe<Value> mapped(const Maybe<T>& maybe, F&& to_value) {
  if (!maybe) return std::unexpected(maybe.error());
  return to_value(*maybe);
}

// An Opaque of this C++ type; the checker, or the choice of an overload at run time, has seen to it.
template <class T>
const T& opaque_as(const Value& value) {
  return static_cast<const T&>(value.as_opaque());
}

}  // namespace sampan::cel::library
