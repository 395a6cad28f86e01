#include "base/uuid.h"

#include "base/encoding.h"

namespace sampan {

std::string new_uuid(Random& random) {
  uint64_t high = random.next(), low = random.next();
  high = (high & ~uint64_t{0xf000}) | 0x4000;                // version 4
  low = (low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);  // RFC 4122 variant
  char bytes[16];
  for (int i = 0; i < 8; i++) {
    bytes[i] = static_cast<char>(high >> (56 - 8 * i));
    bytes[8 + i] = static_cast<char>(low >> (56 - 8 * i));
  }
  std::string text = hex({bytes, 16});
  for (int at : {20, 16, 12, 8}) text.insert(at, "-");
  return text;
}

}  // namespace sampan
