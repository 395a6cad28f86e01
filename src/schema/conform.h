// Holds a Value against a Type, as Go's decoder into typed structs does: checks kinds, normalises scalars to their canonical text
// (quantities, times), and finds what the type does not know.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/json.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

struct Conformance {
  // `unknown field "spec.foo"`, in document order: what fieldValidation=Strict refuses and Warn warns of. Unknown members are removed from
  // the tree in any case. Names are case-sensitive, as upstream. At most a hundred are kept, each once.
  std::vector<std::string> unknown_fields;
  std::vector<const char*> unknown_at;  // where each name stands, in the text or elsewhere
};

// Keys that a text has more than once.
struct RepeatedKeys {
  std::vector<DuplicateKey> keys;  // of JSON, from parse_json()
  std::vector<std::string> lines;  // of YAML, from parse_yaml()
  std::string_view text;           // of JSON that is decoded as it stands: what is wrong with it is told in its order
};

// What strict decoding has to say: the repeated keys, `duplicate field "..."`, then the unknown fields, unless the text gives an order. Upstream does
// not look into what it does not know, so duplicates in there are left out.
std::vector<std::string> strict_errors(const RepeatedKeys& repeated, const Conformance& found);

// Where a tree comes from. What a strategic patch or server-side apply made is no text that is decoded: upstream fills the struct from it, field by field in the
// struct's order, ends at the first that does not fit, in other words, and lets numbers wrap around.
enum class TreeOf : uint8_t { Text, Patch };

// Changes `value` in place. The error is a BadRequest with the text of upstream's decoder ("json: cannot unmarshal string into Go struct field
// ... of type int32" and the like).
Result<void> conform(Value value, const Type& type, Conformance& found, TreeOf origin = TreeOf::Text);

}  // namespace sampan::schema
