// How a value is made unreadable before it is stored, and readable again: the forms of upstream's encryption at rest, byte for byte. Sealed
// values are bound to their key where the form can do that, so that nobody moves one to another place.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sampan::store {

class Cipher {
 public:
  virtual ~Cipher() = default;
  virtual Result<std::string> seal(std::string_view plain, std::string_view key) const = 0;
  // `stale`: readable, but no longer what seal() would make.
  virtual Result<std::string> open(std::string_view sealed, std::string_view key, bool& stale) const = 0;
};

// `secret`: 16, 24 or 32 bytes of an AES key, 32 bytes of a secretbox.
Result<std::unique_ptr<Cipher>> aes_cbc_cipher(std::string_view secret);  // initial vector, then blocks with PKCS#7 padding
Result<std::unique_ptr<Cipher>> aes_gcm_cipher(std::string_view secret);  // nonce of 12 bytes, then text and tag; bound to the key
// 32 bytes that name a key, which is derived from them and the secret and used once, before what AES-GCM makes of the value with that key.
Result<std::unique_ptr<Cipher>> seeded_gcm_cipher(std::string_view secret);
Result<std::unique_ptr<Cipher>> secretbox_cipher(std::string_view secret);  // nonce of 24 bytes, then tag and text: NaCl's XSalsa20 and Poly1305

std::string random_bytes(size_t count);

}  // namespace sampan::store
