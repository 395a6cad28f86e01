#include <gtest/gtest.h>

#include "base/encoding.h"
#include "store/encryption/encrypted_store.h"
#include "store/encryption/salsa20.h"
#include "store/memory.h"
#include "store/testing.h"

namespace sampan::store {
namespace {

std::string unhex(std::string_view text) {
  std::string out;
  auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (size_t i = 0; i + 1 < text.size(); i += 2) out += static_cast<char>(digit(text[i]) << 4 | digit(text[i + 1]));
  return out;
}

// The example of NaCl's documentation.
const std::string kBoxKey = unhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
const std::string kBoxNonce = unhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
constexpr std::string_view kBoxText =
    "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06d"
    "ceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705";
constexpr std::string_view kBoxSealed =
    "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2"
    "270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74"
    "e355a5";

TEST(Cipher, XSalsa20Stream) {
  EXPECT_EQ(hex(xsalsa20_stream(kBoxKey, kBoxNonce, 32)), "eea6a7251c1e72916d11c2cb214d3c252539121d8e234e652d651fa4c8cff880");
  auto longer = xsalsa20_stream(kBoxKey, kBoxNonce, 200);
  EXPECT_EQ(longer.size(), 200u);
  EXPECT_EQ(longer.substr(0, 100), xsalsa20_stream(kBoxKey, kBoxNonce, 100));
}

TEST(Cipher, SecretboxOpensNaClsExample) {
  auto box = secretbox_cipher(kBoxKey);
  bool stale = false;
  auto plain = (*box)->open(kBoxNonce + unhex(kBoxSealed), "", stale);
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(hex(*plain), kBoxText);
}

TEST(Cipher, AesCbcOpensAKnownText) {
  auto cipher = aes_cbc_cipher(unhex("2b7e151628aed2a6abf7158809cf4f3c"));
  bool stale = false;
  // SP 800-38A F.2.1, first block; its last byte (0x2a) is no padding.
  EXPECT_FALSE((*cipher)->open(unhex("000102030405060708090a0b0c0d0e0f7649abac8119b246cee98e9b12e9197d"), "", stale).has_value());
}

TEST(Cipher, WhatIsSealedOpens) {
  struct {
    std::string_view name;
    Result<std::unique_ptr<Cipher>> cipher;
    bool bound;
  } cases[] = {
      {"cbc 16", aes_cbc_cipher(std::string(16, 'k')), false},   {"cbc 24", aes_cbc_cipher(std::string(24, 'k')), false},
      {"cbc 32", aes_cbc_cipher(std::string(32, 'k')), false},   {"gcm 16", aes_gcm_cipher(std::string(16, 'k')), true},
      {"gcm 32", aes_gcm_cipher(std::string(32, 'k')), true},    {"seeded", seeded_gcm_cipher(std::string(32, 'k')), true},  {"box", secretbox_cipher(std::string(32, 'k')), false},
  };
  for (auto& it : cases) {
    ASSERT_TRUE(it.cipher.has_value()) << it.name;
    const Cipher& cipher = **it.cipher;
    for (size_t size : {0, 1, 15, 16, 17, 31, 32, 33, 1000}) {
      std::string text(size, 'x');
      auto sealed = cipher.seal(text, "/registry/secrets/a/b");
      ASSERT_TRUE(sealed.has_value());
      EXPECT_NE(*sealed, *cipher.seal(text, "/registry/secrets/a/b")) << it.name;  // never twice the same
      bool stale = false;
      auto opened = cipher.open(*sealed, "/registry/secrets/a/b", stale);
      ASSERT_TRUE(opened.has_value()) << it.name << " " << size;
      EXPECT_EQ(*opened, text);
      EXPECT_FALSE(stale);
      EXPECT_EQ(cipher.open(*sealed, "/registry/secrets/a/c", stale).has_value(), !it.bound) << it.name;
      auto broken = *sealed;
      broken.back() = static_cast<char>(broken.back() ^ 1);
      bool told = cipher.open(broken, "/registry/secrets/a/b", stale).has_value();
      EXPECT_FALSE(told && it.name.substr(0, 3) != "cbc") << it.name << " " << size;
      for (size_t cut : {size_t{0}, size_t{5}, size_t{20}}) {
        bool opened_cut = cut < sealed->size() && cipher.open(sealed->substr(0, cut), "/registry/secrets/a/b", stale).has_value();
        EXPECT_FALSE(opened_cut) << it.name;
      }
    }
  }
  EXPECT_FALSE(aes_cbc_cipher("short").has_value());
  EXPECT_FALSE(secretbox_cipher(std::string(16, 'k')).has_value());
}

std::shared_ptr<const Providers> providers(std::vector<std::string_view> names) {
  std::vector<Provider> list;
  for (auto name : names) {
    if (name == "identity") {
      list.push_back({});
      continue;
    }
    std::string secret(32, name.back());
    bool box = name.starts_with("box");
    list.push_back({box ? "k8s:enc:secretbox:v1:" : "k8s:enc:aesgcm:v1:", concat(name, ":"), box ? *secretbox_cipher(secret) : *aes_gcm_cipher(secret),
                    "no matching key"});
  }
  return std::make_shared<const Providers>(std::move(list));
}
std::shared_ptr<const Encryption> secrets_with(std::vector<std::string_view> names) {
  auto encryption = std::make_shared<Encryption>();
  encryption->add("/registry/secrets/", providers(std::move(names)));
  return encryption;
}

TEST(Encryption, TheFirstWritesAllRead) {
  auto old = providers({"gcm1"}), both = providers({"box2", "gcm1", "identity"});
  bool stale = false;
  auto value = old->seal("text", "k");
  EXPECT_TRUE(value->starts_with("k8s:enc:aesgcm:v1:gcm1:"));
  EXPECT_EQ(*both->open(*value, "k", stale), "text");
  EXPECT_TRUE(stale);
  stale = false;
  EXPECT_EQ(*both->open("plain", "k", stale), "plain");
  EXPECT_TRUE(stale);
  stale = false;
  auto next = both->seal("text", "k");
  EXPECT_TRUE(next->starts_with("k8s:enc:secretbox:v1:box2:"));
  EXPECT_EQ(*both->open(*next, "k", stale), "text");
  EXPECT_FALSE(stale);
  EXPECT_EQ(old->open(*next, "k", stale).error().message(), "Internal error occurred: no matching prefix found");
  EXPECT_EQ(providers({"gcm3"})->open(*value, "k", stale).error().message(), "Internal error occurred: no matching key");
  EXPECT_FALSE(providers({"identity"})->open(*value, "k", stale).has_value());
}

class EncryptedStoreTest : public ::testing::Test {
 protected:
  EncryptedStoreTest() {
    auto memory = make_memory_store(clock);
    bare = memory.get();
    store = make_encrypted_store(std::move(memory), secrets_with({"gcm1", "identity"}));
  }
  void put(std::string_view key, std::string_view value) {
    ASSERT_TRUE(store->write({.key = std::string(key), .value = std::string(value)}).has_value());
  }
  static std::string get(Store& from, std::string_view key) {
    auto range = from.range({.start = std::string(key)});
    return range && !range->entries.empty() ? range->entries[0].value : "(none)";
  }
  SetClock clock;
  Store* bare;
  std::unique_ptr<EncryptedStore> store;
};

TEST_F(EncryptedStoreTest, OnlyWhatIsToBe) {
  put("/registry/secrets/a/b", "hidden");
  put("/registry/pods/a/b", "open");
  EXPECT_TRUE(get(*bare, "/registry/secrets/a/b").starts_with("k8s:enc:aesgcm:v1:gcm1:"));
  EXPECT_EQ(get(*bare, "/registry/pods/a/b"), "open");
  EXPECT_EQ(get(*store, "/registry/secrets/a/b"), "hidden");
  // Moved to another place it is worth nothing.
  ASSERT_TRUE(bare->write({.key = "/registry/secrets/a/stolen", .value = get(*bare, "/registry/secrets/a/b")}).has_value());
  EXPECT_TRUE(is_encrypted(get(*store, "/registry/secrets/a/stolen")));
}

TEST_F(EncryptedStoreTest, WatchesSeeThrough) {
  auto sink = std::make_shared<Recorder>();
  auto watch = store->watch("/registry/secrets/", "/registry/secrets0", 0, sink);
  ASSERT_TRUE(watch.has_value());
  put("/registry/secrets/a", "1");
  put("/registry/secrets/a", "2");
  ASSERT_TRUE(store->write({.key = "/registry/secrets/a"}).has_value());
  EXPECT_EQ(sink->lines(3), (std::vector<std::string>{"+2 /registry/secrets/a=1", "~3 /registry/secrets/a=2 was 1", "-4 /registry/secrets/a was 2"}));
  auto lost = store->write({.key = "/registry/secrets/b", .value = "1", .expected = 0});
  lost = store->write({.key = "/registry/secrets/b", .value = "2", .expected = 0});
  ASSERT_TRUE(lost.has_value() && lost->previous);
  EXPECT_EQ(lost->previous->value, "1");
}

TEST_F(EncryptedStoreTest, KeysRotate) {
  put("/registry/secrets/a", "text");
  EXPECT_FALSE(*store->is_stale("/registry/secrets/a"));
  EXPECT_FALSE(*store->is_stale("/registry/secrets/none"));
  store->use(secrets_with({"box2", "gcm1"}));
  EXPECT_EQ(get(*store, "/registry/secrets/a"), "text");
  EXPECT_TRUE(*store->is_stale("/registry/secrets/a"));
  put("/registry/secrets/a", "text");
  EXPECT_FALSE(*store->is_stale("/registry/secrets/a"));
  store->use(secrets_with({"box2"}));
  EXPECT_EQ(get(*store, "/registry/secrets/a"), "text");
}

}  // namespace
}  // namespace sampan::store
