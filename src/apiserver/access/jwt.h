// JSON web tokens in their compact form: keys, signatures, and what a token says. Whom to believe is decided elsewhere.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/status.h"
#include "schema/value.h"

struct evp_pkey_st;

namespace sampan::apiserver {

void append_base64_url(std::string& out, std::string_view bytes);  // without padding
bool decode_base64_url(std::string_view text, std::string& out);

// An RSA key, or one on P-256, P-384 or P-521; a private one can also sign.
class JwtKey {
 public:
  // From all PEM blocks of a file: public keys, private keys and certificates.
  static Result<std::vector<JwtKey>> read_pem(std::string_view pem);
  static Result<JwtKey> read_private(std::string_view pem);
  static Result<JwtKey> from_jwk(schema::Value jwk);
  static Result<std::string> make_private_pem();  // RSA, 2048 bits

  const std::string& id() const { return id_; }  // SHA-256 of the public key, unless a JWK names it
  std::string_view algorithm() const { return algorithm_; }  // "RS256", "ES256" ...: what it signs with
  bool can_sign() const { return is_private_; }
  std::string sign(std::string_view input) const;
  // False also for an algorithm that is not one of this kind of key.
  bool verify(std::string_view algorithm, std::string_view input, std::string_view signature) const;
  std::string jwk() const;  // the public part, as JSON

 private:
  static Result<JwtKey> adopt(evp_pkey_st* key, bool is_private);
  std::shared_ptr<evp_pkey_st> key_;
  std::string id_, algorithm_;
  bool is_private_ = false;
};

// A token taken apart; views of the token itself. Nothing of it is verified.
struct JwtParts {
  std::string_view signed_text;
  std::string header, payload, signature;  // decoded
  std::string algorithm, key_id;
};
// False: no token of this form.
bool split_jwt(std::string_view token, JwtParts& parts);

// The times of a token against the clock, with upstream's minute of leeway. The error is go-jose's: "... has expired".
enum class JwtTime : uint8_t { Good, Expired, NotYet, IssuedInFuture, Unreadable };
JwtTime check_times(schema::Value claims, int64_t now_seconds);
std::vector<std::string> audiences_of(schema::Value claims);  // a text or a list of them

std::string sign_jwt(const JwtKey& key, std::string_view claims_json);

}  // namespace sampan::apiserver
