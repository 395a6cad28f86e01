#include "apiserver/access/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<EVP_PKEY_CTX_free>>;
using EcSignature = std::unique_ptr<ECDSA_SIG, Deleter<ECDSA_SIG_free>>;

constexpr int64_t kLeeway_s = 60;
constexpr int kRsaBits = 2048, kRsaBitsMin = 1024;
constexpr size_t kTokenSizeMax = 64 * 1024;

struct Curve {
  std::string_view name, openssl_name, algorithm;
  size_t bytes;
};
constexpr Curve kCurves[] = {
    {"P-256", "prime256v1", "ES256", 32},
    {"P-384", "secp384r1", "ES384", 48},
    {"P-521", "secp521r1", "ES512", 66},
};

const Curve* curve_of(EVP_PKEY* key) {
  char name[64];
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &size) != 1) return nullptr;
  for (const Curve& curve : kCurves)
    if (curve.openssl_name == std::string_view(name, size)) return &curve;
  return nullptr;
}

const EVP_MD* digest_of(std::string_view algorithm) {
  if (algorithm.size() != 5) return nullptr;
  auto bits = algorithm.substr(2);
  return bits == "256" ? EVP_sha256() : bits == "384" ? EVP_sha384() : bits == "512" ? EVP_sha512() : nullptr;
}

Error key_error(std::string_view what) {
  ERR_clear_error();
  return internal_error(std::string(what));
}

Number number_of(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  EVP_PKEY_get_bn_param(key, name, &number);
  return Number(number);
}

std::string bytes_of(const BIGNUM* number, size_t size) {
  std::string bytes(size ? size : static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  return bytes;
}

// Upstream names a key by the hash of its public form.
std::string id_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  int size = i2d_PUBKEY(key, &der);
  if (size <= 0) return {};
  unsigned char hash[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<size_t>(size), hash);
  OPENSSL_free(der);
  std::string id;
  append_base64_url(id, {reinterpret_cast<const char*>(hash), sizeof hash});
  return id;
}

// JWS has the two numbers side by side, OpenSSL in a DER sequence.
std::string raw_from_der(const std::string& der, size_t bytes) {
  auto at = reinterpret_cast<const unsigned char*>(der.data());
  EcSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return {};
  return bytes_of(ECDSA_SIG_get0_r(signature.get()), bytes) + bytes_of(ECDSA_SIG_get0_s(signature.get()), bytes);
}

std::string der_from_raw(std::string_view raw, size_t bytes) {
  if (raw.size() != 2 * bytes) return {};
  auto at = reinterpret_cast<const unsigned char*>(raw.data());
  EcSignature signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), BN_bin2bn(at, static_cast<int>(bytes), nullptr), BN_bin2bn(at + bytes, static_cast<int>(bytes), nullptr));
  unsigned char* der = nullptr;
  int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return {};
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  return text;
}

EVP_PKEY* key_of_block(std::string_view name, const unsigned char* data, long size, bool& is_private) {
  if (name.ends_with("PRIVATE KEY")) {
    is_private = true;
    return d2i_AutoPrivateKey(nullptr, &data, size);
  }
  if (name == "PUBLIC KEY") return d2i_PUBKEY(nullptr, &data, size);
  if (name == "RSA PUBLIC KEY") return d2i_PublicKey(EVP_PKEY_RSA, nullptr, &data, size);
  if (name != "CERTIFICATE") return nullptr;
  X509* certificate = d2i_X509(nullptr, &data, size);
  EVP_PKEY* key = certificate ? X509_get_pubkey(certificate) : nullptr;
  X509_free(certificate);
  return key;
}

bool claim_seconds(Value claim, double& seconds) {
  seconds = claim.as_double();
  return claim.is_int() || claim.is_double();
}

EVP_PKEY* build_key(const char* type, OSSL_PARAM_BLD* builder) {
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 || EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1) key = nullptr;
  OSSL_PARAM_free(parameters);
  return key;
}

using Builder = std::unique_ptr<OSSL_PARAM_BLD, Deleter<OSSL_PARAM_BLD_free>>;

EVP_PKEY* rsa_of_jwk(Value jwk) {
  std::string n, e;
  if (!decode_base64_url(jwk["n"].as_string(), n) || !decode_base64_url(jwk["e"].as_string(), e) || n.empty() || e.empty()) return nullptr;
  Number modulus(BN_bin2bn(reinterpret_cast<const unsigned char*>(n.data()), static_cast<int>(n.size()), nullptr));
  Number exponent(BN_bin2bn(reinterpret_cast<const unsigned char*>(e.data()), static_cast<int>(e.size()), nullptr));
  Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return build_key("RSA", builder.get());
}

