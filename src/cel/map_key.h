// How maps find their entries.
#pragma once
#include "cel/value.h"

namespace sampan::cel {

// Whether an entry with the key `stored` is meant by `sought`. Doubles find whole numbers, but whole numbers find no double: so it is in cel-go.
bool key_means(const Value& stored, const Value& sought);
// Keys that mean each other have one hash.
size_t hash_of_key(const Value& key);

}  // namespace sampan::cel
