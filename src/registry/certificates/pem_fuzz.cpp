// Requests and certificates come from clients.
#include "registry/certificates/pem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)sampan::registry::certificate_request_complaint(text);
  (void)sampan::registry::certificates_complaint(text);
  return 0;
}
