// PEM blocks, found as Go's encoding/pem finds them: what stands around the blocks does not matter.
#pragma once
#include <string>
#include <string_view>

namespace sampan::registry {

struct PemBlock {
  std::string type;   // "CERTIFICATE REQUEST"
  std::string bytes;  // decoded
  bool has_headers = false;
};

// The next good block of `rest`, which is left behind it; false if there is none.
bool next_pem_block(std::string_view& rest, PemBlock& out);

// Why a text is no certificate request that is signed by its own key, or no list of certificates; "" if it is.
std::string certificate_request_complaint(std::string_view pem);
std::string certificates_complaint(std::string_view pem);

}  // namespace sampan::registry
