#include "store/encryption/salsa20.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace sampan::store {

namespace {

static_assert(std::endian::native == std::endian::little);
using Words = std::array<uint32_t, 16>;
constexpr uint32_t kSigma[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};  // "expand 32-byte k"

void quarter(Words& x, size_t a, size_t b, size_t c, size_t d) {
  x[b] ^= std::rotl(x[a] + x[d], 7);
  x[c] ^= std::rotl(x[b] + x[a], 9);
  x[d] ^= std::rotl(x[c] + x[b], 13);
  x[a] ^= std::rotl(x[d] + x[c], 18);
}

void twenty_rounds(Words& x) {
  for (int i = 0; i < 10; i++) {
    quarter(x, 0, 4, 8, 12);  // columns
    quarter(x, 5, 9, 13, 1);
    quarter(x, 10, 14, 2, 6);
    quarter(x, 15, 3, 7, 11);
    quarter(x, 0, 1, 2, 3);  // rows
    quarter(x, 5, 6, 7, 4);
    quarter(x, 10, 11, 8, 9);
    quarter(x, 15, 12, 13, 14);
  }
}

// The constants on the diagonal, the key in two halves, 16 bytes of nonce and counter between them.
Words state_of(const char* key, const char* middle) {
  Words x;
  for (size_t i = 0; i < 4; i++) x[5 * i] = kSigma[i];
  std::memcpy(&x[1], key, 16);
  std::memcpy(&x[11], key + 16, 16);
  std::memcpy(&x[6], middle, 16);
  return x;
}

}  // namespace

std::string xsalsa20_stream(std::string_view key, std::string_view nonce, size_t size) {
  check(key.size() == 32 && nonce.size() == 24);
  // A key of this nonce's own, from its first 16 bytes (HSalsa20).
  Words x = state_of(key.data(), nonce.data());
  twenty_rounds(x);
  const uint32_t derived[8] = {x[0], x[5], x[10], x[15], x[6], x[7], x[8], x[9]};
  char own_key[32], middle[16] = {};
  std::memcpy(own_key, derived, sizeof own_key);
  std::memcpy(middle, nonce.data() + 16, 8);

  std::string out((size + 63) / 64 * 64, '\0');
  uint64_t counter = 0;
  for (size_t at = 0; at < out.size(); at += 64, counter++) {
    std::memcpy(middle + 8, &counter, sizeof counter);
    const Words start = state_of(own_key, middle);
    x = start;
    twenty_rounds(x);
    for (size_t i = 0; i < 16; i++) x[i] += start[i];
    std::memcpy(out.data() + at, x.data(), 64);
  }
  out.resize(size);
  return out;
}

}  // namespace sampan::store
