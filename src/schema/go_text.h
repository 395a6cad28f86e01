// Texts that Go's libraries make of bad input and that reach clients through Kubernetes' answers.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

// Go's time.Parse with RFC 3339 as its layout, or with exactly six fraction digits where `micro`. False: `error` is Go's.
bool parse_go_time(std::string_view text, bool micro, int64_t& microseconds, std::string& error);
// Go's time.ParseDuration.
bool parse_go_duration(std::string_view text, int64_t& nanoseconds, std::string& error);
// Where Go's base64 decoder stops ("illegal base64 data at input byte N"), or -1.
int64_t base64_error_at(std::string_view text);

// What encoding/json calls the value: "number", "array", "null".
std::string_view json_type_name(Value value);

// The Go type of a field, as reflect prints it ("v1.PodSpec", "[]v1.Container", "map[string]string", "int32").
std::string go_type_name(const Type& type);
std::string go_type_name(const Type& owner, const Field& field);
// Go's name of a field of the pods' types: the JSON name with a capital, but for some.
std::string go_field_name(const Type& owner, std::string_view field);
// Of a field that Go promotes from embedded structs: their names with a dot behind each ("RuleWithOperations.Rule."); else "".
std::string_view go_embedding(const Type& owner, const Field& field);

}  // namespace sampan::schema
