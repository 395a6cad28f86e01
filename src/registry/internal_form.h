// A value as upstream's internal types show it in messages: JSON of structs that have no JSON names, and three of which have another order than
// their versions in the API.
#pragma once
#include <string>

#include "schema/object.h"

namespace sampan::registry {

enum class Layout { Compact, Indented };

// {"Key":"a","Value":"","TimeAdded":null}; "null" for what is absent.
std::string internal_form(const schema::AnyView& value, Layout layout = Layout::Compact);
// The zero value of a field's type.
std::string internal_zero(const schema::Field& field);

}  // namespace sampan::registry
