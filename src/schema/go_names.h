// The Go names behind the schema's fields, which only error texts show.
#pragma once
#include <string_view>

namespace sampan::schema {

// A line for each type that has such fields: its name, then "field=type/embedding" for each. `type` is the field's Go type as reflect
// prints it, where it is not what the schema says ("v1.RestartPolicy" for a string); `embedding` the embedded structs that the
// field is promoted from. Either may be empty.
std::string_view go_names();

}  // namespace sampan::schema
