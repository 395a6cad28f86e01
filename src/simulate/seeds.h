// The seeds that a test in virtual time runs under: 1 to `usual`, or what SEEDS in the environment says: "17" is that one run again, "101-2000" goes further
// than every build does.
#pragma once
#include <cstdlib>

#include "base/check.h"
#include "base/text.h"

namespace sampan::simulate {

inline std::vector<uint64_t> seeds(uint64_t usual = 100) {
  uint64_t first = 1, last = usual;
  if (const char* asked = getenv("SEEDS")) {
    std::string_view text = asked, to = text.substr(std::min(text.size(), text.find('-') + 1));
    check(parse_int(text.substr(0, text.find('-')), first) && parse_int(to, last));
  }
  std::vector<uint64_t> all;
  for (uint64_t seed = first; seed <= last; seed++) all.push_back(seed);
  return all;
}

}  // namespace sampan::simulate
