// A store that keeps values encrypted in another one. What encrypts a value goes by the beginning of its key.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/encryption/cipher.h"
#include "store/store.h"

namespace sampan::store {

// Ways to keep a value, told apart by what it begins with. The first one writes, all of them read.
struct Provider {
  std::string family;               // "k8s:enc:aescbc:v1:"; "" of identity, which leaves values as they are
  std::string key_name;             // "key1:"; "" where the family has no names
  std::shared_ptr<const Cipher> cipher;  // null: identity
  std::string_view unknown_key = {};     // the complaint where no name of the family fits
};

class Providers {
 public:
  explicit Providers(std::vector<Provider> list) : list_(std::move(list)) {}
  Result<std::string> seal(std::string_view plain, std::string_view key) const;
  // `stale`: another than the first reads it, or that one would write it otherwise.
  Result<std::string> open(std::string_view value, std::string_view key, bool& stale) const;

 private:
  std::vector<Provider> list_;
};

// By prefixes of keys. What none of them covers is kept as it is.
class Encryption {
 public:
  void add(std::string prefix, std::shared_ptr<const Providers> providers);
  const Providers& of(std::string_view key) const;
  // Whether those who are needed besides us are well.
  void add_check(std::function<Result<void>()> check) { checks_.push_back(std::move(check)); }
  bool has_checks() const { return !checks_.empty(); }
  Result<void> check() const;

 private:
  std::vector<std::function<Result<void>()>> checks_;
  std::vector<std::pair<std::string, std::shared_ptr<const Providers>>> by_prefix_;
};

class EncryptedStore : public Store {
 public:
  virtual void use(std::shared_ptr<const Encryption> encryption) = 0;  // from now on
  virtual Result<void> check() = 0;                                    // of what is used now
};
std::unique_ptr<EncryptedStore> make_encrypted_store(std::unique_ptr<Store> inner, std::shared_ptr<const Encryption> encryption);

bool is_encrypted(std::string_view value);

}  // namespace sampan::store
