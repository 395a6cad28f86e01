// Values in Go's words, for the messages that quote a part of a patch.
#pragma once
#include <string>
#include <string_view>

#include "schema/value.h"

namespace sampan::schema {

void append_go_value(std::string& out, Value value);  // %v: map[a:1 b:[x y]], keys sorted
std::string_view go_type_name(Value value);           // %T: map[string]interface {}
std::string_view json_kind_name(Value value);         // of encoding/json's errors: object, array, string, number, bool
void append_go_double(std::string& out, double number);  // %v: shortest, an exponent below 1e-4 and from 1e21

}  // namespace sampan::schema
