#include "store/encryption/cipher.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "base/check.h"
#include "base/text.h"
#include "store/encryption/salsa20.h"

namespace sampan::store {

namespace {

constexpr size_t kBlock = 16, kGcmNonce = 12, kGcmTag = 16, kBoxNonce = 24, kBoxTag = 16, kBoxKey = 32, kSeed = 32;

struct ContextDeleter {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, ContextDeleter>;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes(char* text) { return reinterpret_cast<unsigned char*>(text); }
int size_of(std::string_view text) { return static_cast<int>(text.size()); }

// The library's calls cannot fail here but for want of memory.
void must(int result) { check(result == 1); }

Error too_short() { return internal_error("the stored data was shorter than the required size"); }

enum class Mode : uint8_t { Cbc, Gcm };

const EVP_CIPHER* aes(Mode mode, size_t key_bytes) {
  bool cbc = mode == Mode::Cbc;
  switch (key_bytes) {
    case 16: return cbc ? EVP_aes_128_cbc() : EVP_aes_128_gcm();
    case 24: return cbc ? EVP_aes_192_cbc() : EVP_aes_192_gcm();
    case 32: return cbc ? EVP_aes_256_cbc() : EVP_aes_256_gcm();
    default: return nullptr;
  }
}

class Secret {
 public:
  explicit Secret(std::string_view secret) : bytes_(secret) {}
  ~Secret() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
  std::string_view get() const { return bytes_; }

 private:
  std::string bytes_;
};

class AesCbc final : public Cipher {
 public:
  explicit AesCbc(std::string_view secret) : secret_(secret), type_(aes(Mode::Cbc, secret.size())) {}

  Result<std::string> seal(std::string_view plain, std::string_view) const override {
    std::string out = random_bytes(kBlock);
    out.resize(kBlock + plain.size() + kBlock);
    Context context(EVP_CIPHER_CTX_new());
    must(EVP_EncryptInit_ex(context.get(), type_, nullptr, bytes(secret_.get()), bytes(out)));
    int written = 0, last = 0;
    must(EVP_EncryptUpdate(context.get(), bytes(out.data() + kBlock), &written, bytes(plain), size_of(plain)));
    must(EVP_EncryptFinal_ex(context.get(), bytes(out.data() + kBlock + written), &last));
    out.resize(kBlock + static_cast<size_t>(written + last));
    return out;
  }

  Result<std::string> open(std::string_view sealed, std::string_view, bool&) const override {
    if (sealed.size() < kBlock) return fail(too_short());
    if (sealed.size() % kBlock) return fail(internal_error("the stored data is not a multiple of the block size"));
    auto text = sealed.substr(kBlock);
    if (text.empty()) return fail(internal_error("invalid PKCS7 data (empty or not padded)"));
    std::string out(text.size() + kBlock, '\0');
    Context context(EVP_CIPHER_CTX_new());
    must(EVP_DecryptInit_ex(context.get(), type_, nullptr, bytes(secret_.get()), bytes(sealed)));
    int written = 0, last = 0;
    must(EVP_DecryptUpdate(context.get(), bytes(out.data()), &written, bytes(text), size_of(text)));
    if (EVP_DecryptFinal_ex(context.get(), bytes(out.data() + written), &last) != 1) return fail(internal_error("invalid padding on input"));
    out.resize(static_cast<size_t>(written + last));
    return out;
  }

 private:
  const Secret secret_;
  const EVP_CIPHER* const type_;
};

class AesGcm final : public Cipher {
 public:
  explicit AesGcm(std::string_view secret) : secret_(secret), type_(aes(Mode::Gcm, secret.size())) {}

  Result<std::string> seal(std::string_view plain, std::string_view key) const override {
    std::string out = random_bytes(kGcmNonce);
    out.resize(kGcmNonce + plain.size() + kGcmTag);
    Context context(EVP_CIPHER_CTX_new());
    must(EVP_EncryptInit_ex(context.get(), type_, nullptr, bytes(secret_.get()), bytes(out)));
    int written = 0;
    must(EVP_EncryptUpdate(context.get(), nullptr, &written, bytes(key), size_of(key)));
    must(EVP_EncryptUpdate(context.get(), bytes(out.data() + kGcmNonce), &written, bytes(plain), size_of(plain)));
    int last = 0;
    must(EVP_EncryptFinal_ex(context.get(), bytes(out.data() + kGcmNonce + written), &last));
    must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kGcmTag, out.data() + kGcmNonce + plain.size()));
    return out;
  }

  Result<std::string> open(std::string_view sealed, std::string_view key, bool&) const override {
    if (sealed.size() < kGcmNonce) return fail(too_short());
    Error bad = internal_error("cipher: message authentication failed");
    if (sealed.size() < kGcmNonce + kGcmTag) return fail(std::move(bad));
    auto text = sealed.substr(kGcmNonce, sealed.size() - kGcmNonce - kGcmTag);
    std::string out(text.size(), '\0'), tag(sealed.substr(sealed.size() - kGcmTag));
    Context context(EVP_CIPHER_CTX_new());
    must(EVP_DecryptInit_ex(context.get(), type_, nullptr, bytes(secret_.get()), bytes(sealed)));
    int written = 0, last = 0;
    must(EVP_DecryptUpdate(context.get(), nullptr, &written, bytes(key), size_of(key)));
    must(EVP_DecryptUpdate(context.get(), bytes(out.data()), &written, bytes(text), size_of(text)));
    must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kGcmTag, tag.data()));
    if (EVP_DecryptFinal_ex(context.get(), bytes(out.data() + written), &last) != 1) return fail(std::move(bad));
    return out;
  }

 private:
  const Secret secret_;
  const EVP_CIPHER* const type_;
};

