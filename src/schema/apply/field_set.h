// Sets of paths into an object: who owns what. A trie whose nodes are sorted as upstream sorts them, so that its text
// (FieldsV1) is the same to the byte. Sets are immutable once made, live in an Arena and share parts.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

struct KeyField {
  std::string_view name;
  Value value;
};

// One step of a path: a field or map key (f:), an item by its keys (k:), an item of a set by its value (v:), an item by
// position (i:).
struct PathElement {
  enum class Kind : uint8_t { Field, Key, Value, Index };
  Kind kind = Kind::Field;
  uint32_t size = 0;  // of keys
  std::string_view name;
  const KeyField* keys = nullptr;  // sorted by name
  Value value;
  int64_t index = 0;

  static PathElement field(std::string_view name) { return {.name = name}; }
  std::span<const KeyField> key_fields() const { return {keys, size}; }
};

int compare(const PathElement& a, const PathElement& b);
void append_element(std::string& out, const PathElement& element);       // "k:{\"name\":\"x\"}"
void append_path_element(std::string& out, const PathElement& element);  // ".spec", "[name=\"x\"]", as messages show it

struct FieldSet;

// A set has `Member` nodes; what a comparison found has the others. Inner nodes may have no mark themselves.
struct FieldNode {
  enum Mark : uint8_t { Member = 1, Added = 2, Modified = 4, Removed = 8 };
  PathElement element;
  uint8_t marks = 0;
  const FieldSet* children = nullptr;  // null or not empty
};

struct FieldSet {
  std::span<const FieldNode> nodes;

  bool empty() const { return nodes.empty(); }
  const FieldNode* find(const PathElement& element) const;
};

// Collects nodes in any order, and gives the set in order. Equal elements become one.
class FieldSetBuilder {
 public:
  void reserve(size_t nodes) { nodes_.reserve(nodes); }
  void add(const PathElement& element, uint8_t marks, const FieldSet* children);
  const FieldSet* finish(Arena& arena);  // null if empty

 private:
  std::vector<FieldNode> nodes_;
};

// Null stands for the empty set everywhere, as argument and as result. `marks` says which nodes of b count as members;
// a is a plain set.
const FieldSet* unite(const FieldSet* a, const FieldSet* b, uint8_t marks, Arena& arena);
const FieldSet* intersect(const FieldSet* a, const FieldSet* b, uint8_t marks, Arena& arena);
const FieldSet* subtract(const FieldSet* a, const FieldSet* b, uint8_t marks, Arena& arena);
// Also takes away all that is below a member of b. Keeps the marks of a.
const FieldSet* subtract_below(const FieldSet* a, const FieldSet* b, Arena& arena);
const FieldSet* select(const FieldSet* set, uint8_t marks,
                       Arena& arena);  // the nodes with one of the marks, as a plain set
bool has_marks(const FieldSet* set, uint8_t marks);
bool equal(const FieldSet* a, const FieldSet* b);
// Makes the inner nodes that are fields of structs members as well.
const FieldSet* with_named_fields(const FieldSet* set, const Type* type, Arena& arena);
// A set of one path of field names.
const FieldSet* path_set(std::span<const std::string_view> path, Arena& arena);

// FieldsV1 as a tree. False: it is none. Elements of a kind that is not known are left out.
bool read_field_set(Value fields, Arena& arena, const FieldSet*& set);
Value write_field_set(const FieldSet* set, Arena& arena);

}  // namespace sampan::schema
