// The fields of a type in the order of protobuf: what the encoder and the decoder walk along.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "schema/schema.h"

namespace sampan::schema {

struct ProtoPlan {
  struct Entry {
    uint32_t number = 0;
    uint32_t field = 0;                // index among the type's fields, if there is no group
    std::unique_ptr<ProtoPlan> group;  // a message that is there only in protobuf: its fields are the type's own (Field::Inline)
  };
  std::vector<Entry> entries;  // by number

  const Entry* find(uint32_t number) const {
    if (number < by_number_.size()) return by_number_[number] ? &entries[by_number_[number] - 1u] : nullptr;
    return nullptr;
  }
  void finish();  // sorts, once all entries are there

 private:
  std::vector<uint16_t> by_number_;
};

// Made when a type is first used, and kept: built-in types live as long as the process, and no others have protobuf numbers.
const ProtoPlan& proto_plan(const Type& type);

namespace wire {
enum : uint32_t { Varint = 0, Fixed64 = 1, Bytes = 2, StartGroup = 3, EndGroup = 4, Fixed32 = 5 };
}

}  // namespace sampan::schema
