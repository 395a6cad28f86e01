// Tokens as anybody may show them, keys as an issuer publishes them, files of keys.
#include "apiserver/access/jwt.h"

#include "base/check.h"
#include "schema/json.h"

using namespace sampan;
using namespace sampan::apiserver;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const JwtKey own = [] {
    auto key = JwtKey::read_private(*JwtKey::make_private_pem());
    check(key.has_value());
    return std::move(*key);
  }();
  std::string_view text(reinterpret_cast<const char*>(data), size);
  JwtParts parts;
  Arena arena;
  if (split_jwt(text, parts)) {
    check(!own.verify(parts.algorithm, parts.signed_text, parts.signature));
    if (auto claims = schema::parse_json(parts.payload, arena)) {
      (void)check_times(*claims, 1'800'000'000);
      (void)audiences_of(*claims);
    }
  }
  if (auto keys = schema::parse_json(text, arena))
    for (auto jwk : (*keys)["keys"].items())
      if (auto key = JwtKey::from_jwk(jwk)) {
        (void)key->jwk();
        (void)key->verify(key->algorithm(), "text", "signature");
      }
  if (auto keys = JwtKey::read_pem(text))
    for (auto& key : *keys) (void)key.jwk();
  return 0;
}