class SeededGcm final : public Cipher {
 public:
  explicit SeededGcm(std::string_view secret) : secret_(secret) {}

  Result<std::string> seal(std::string_view plain, std::string_view key) const override {
    auto info = random_bytes(kSeed);
    return info + TRY(derived(info).seal(plain, key));
  }
  Result<std::string> open(std::string_view sealed, std::string_view key, bool& stale) const override {
    if (sealed.size() < kSeed) return fail(too_short());
    return derived(sealed.substr(0, kSeed)).open(sealed.substr(kSeed), key, stale);
  }

 private:
  // HKDF's expansion with SHA-256: one block is enough for the key.
  AesGcm derived(std::string_view info) const {
    auto text = concat(info, '\x01');
    unsigned char block[32];
    unsigned size = 0;
    check(HMAC(EVP_sha256(), secret_.get().data(), static_cast<int>(secret_.get().size()), bytes(text), text.size(), block, &size) && size == sizeof block);
    AesGcm cipher({reinterpret_cast<char*>(block), sizeof block});
    OPENSSL_cleanse(block, sizeof block);
    return cipher;
  }

  const Secret secret_;
};

std::string poly1305(std::string_view key, std::string_view text) {
  static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
  check(mac != nullptr);
  std::unique_ptr<EVP_MAC_CTX, ContextDeleter> context(EVP_MAC_CTX_new(mac));
  std::string tag(kBoxTag, '\0');
  size_t size = 0;
  must(EVP_MAC_init(context.get(), bytes(key), key.size(), nullptr));
  must(EVP_MAC_update(context.get(), bytes(text), text.size()));
  must(EVP_MAC_final(context.get(), bytes(tag.data()), &size, tag.size()));
  return tag;
}

class Secretbox final : public Cipher {
 public:
  explicit Secretbox(std::string_view secret) : secret_(secret) {}

  Result<std::string> seal(std::string_view plain, std::string_view) const override {
    std::string nonce = random_bytes(kBoxNonce), one_time_key;
    auto text = cross(nonce, plain, one_time_key);
    return concat(nonce, poly1305(one_time_key, text), text);
  }

  Result<std::string> open(std::string_view sealed, std::string_view, bool&) const override {
    if (sealed.size() < kBoxNonce + kBoxTag) return fail(too_short());
    auto nonce = sealed.substr(0, kBoxNonce), tag = sealed.substr(kBoxNonce, kBoxTag), text = sealed.substr(kBoxNonce + kBoxTag);
    std::string one_time_key;
    auto plain = cross(nonce, text, one_time_key);
    if (CRYPTO_memcmp(poly1305(one_time_key, text).data(), tag.data(), kBoxTag) != 0)
      return fail(internal_error("output array was not large enough for encryption"));  // upstream's words
    return plain;
  }

 private:
  // The first bytes of the key stream are the authentication's key; the text is under what follows.
  std::string cross(std::string_view nonce, std::string_view text, std::string& one_time_key) const {
    std::string stream = xsalsa20_stream(secret_.get(), nonce, kBoxKey + text.size());
    one_time_key = stream.substr(0, kBoxKey);
    std::string out(text);
    for (size_t i = 0; i < out.size(); i++) out[i] = static_cast<char>(out[i] ^ stream[kBoxKey + i]);
    OPENSSL_cleanse(stream.data(), stream.size());
    return out;
  }

  const Secret secret_;
};

Error key_size(size_t size) { return bad_request(concat("crypto/aes: invalid key size ", size)); }

}  // namespace

std::string random_bytes(size_t count) {
  std::string out(count, '\0');
  check(RAND_bytes(bytes(out.data()), static_cast<int>(count)) == 1);
  return out;
}

Result<std::unique_ptr<Cipher>> aes_cbc_cipher(std::string_view secret) {
  if (!aes(Mode::Cbc, secret.size())) return fail(key_size(secret.size()));
  return std::make_unique<AesCbc>(secret);
}

Result<std::unique_ptr<Cipher>> aes_gcm_cipher(std::string_view secret) {
  if (!aes(Mode::Gcm, secret.size())) return fail(key_size(secret.size()));
  return std::make_unique<AesGcm>(secret);
}

Result<std::unique_ptr<Cipher>> seeded_gcm_cipher(std::string_view secret) {
  if (secret.size() < kSeed) return fail(bad_request(concat("invalid seed length ", secret.size(), " used for key generation")));
  return std::make_unique<SeededGcm>(secret);
}

Result<std::unique_ptr<Cipher>> secretbox_cipher(std::string_view secret) {
  if (secret.size() != kBoxKey) return fail(bad_request(concat("expected key size 32 for secretbox, got ", secret.size())));
  return std::make_unique<Secretbox>(secret);
}

}  // namespace sampan::store
