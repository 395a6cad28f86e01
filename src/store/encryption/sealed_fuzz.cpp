// Values as they may lie in a store that others write, too.
#include "base/check.h"
#include "store/encryption/cipher.h"

using namespace sampan;
using namespace sampan::store;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::string secret(32, 's');
  static const std::unique_ptr<Cipher> ciphers[] = {*aes_cbc_cipher(secret), *aes_gcm_cipher(secret), *seeded_gcm_cipher(secret), *secretbox_cipher(secret)};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  for (auto& cipher : ciphers) {
    bool stale = false;
    (void)cipher->open(text, "/registry/secrets/a/b", stale);
    auto sealed = cipher->seal(text, "/registry/secrets/a/b");
    check(sealed && cipher->open(*sealed, "/registry/secrets/a/b", stale).value_or("") == text);
    sealed->back() ^= 1;
    (void)cipher->open(*sealed, "/registry/secrets/a/b", stale);
  }
  return 0;
}
