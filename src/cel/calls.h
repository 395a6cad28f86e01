// Calls at run time: which overload fits the values, and what upstream says and charges if none does.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "cel/environment.h"

namespace sampan::cel {

bool fits(const Overload& overload, std::span<const Value> arguments);
std::unexpected<Failure> no_overload_of(std::string_view function, std::span<const Value> arguments);
// A call is paid for by the sizes of what it is given, though it is given the wrong things.
uint64_t cost_of_failed_call(std::span<const Overload* const> overloads, std::span<const Value> arguments);

bool is_priced_by_overload(std::string_view function);  // so that the price is 1 if there are several that it could be
bool asks_its_operand(std::string_view function);       // has one implementation for all overloads
bool takes_pattern(std::string_view function);          // which is read beforehand if it is known
bool is_conversion(std::string_view function);

bool is_key(const Value& value);                   // of a map, or the place of an item
std::string implementation_of(const Value& value); // the name of its type in upstream's code, which some messages tell

}  // namespace sampan::cel
