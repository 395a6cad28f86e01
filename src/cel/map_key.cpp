// How maps find their entries.
#include "cel/map_key.h"

#include <cmath>

namespace sampan::cel {

namespace {

constexpr double kTwoTo63 = 9223372036854775808.0, kTwoTo64 = 18446744073709551616.0;

std::optional<int64_t> exact_int(double value) {
  if (!(value >= -kTwoTo63 && value < kTwoTo63) || value != std::trunc(value)) return {};
  return static_cast<int64_t>(value);
}
std::optional<uint64_t> exact_uint(double value) {
  if (!(value >= 0 && value < kTwoTo64) || value != std::trunc(value)) return {};
  return static_cast<uint64_t>(value);
}

}  // namespace

bool key_means(const Value& stored, const Value& sought) {
  if (stored.kind() == sought.kind()) return stored.equals(sought);
  using Kind = Value::Kind;
  switch (sought.kind()) {
    case Kind::Double:
      if (stored.is(Kind::Int)) return exact_int(sought.as_double()) == stored.as_int();
      return stored.is(Kind::Uint) && exact_uint(sought.as_double()) == stored.as_uint();
    case Kind::Int: return stored.is(Kind::Uint) && sought.as_int() >= 0 && stored.as_uint() == static_cast<uint64_t>(sought.as_int());
    case Kind::Uint: return stored.is(Kind::Int) && stored.as_int() >= 0 && sought.as_uint() == static_cast<uint64_t>(stored.as_int());
    default: return false;
  }
}

size_t hash_of_key(const Value& key) {
  using Kind = Value::Kind;
  switch (key.kind()) {
    case Kind::String:
    case Kind::Bytes: return std::hash<std::string_view>()(key.as_text());
    case Kind::Int: return std::hash<uint64_t>()(static_cast<uint64_t>(key.as_int()));
    case Kind::Uint: return std::hash<uint64_t>()(key.as_uint());
    case Kind::Double:
      if (auto whole = exact_int(key.as_double())) return std::hash<uint64_t>()(static_cast<uint64_t>(*whole));
      if (auto whole = exact_uint(key.as_double())) return std::hash<uint64_t>()(*whole);
      return std::hash<double>()(key.as_double());
    case Kind::Bool: return key.as_bool() ? 1 : 2;
    default: return static_cast<size_t>(key.kind());
  }
}

}  // namespace sampan::cel
