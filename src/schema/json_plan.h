// The fields of a type as the JSON printer walks along them: names with their quotes on, so that nothing is looked at twice.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "schema/schema.h"

namespace sampan::schema {

struct JsonPlan {
  static constexpr size_t kHeadBytes = 40;
  struct Entry {
    char head[kHeadBytes];  // `,"name":`; copied whole, because a copy of a fixed size is the cheapest
    uint8_t head_size;      // 0: does not fit
    bool type_meta;         // the apiVersion or kind of an object
    const Field* field;
  };
  std::vector<Entry> entries;    // as the type's fields
  std::vector<uint32_t> always;  // bitmap of the fields with Field::Always, laid out like the presence bitmap of an object
  uint32_t metadata = UINT32_MAX, resource_version = UINT32_MAX;  // where these fields are, if they are
};

// Made when a type is first used, and kept, for types of the tables; null for others.
const JsonPlan* kept_json_plan(const Type& type);
std::unique_ptr<const JsonPlan> make_json_plan(const Type& type);

}  // namespace sampan::schema
