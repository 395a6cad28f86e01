// Trees seen through their type, as structured merge sees them: what differs, what is there, one merged into another,
// paths removed. A null type stands for content without a schema (RawExtension and the like): its shape follows from
// the values.
#pragma once
#include <string>

#include "base/status.h"
#include "schema/apply/field_set.h"

namespace sampan::schema {

// How a tree is read. As an object of Go's: what omitempty drops is absent, what is always printed is there as its
// zero. As text: what is there is there.
enum class Reading : uint8_t { AsObject, AsText };

// The differences from `before` to `after` as a set with Added, Modified and Removed marks. Lists may have duplicates;
// an item without any key is an error.
Result<const FieldSet*> compare_trees(Value before, Value after, const Type& type, Reading reading, Arena& arena);
// All leaves and items that the tree mentions.
Result<const FieldSet*> to_field_set(Value tree, const Type* type, Arena& arena);
// `config` over `live`: nothing is removed, lists keep the order of live as far as config agrees.
Result<Value> merge_trees(Value live, Value config, const Type& type, Arena& arena);
Value remove_items(Value tree, const FieldSet* items, const Type& type, Arena& arena);
// What keeps a configuration from being applied: wrong kinds, undeclared fields, duplicate items. "" if nothing does.
std::string check_config(Value tree, const Type& type, Arena& arena);

// The element of an item of a list that is a map or a set; the error says why it has none.
Result<PathElement> item_element(Value item, const Type& list, Reading reading, Arena& arena);
// As Reading::AsObject sees a member.
Value effective(Value value, const Field& field, Arena& arena);

}  // namespace sampan::schema
