// A persistent ordered map from key to object: a B-tree of immutable, counted nodes. A change copies the nodes of one path and
// shares the rest, so an old root goes on showing what it showed. What is written against is a root; null is the empty map.
//
//   auto one = persistent_map::set(nullptr, "a", object);
//   auto two = persistent_map::set(one.get(), "b", object);   // `one` still has only "a"
//
// A node is one allocation of exactly its size: an entry costs its key, 12 bytes, and its share of a node's head.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "schema/object.h"

namespace sampan::store::persistent_map {

using schema::ObjectRef;
using Root = Ref<Shared>;
using Visit = std::function<bool(std::string_view key, const ObjectRef& object)>;

size_t size(const Shared* root);
const ObjectRef* find(const Shared* root, std::string_view key);  // null: not there; lives as long as the root
Root set(const Shared* root, std::string_view key, ObjectRef object);
Root erase(const Shared* root, std::string_view key);
size_t rank(const Shared* root, std::string_view key);  // how many keys are smaller; logarithmic
// In key order the keys that start with `prefix`, from the first one >= `from`, while `visit` gives true.
void each(const Shared* root, std::string_view prefix, std::string_view from, const Visit& visit);
size_t count(const Shared* root, std::string_view prefix, std::string_view from);  // of what each() would visit
// From entries in strictly ascending order of keys: tighter, and much faster than one by one.
Root build(std::span<const std::pair<std::string, ObjectRef>> entries);

size_t bytes(const Shared* root);  // of all nodes, keys included; for tests and statistics

}  // namespace sampan::store::persistent_map
