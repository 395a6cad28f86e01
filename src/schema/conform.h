// Holds a Value against a Type, as Go's decoder into typed structs does: checks kinds, normalises scalars to their canonical text
// (quantities, times), and finds what the type does not know.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

struct Conformance {
  // `unknown field "spec.foo"`, in document order: what fieldValidation=Strict refuses and Warn warns of. Unknown members are removed from
  // the tree in any case; members that differ from a field only in case count as that field, as in Go (upstream is case-sensitive here since 1.20:
  // check and follow upstream's kjson).
  std::vector<std::string> unknown_fields;
};

// Changes `value` in place. The error is a BadRequest with the text of upstream's decoder ("json: cannot unmarshal string into Go struct field
// ... of type int32" and the like).
Result<void> conform(Value value, const Type& type, Conformance& found);

}  // namespace sampan::schema
