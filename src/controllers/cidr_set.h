// A range of addresses cut into blocks of one size, and which of them are taken. Not thread-safe.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "registry/addresses.h"

namespace sampan::controllers {

class CidrSet {
 public:
  // The error says what is wrong with the configuration.
  static Result<CidrSet> create(std::string_view cluster_cidr, int mask_v4, int mask_v6);

  bool is_v4() const { return range_.is_v4(); }
  const registry::Cidr& range() const { return range_; }
  // The next free block after the last one given, around the end; nothing: all are taken.
  std::optional<std::string> allocate();
  // All blocks that the CIDR touches. False: it is no part of the range.
  bool occupy(std::string_view cidr);
  bool release(std::string_view cidr);
  size_t free() const { return used_.size() - taken_; }

 private:
  CidrSet(registry::Cidr range, int mask);
  std::string block(size_t index) const;
  bool mark(std::string_view cidr, bool taken);
  size_t index_of(const registry::Ip& ip) const;

  registry::Cidr range_;
  int mask_;  // of a block, as written
  std::vector<bool> used_;
  size_t next_ = 0, taken_ = 0;
};

}  // namespace sampan::controllers
