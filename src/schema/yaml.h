// YAML 1.1 as Kubernetes reads and writes it: the rules of go-yaml v2 under sigs.k8s.io/yaml (yes, no, on and off are booleans, 010 is eight, <<
// merges, times are strings), over libyaml.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/value.h"

namespace sampan::schema {

struct YamlLimits {
  int depth_max = 200;
  size_t alias_nodes_max = 100'000;  // what aliases may unfold to
  bool first_only = false;           // a request's body: what follows the first document is not looked at
};

// The documents of the text, as JSON would have brought them. Of a key that is repeated the last value counts; `duplicates` gets Go's words
// for each ("line 3: key \"a\" already set in map"). The error is Go's ("yaml: line 2: ...") as a BadRequest.
Result<std::vector<Value>> parse_yaml(std::string_view text, Arena& arena, YamlLimits limits = {},
                                      std::vector<std::string>* duplicates = nullptr);

// One document: keys in go-yaml's order, strings quoted where they would read as something else, lines as blocks.
void write_yaml(std::string& out, Value value);

// What a plain scalar means.
enum class YamlKind : uint8_t { Null, Bool, Int, Float, Timestamp, String };
YamlKind resolve_yaml(std::string_view text, Value& value);

// Go's 'g' with the shortest digits: an exponent below 1e-4 and from 1e6 on.
void append_yaml_float(std::string& out, double value);
void append_yaml_float(std::string& out, float value);

}  // namespace sampan::schema
