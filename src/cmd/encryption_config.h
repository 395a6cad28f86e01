// --encryption-provider-config: which resources are encrypted in the store, and how.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "store/encryption/encrypted_store.h"

namespace sampan::cmd {

// An EncryptionConfiguration of apiserver.config.k8s.io/v1.
Result<std::shared_ptr<const store::Encryption>> parse_encryption_config(std::string_view yaml);
Result<std::shared_ptr<const store::Encryption>> load_encryption_config(const std::string& path);

// Reads the file again when its text changes, and hands what it says to the store. A file that is not good is told in the log, and what was before
// goes on.
class EncryptionReload {
 public:
  virtual ~EncryptionReload() = default;
};
std::unique_ptr<EncryptionReload> reload_encryption_config(std::string path, store::EncryptedStore& store);

}  // namespace sampan::cmd
