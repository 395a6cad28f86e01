// What an expression makes of Object{...} and JSONPatch{...}.
#pragma once
#include "cel/value.h"

namespace sampan::cel {

// Fails for structs that can only be read, such as that of `request`.
Maybe<Value> struct_of(const Type& type, std::vector<std::pair<std::string, Value>> fields);

// Nothing, if all structs within an object are called after the fields that lead to them: Object{spec: Object.spec{...}}. Lists and maps between them have no
// name. Else a line for each that is not.
std::string misnamed_structs(const Value& object);

}  // namespace sampan::cel
