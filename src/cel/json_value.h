// Objects of the API as values: read where they lie, without a copy of their tree.
#pragma once
#include "cel/value.h"
#include "schema/value.h"

namespace sampan::cel {

// As upstream sees an object without a schema: objects are maps with keys in the order of their names' bytes, whole numbers are int, others double. The tree must outlive what is made.
Value value_of(const schema::Value& tree);

// And the way back. Fails for what JSON cannot say: keys that are no text, infinite numbers, types, empty optionals, and what only functions understand.
Maybe<schema::Value> tree_of(const Value& value, Arena& arena);

}  // namespace sampan::cel
