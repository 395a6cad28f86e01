// What the schema of a custom resource must be like: OpenAPI v3, structural. Without what needs to run it: rules in CEL, defaults held
// against the schema, patterns.
#pragma once
#include "registry/field_errors.h"
#include "schema/value.h"

namespace sampan::registry::apiextensions {

// `schema` is the openAPIV3Schema as a tree.
void validate_schema(schema::Value schema, const Path& path, FieldErrors& errors);

}  // namespace sampan::registry::apiextensions
