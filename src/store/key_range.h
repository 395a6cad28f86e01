// Key ranges as etcd writes them: [start, end), end "" = only the key `start`, end "\0" = to the last key.
#pragma once
#include <string>
#include <string_view>

namespace sampan::store {

struct KeyRange {
  std::string start, end;

  bool single() const { return end.empty(); }
  bool unbounded() const { return end.size() == 1 && end[0] == '\0'; }
  bool contains(std::string_view key) const {
    if (single()) return key == start;
    return key >= start && (unbounded() || key < end);
  }
};

}  // namespace sampan::store
