// Lists one after another.
#pragma once
#include "cel/value.h"

namespace sampan::cel {

// Adding lists costs 1 however long they are, so no long list is copied; and what grows by an item at a time, as macros make lists, takes a step for each.
Maybe<Value> joined(const Value& list, const Value& more);

}  // namespace sampan::cel
