#include "controllers/cidr_set.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::controllers {

namespace {

constexpr int kBitsMax = 16;  // blocks are counted, so there must not be too many

}  // namespace

CidrSet::CidrSet(registry::Cidr range, int mask) : range_(range), mask_(mask), used_(size_t{1} << (mask - range.prefix)) {}

Result<CidrSet> CidrSet::create(std::string_view cluster_cidr, int mask_v4, int mask_v6) {
  auto range = registry::parse_cidr(cluster_cidr);
  if (!range) return fail(bad_request(concat("invalid cluster CIDR ", quoted(cluster_cidr))));
  range->address = range->network();
  int mask = range->is_v4() ? mask_v4 : mask_v6;
  if (mask < range->prefix || mask > (range->is_v4() ? 32 : 128))
    return fail(bad_request(concat("the node CIDR mask size ", mask, " does not fit into the cluster CIDR ", cluster_cidr)));
  if (mask - range->prefix > kBitsMax)
    return fail(bad_request(concat("New CIDR set failed; the node CIDR size is too big: ", cluster_cidr, " in blocks of /", mask)));
  return CidrSet(*range, mask);
}

// Blocks are counted in the bits between the range's prefix and the block's.
size_t CidrSet::index_of(const registry::Ip& ip) const {
  int offset = range_.is_v4() ? 96 : 0;
  size_t index = 0;
  for (int bit = offset + range_.prefix; bit < offset + mask_; bit++)
    index = index << 1 | (ip.bytes[static_cast<size_t>(bit / 8)] >> (7 - bit % 8) & 1);
  return index;
}

std::string CidrSet::block(size_t index) const {
  registry::Cidr cidr = range_;
  int offset = range_.is_v4() ? 96 : 0;
  for (int bit = offset + mask_ - 1; bit >= offset + range_.prefix; bit--, index >>= 1)
    if (index & 1) cidr.address.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(1 << (7 - bit % 8));
  cidr.prefix = mask_;
  return cidr.text();
}

std::optional<std::string> CidrSet::allocate() {
  if (taken_ == used_.size()) return {};
  while (used_[next_]) next_ = (next_ + 1) % used_.size();
  size_t index = next_;
  used_[index] = true;
  taken_++;
  next_ = (next_ + 1) % used_.size();
  return block(index);
}

bool CidrSet::mark(std::string_view text, bool taken) {
  auto cidr = registry::parse_cidr(text);
  if (!cidr || cidr->is_v4() != range_.is_v4() || !range_.overlaps(*cidr)) return false;
  size_t first = 0, last = used_.size() - 1;
  if (cidr->prefix > range_.prefix) {
    first = last = index_of(cidr->network());
    if (cidr->prefix < mask_) last += (size_t{1} << (mask_ - cidr->prefix)) - 1;
  }
  for (size_t i = first; i <= last; i++) {
    if (used_[i] == taken) continue;
    used_[i] = taken;
    taken ? taken_++ : taken_--;
  }
  return true;
}

bool CidrSet::occupy(std::string_view cidr) { return mark(cidr, true); }
bool CidrSet::release(std::string_view cidr) { return mark(cidr, false); }

}  // namespace sampan::controllers
