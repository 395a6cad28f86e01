// JSON. Text becomes a Value without a schema; conform() (conform.h) then holds it against one. Objects are written straight from
// their buffers, field names coming from the schema.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "schema/object.h"
#include "schema/value.h"

namespace sampan::schema {

struct JsonLimits {
  int depth_max = 500;  // of nested lists and objects; upstream's decoder stops at 10,000, its validation long before
};

struct DuplicateKey {
  std::string path;  // "spec.containers[0].name"
  const char* at;    // where in the text it stands again
};

// Strings are views of `text` where they need no unescaping. Of a duplicate key the last value counts, as in Go; `duplicates` gets
// the keys that were repeated, each once. The error is Go's ("invalid character 'x' looking for
// beginning of value", "unexpected end of JSON input") as a BadRequest.
Result<Value> parse_json(std::string_view text, Arena& arena, std::vector<DuplicateKey>* duplicates = nullptr,
                         JsonLimits limits = {});

// As Go's encoding/json: no spaces, <, >, & and U+2028/9 escaped, invalid UTF-8 replaced, members in the Value's order.
void write_json(std::string& out, Value value);
void write_json_string(std::string& out, std::string_view text);

// Fields in the type's order, map keys sorted, absent `Always` fields as their zero values. apiVersion and kind are written first (kind
// before apiVersion, as Go does) unless kind is empty.
void write_json(std::string& out, const Object& object, std::string_view api_version, std::string_view kind);
void write_json(std::string& out, const AnyView& view);

}  // namespace sampan::schema
