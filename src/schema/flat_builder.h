// Builds the flat buffer of an object (object.h has its layout), children before parents. Not for callers of schema/: freeze() and
// decode_protobuf() are written over it.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>

#include "base/check.h"
#include "schema/object.h"

namespace sampan::schema {

class FlatBuilder {
 public:
  static constexpr size_t kFieldsMax = 128;  // of one struct that protobuf brings: no built-in type has more

  FlatBuilder() {
    grow(4096);
    *at_++ = '\0';  // offset 0: the empty string, and "absent"
  }
  ~FlatBuilder() { ::free(start_); }
  FlatBuilder(const FlatBuilder&) = delete;
  FlatBuilder& operator=(const FlatBuilder&) = delete;

  // Starts over. One huge object must not pin its size for good.
  void reset() {
    if (limit_ - start_ > 1 << 20) {
      ::free(start_);
      start_ = at_ = limit_ = nullptr;
      grow(4096);
    }
    at_ = start_ + 1;
  }

  std::string_view bytes() const { return {start_, static_cast<size_t>(at_ - start_)}; }

  // Each gives the slot of what it wrote.
  uint32_t string(std::string_view text) {
    if (text.empty()) return 0;
    ensure(text.size() + 10);
    uint32_t slot = offset();
    size_t size = text.size();
    for (; size >= 0x80; size >>= 7) *at_++ = static_cast<char>(size | 0x80);
    *at_++ = static_cast<char>(size);
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return slot;
  }
  uint32_t int64(int64_t value) { return fixed(value); }
  uint32_t real(double value) { return fixed(value); }
  uint32_t int_or_string(int32_t number) {
    ensure(5);
    uint32_t slot = offset();
    *at_++ = 0;
    std::memcpy(at_, &number, 4);
    at_ += 4;
    return slot;
  }
  uint32_t int_or_string(std::string_view text) {
    ensure(2);
    uint32_t slot = offset();
    *at_++ = 1;
    if (text.empty())
      *at_++ = 0;
    else
      string(text);  // right behind the tag
    return slot;
  }
  uint32_t list(std::span<const uint32_t> slots) { return counted(slots, static_cast<uint32_t>(slots.size())); }
  uint32_t map(std::span<const uint32_t> keys_and_values) {
    return counted(keys_and_values, static_cast<uint32_t>(keys_and_values.size() / 2));
  }
  // `slots` is indexed by field; those whose bit is set in `words` count.
  uint32_t structure(size_t fields, const uint32_t* words, const uint32_t* slots) {
    size_t count = (fields + 31) / 32;
    ensure(4 * count + 4 * fields);
    uint32_t slot = offset();
    std::memcpy(at_, words, 4 * count);
    at_ += 4 * count;
    for (size_t w = 0; w < count; w++)
      for (uint32_t word = words[w]; word; word &= word - 1) {
        std::memcpy(at_, &slots[32 * w + static_cast<unsigned>(std::countr_zero(word))], 4);
        at_ += 4;
      }
    return slot;
  }

 private:
  uint32_t offset() const { return static_cast<uint32_t>(at_ - start_); }
  template <class T>
  uint32_t fixed(T value) {
    ensure(8);
    uint32_t slot = offset();
    std::memcpy(at_, &value, 8);
    at_ += 8;
    return slot;
  }
  uint32_t counted(std::span<const uint32_t> slots, uint32_t count) {
    ensure(4 + 4 * slots.size());
    uint32_t slot = offset();
    std::memcpy(at_, &count, 4);
    if (!slots.empty()) std::memcpy(at_ + 4, slots.data(), 4 * slots.size());
    at_ += 4 + 4 * slots.size();
    return slot;
  }
  void ensure(size_t bytes) {
    if (static_cast<size_t>(limit_ - at_) < bytes) [[unlikely]] grow(bytes);
  }
  void grow(size_t bytes) {
    size_t used = static_cast<size_t>(at_ - start_), size = std::max<size_t>(used + bytes, 2 * static_cast<size_t>(limit_ - start_));
    check(size < UINT32_MAX);  // offsets have 32 bits; the servers' body limits are far below
    start_ = static_cast<char*>(::realloc(start_, size));
    check(start_);
    at_ = start_ + used;
    limit_ = start_ + size;
  }

  char* start_ = nullptr;
  char* at_ = nullptr;
  char* limit_ = nullptr;
};

}  // namespace sampan::schema
