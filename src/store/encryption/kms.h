// Values encrypted with keys that a plug-in of the machine keeps (KMS v2). The plug-in sees none of them: it encrypts the seed that their keys are
// derived from, and what it made of the seed is stored with each value.
#pragma once
#include <memory>
#include <string>

#include "store/encryption/cipher.h"

namespace sampan::store {

struct KmsOptions {
  std::string name;
  std::string socket;  // a path
  int64_t timeout_us = 3'000'000;
  int64_t well_kept_us = 20'000'000, ill_kept_us = 3'000'000;  // how long an answer about its health is good enough
};

class Kms : public Cipher {
 public:
  // Whether the plug-in answered well when it was asked last. Never waits; an old answer makes somebody ask anew.
  virtual Result<void> check() = 0;
};
// Asks the plug-in at once, and from then on again and again.
std::shared_ptr<Kms> open_kms(const KmsOptions& options);

}  // namespace sampan::store