EVP_PKEY* ec_of_jwk(Value jwk) {
  for (const Curve& curve : kCurves) {
    if (curve.name != jwk["crv"].as_string()) continue;
    std::string x, y, point = "\x04";
    if (!decode_base64_url(jwk["x"].as_string(), x) || !decode_base64_url(jwk["y"].as_string(), y)) return nullptr;
    if (x.size() != curve.bytes || y.size() != curve.bytes) return nullptr;
    append(point, x, y);
    Builder builder(OSSL_PARAM_BLD_new());
    OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.openssl_name.data(), 0);
    OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
    return build_key("EC", builder.get());
  }
  return nullptr;
}

}  // namespace

void append_base64_url(std::string& out, std::string_view bytes) {
  auto from = out.size();
  append_base64(out, bytes);
  while (out.size() > from && out.back() == '=') out.pop_back();
  for (auto i = from; i < out.size(); i++) out[i] = out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i];
}

bool decode_base64_url(std::string_view text, std::string& out) {
  std::string standard(text);
  for (char& c : standard) {
    if (c == '+' || c == '/' || c == '=' || c == '\n' || c == '\r') return false;
    c = c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (standard.size() % 4) standard += '=';
  out.clear();
  return decode_base64(standard, out);
}

Result<JwtKey> JwtKey::adopt(EVP_PKEY* raw, bool is_private) {
  if (!raw) return fail(key_error("data does not contain any valid RSA or ECDSA key"));
  JwtKey key;
  key.key_ = std::shared_ptr<EVP_PKEY>(raw, EVP_PKEY_free);
  key.is_private_ = is_private;
  key.id_ = id_of(raw);
  if (EVP_PKEY_is_a(raw, "RSA")) {
    if (EVP_PKEY_get_bits(raw) < kRsaBitsMin) return fail(key_error("RSA keys need 1024 bits at least"));
    key.algorithm_ = "RS256";
  } else if (const Curve* curve = EVP_PKEY_is_a(raw, "EC") ? curve_of(raw) : nullptr) {
    key.algorithm_ = curve->algorithm;
  } else {
    return fail(key_error("keys must be of RSA, or ECDSA on P-256, P-384 or P-521"));
  }
  return key;
}

Result<std::vector<JwtKey>> JwtKey::read_pem(std::string_view pem) {
  std::vector<JwtKey> keys;
  Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char *name = nullptr, *header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio.get(), &name, &header, &data, &size) == 1) {
    bool is_private = false;
    EVP_PKEY* raw = key_of_block(name, data, size, is_private);
    bool wanted = raw || is_private || std::string_view(name).ends_with("PUBLIC KEY");  // others ("EC PARAMETERS") tell no key
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<size_t>(size));
    if (wanted) keys.push_back(TRY(adopt(raw, is_private)));
  }
  ERR_clear_error();
  if (keys.empty()) return fail(key_error("data does not contain any valid RSA or ECDSA public keys"));
  return keys;
}

Result<JwtKey> JwtKey::read_private(std::string_view pem) {
  auto keys = TRY(read_pem(pem));
  for (auto& key : keys)
    if (key.can_sign()) return std::move(key);
  return fail(key_error("data does not contain a valid RSA or ECDSA private key"));
}

Result<JwtKey> JwtKey::from_jwk(Value jwk) {
  auto type = jwk["kty"].as_string();
  auto key = TRY(adopt(type == "RSA" ? rsa_of_jwk(jwk) : type == "EC" ? ec_of_jwk(jwk) : nullptr, false));
  key.id_ = jwk["kid"].as_string();
  return key;
}

Result<std::string> JwtKey::make_private_pem() {
  std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>> key(EVP_RSA_gen(kRsaBits));
  Bio bio(BIO_new(BIO_s_mem()));
  if (!key || PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) return fail(key_error("make a key"));
  char* data;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

std::string JwtKey::sign(std::string_view input) const {
  check(is_private_);
  Digest digest(EVP_MD_CTX_new());
  size_t size = 0;
  auto bytes = reinterpret_cast<const unsigned char*>(input.data());
  check(EVP_DigestSignInit(digest.get(), nullptr, digest_of(algorithm_), nullptr, key_.get()) == 1 &&
        EVP_DigestSign(digest.get(), nullptr, &size, bytes, input.size()) == 1);
  std::string signature(size, '\0');
  check(EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, input.size()) == 1);
  signature.resize(size);
  if (const Curve* curve = algorithm_[0] == 'E' ? curve_of(key_.get()) : nullptr) return raw_from_der(signature, curve->bytes);
  return signature;
}

