// What the patch kinds share: copies of the parts of a tree that a patch is about to change.
#pragma once
#include "schema/value.h"

namespace sampan::schema {

// New lists and objects all the way down; strings are shared.
Value copy_structure(Value value, Arena& arena);
// A new object or list with the same items.
Value copy_shallow(Value value, Arena& arena, uint32_t extra = 0);
// Orders members by name, as Go prints a map. A patched document is quoted in some errors, and what was patched has
// been a Go map.
void sort_members(Value object);

}  // namespace sampan::schema
