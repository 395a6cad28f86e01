// Path elements from their text.
#pragma once
#include "schema/apply/field_set.h"

namespace sampan::schema {

enum class ElementRead : uint8_t { Good, Unknown, Bad };
ElementRead read_element(std::string_view text, Arena& arena, PathElement& element);
int compare_values(Value a, Value b);  // upstream's total order: numbers, strings, booleans, lists, maps, null

}  // namespace sampan::schema
