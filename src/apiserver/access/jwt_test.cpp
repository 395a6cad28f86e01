#include "apiserver/access/jwt.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

namespace {

std::string ec_pem(const char* curve) {
  EVP_PKEY* key = EVP_EC_gen(curve);
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data;
  long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<size_t>(size));
  BIO_free(bio);
  EVP_PKEY_free(key);
  return pem;
}

std::string rsa_pem() {
  static const std::string pem = *JwtKey::make_private_pem();
  return pem;
}

TEST(Jwt, SignsAndVerifiesWithEveryKindOfKey) {
  for (const auto& [pem, algorithm] : {std::pair<std::string, std::string>{rsa_pem(), "RS256"}, {ec_pem("P-256"), "ES256"}, {ec_pem("P-384"), "ES384"}, {ec_pem("P-521"), "ES512"}}) {
    auto key = JwtKey::read_private(pem);
    ASSERT_TRUE(key) << key.error().message();
    EXPECT_EQ(key->algorithm(), algorithm);
    auto token = sign_jwt(*key, R"({"sub":"jane"})");
    JwtParts parts;
    ASSERT_TRUE(split_jwt(token, parts));
    EXPECT_EQ(parts.algorithm, algorithm);
    EXPECT_EQ(parts.key_id, key->id());
    EXPECT_EQ(parts.payload, R"({"sub":"jane"})");
    EXPECT_TRUE(key->verify(parts.algorithm, parts.signed_text, parts.signature));
    // As whoever reads the published keys sees it.
    Arena arena;
    auto text = key->jwk();
    auto jwk = schema::parse_json(text, arena);
    ASSERT_TRUE(jwk) << text;
    auto published = JwtKey::from_jwk(*jwk);
    ASSERT_TRUE(published) << published.error().message();
    EXPECT_FALSE(published->can_sign());
    EXPECT_EQ(published->id(), key->id());
    EXPECT_TRUE(published->verify(parts.algorithm, parts.signed_text, parts.signature));
    parts.signature[5] = static_cast<char>(parts.signature[5] ^ 1);
    EXPECT_FALSE(key->verify(parts.algorithm, parts.signed_text, parts.signature));
  }
}

TEST(Jwt, AnAlgorithmMustBeOneOfTheKey) {
  auto rsa = *JwtKey::read_private(rsa_pem()), ec = *JwtKey::read_private(ec_pem("P-256"));
  std::string text = "header.payload", rsa_signature = rsa.sign(text), ec_signature = ec.sign(text);
  EXPECT_TRUE(rsa.verify("RS256", text, rsa_signature));
  for (std::string_view algorithm : {"none", "None", "", "HS256", "ES256", "PS256", "RS384", "RS257", "RS256 "})
    EXPECT_FALSE(rsa.verify(algorithm, text, rsa_signature)) << algorithm;
  for (std::string_view algorithm : {"none", "HS256", "RS256", "ES384", "ES512"}) EXPECT_FALSE(ec.verify(algorithm, text, ec_signature)) << algorithm;
  EXPECT_FALSE(rsa.verify("RS256", text, ""));
  EXPECT_FALSE(ec.verify("ES256", text, ""));
  EXPECT_FALSE(ec.verify("ES256", text, std::string(64, '\0')));
  // The public key as the secret of an HMAC.
  unsigned char hmac[32];
  unsigned size = 0;
  auto secret = rsa.jwk();
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(text.data()), text.size(), hmac, &size);
  EXPECT_FALSE(rsa.verify("HS256", text, {reinterpret_cast<char*>(hmac), size}));
}

TEST(Jwt, TakesApartOnlyWhatHasTheForm) {
  JwtParts parts;
  EXPECT_TRUE(split_jwt("eyJhbGciOiJub25lIn0.e30.", parts));  // whether it is signed is the key's business
  for (std::string_view bad : {"", ".", "..", "a.b.c", "eyJhbGciOiJub25lIn0.e30", "eyJhbGciOiJub25lIn0.e30..", "eyJhbGciOiJub25lIn0=.e30.", "e30.e30.",
                               "eyJhbGciOiJSUzI1NiIsImNyaXQiOlsieCJdfQ.e30.", "W10.e30.AA"})
    EXPECT_FALSE(split_jwt(bad, parts)) << bad;
}

TEST(Jwt, TimesHaveAMinuteOfLeeway) {
  struct Case {
    std::string_view claims;
    JwtTime want;
  };
  for (const Case& it : {Case{"{}", JwtTime::Good}, {R"({"exp":941,"nbf":1059,"iat":1060})", JwtTime::Good}, {R"({"exp":939})", JwtTime::Expired},
                         {R"({"nbf":1061})", JwtTime::NotYet}, {R"({"iat":1061})", JwtTime::IssuedInFuture}, {R"({"exp":938.5})", JwtTime::Expired}, {R"({"exp":null})", JwtTime::Good},
                         {R"({"exp":"2000"})", JwtTime::Unreadable}, {R"({"exp":2000,"nbf":[]})", JwtTime::Unreadable}}) {
    Arena arena;
    EXPECT_EQ(check_times(*schema::parse_json(it.claims, arena), 1000), it.want) << it.claims;
  }
}

TEST(Jwt, KeysComeFromPem) {
  auto two = JwtKey::read_pem(rsa_pem() + ec_pem("P-256"));
  ASSERT_TRUE(two);
  EXPECT_EQ(two->size(), 2u);
  for (std::string_view bad : {"", "garbage", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}) EXPECT_FALSE(JwtKey::read_pem(bad)) << bad;
}

}  // namespace

}  // namespace sampan::apiserver
