// A value as upstream's internal types show it in messages: JSON of structs that have no JSON names, and a few of which have another order than
// their versions in the API.
#pragma once
#include <string>

#include "schema/object.h"
#include "schema/value.h"

namespace sampan::registry {

enum class Layout { Compact, Indented };

// {"Key":"a","Value":"","TimeAdded":null}; "null" for what is absent. An object does not tell that from what is empty; where the tree is given that
// it was made of, what is empty there is shown so.
std::string internal_form(const schema::AnyView& value, Layout layout = Layout::Compact, schema::Value sent = {});
// "[]", "{}" or "\"\"" for what is empty, "" for anything else.
std::string_view empty_text(schema::Value sent);
// The zero value of a field's type.
std::string internal_zero(const schema::Field& field);

}  // namespace sampan::registry
