// The bitmap of node ports.
#include "base/text.h"
#include "registry/core/service_allocation.h"

namespace sampan::registry::core {

void PortBitmap::set_bytes(std::string_view bytes) {
  std::fill(bits_.begin(), bits_.end(), false);
  for (size_t i = 0; i < bits_.size() && i / 8 < bytes.size(); i++)
    bits_[i] = static_cast<unsigned char>(bytes[bytes.size() - 1 - i / 8]) >> (i % 8) & 1;
}

std::string PortBitmap::bytes() const {
  std::string out((bits_.size() + 7) / 8, '\0');
  for (size_t i = 0; i < bits_.size(); i++)
    if (bits_[i]) out[out.size() - 1 - i / 8] |= static_cast<char>(1 << (i % 8));
  out.erase(0, std::min(out.find_first_not_of('\0'), out.size()));
  return out;
}

int PortBitmap::pick_between(size_t low, size_t high, Random& random) const {
  if (low >= high) return 0;
  size_t start = random.below(high - low);
  for (size_t i = 0; i < high - low; i++)
    if (size_t at = low + (start + i) % (high - low); !bits_[at]) return first_ + static_cast<int>(at);
  return 0;
}

int PortBitmap::pick(Random& random) const {
  size_t size = bits_.size();
  size_t reserved = size <= 16 ? 0 : std::clamp<size_t>(size / 32, 16, 128);
  if (int port = pick_between(reserved, size, random)) return port;
  return pick_between(0, reserved, random);
}

std::string PortBitmap::range_text() const { return concat(first_, "-", first_ + static_cast<int>(bits_.size()) - 1); }

}  // namespace sampan::registry::core
