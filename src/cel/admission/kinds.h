// Kinds of the API as types of expressions: for who checks beforehand what expressions say of an object's fields.
#pragma once
#include "cel/environment.h"
#include "schema/schema.h"

namespace sampan::cel::admission {

// Declares the structs that a kind is made of, each by the way to it: NAME, NAME.metadata, NAME.spec.containers.@idx, ... Quantities and other unions that
// OpenAPI has no type for cannot be named at all; what contains itself ends there.
Type declare_kind(Environment& to, const schema::Type& kind, const std::string& name);

}  // namespace sampan::cel::admission