bool JwtKey::verify(std::string_view algorithm, std::string_view input, std::string_view signature) const {
  const EVP_MD* hash = digest_of(algorithm);
  bool is_rsa = algorithm_[0] == 'R', is_pss = algorithm.starts_with("PS");
  if (!hash || (is_rsa ? !is_pss && !algorithm.starts_with("RS") : algorithm != algorithm_)) return false;
  std::string der;
  if (!is_rsa) {
    der = der_from_raw(signature, curve_of(key_.get())->bytes);
    if (der.empty()) return false;
    signature = der;
  }
  Digest digest(EVP_MD_CTX_new());
  EVP_PKEY_CTX* context = nullptr;
  bool good = EVP_DigestVerifyInit(digest.get(), &context, hash, nullptr, key_.get()) == 1;
  if (good && is_pss)
    good = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 && EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
  good = good && EVP_DigestVerify(digest.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                  reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
  ERR_clear_error();
  return good;
}

std::string JwtKey::jwk() const {
  std::string json;
  auto number = [&](std::string_view member, const char* parameter, size_t size) {
    append(json, ",\"", member, "\":\"");
    append_base64_url(json, bytes_of(number_of(key_.get(), parameter).get(), size));
    json += '"';
  };
  if (algorithm_[0] == 'R') {
    json = concat("{\"use\":\"sig\",\"kty\":\"RSA\",\"kid\":\"", id_, "\",\"alg\":\"RS256\"");
    number("n", OSSL_PKEY_PARAM_RSA_N, 0);
    number("e", OSSL_PKEY_PARAM_RSA_E, 0);
  } else {
    const Curve& curve = *curve_of(key_.get());
    json = concat("{\"use\":\"sig\",\"kty\":\"EC\",\"kid\":\"", id_, "\",\"crv\":\"", curve.name, "\",\"alg\":\"", algorithm_, "\"");
    number("x", OSSL_PKEY_PARAM_EC_PUB_X, curve.bytes);
    number("y", OSSL_PKEY_PARAM_EC_PUB_Y, curve.bytes);
  }
  return json + "}";
}

bool split_jwt(std::string_view token, JwtParts& parts) {
  if (token.size() > kTokenSizeMax) return false;
  auto pieces = split(token, '.');
  if (pieces.size() != 3) return false;
  if (!decode_base64_url(pieces[0], parts.header) || !decode_base64_url(pieces[1], parts.payload) || !decode_base64_url(pieces[2], parts.signature))
    return false;
  parts.signed_text = token.substr(0, pieces[0].size() + 1 + pieces[1].size());
  Arena arena;
  auto header = schema::parse_json(parts.header, arena, nullptr, {.depth_max = 10});
  if (!header || !header->is_object() || header->has("crit")) return false;  // extensions that must be understood: none are
  parts.algorithm = (*header)["alg"].as_string();
  parts.key_id = (*header)["kid"].as_string();
  return !parts.algorithm.empty();
}

JwtTime check_times(Value claims, int64_t now_seconds) {
  for (std::string_view name : {"nbf", "exp", "iat"})
    if (Value claim = claims[name]; !claim.is_missing() && !claim.is_int() && !claim.is_double()) return JwtTime::Unreadable;
  double now = static_cast<double>(now_seconds), at;
  if (claim_seconds(claims["nbf"], at) && now + kLeeway_s < at) return JwtTime::NotYet;
  if (claim_seconds(claims["exp"], at) && now - kLeeway_s > at) return JwtTime::Expired;
  if (claim_seconds(claims["iat"], at) && now + kLeeway_s < at) return JwtTime::IssuedInFuture;
  return JwtTime::Good;
}

std::vector<std::string> audiences_of(Value claims) {
  std::vector<std::string> audiences;
  Value claim = claims["aud"];
  if (claim.is_string()) audiences.emplace_back(claim.as_string());
  if (claim.is_list())
    for (Value item : claim.items()) audiences.emplace_back(item.as_string());
  return audiences;
}

std::string sign_jwt(const JwtKey& key, std::string_view claims_json) {
  std::string token;
  append_base64_url(token, concat("{\"alg\":\"", key.algorithm(), "\",\"kid\":\"", key.id(), "\"}"));
  token += '.';
  append_base64_url(token, claims_json);
  auto signature = key.sign(token);
  token += '.';
  append_base64_url(token, signature);
  return token;
}

}  // namespace sampan::apiserver
