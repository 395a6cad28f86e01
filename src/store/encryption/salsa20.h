// XSalsa20, which OpenSSL does not have: Bernstein's stream cipher with nonces of 24 bytes.
#pragma once
#include <string>
#include <string_view>

namespace sampan::store {

// `key`: 32 bytes, `nonce`: 24.
std::string xsalsa20_stream(std::string_view key, std::string_view nonce, size_t size);

}  // namespace sampan::store
