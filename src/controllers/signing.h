// Certificates for certificate requests: what a request says, and a certificate for it by an authority.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sampan::controllers {

struct RequestFacts {
  std::string common_name;
  std::vector<std::string> organizations;
  size_t dns_names = 0, ip_addresses = 0, emails = 0, uris = 0;
};
Result<RequestFacts> read_certificate_request(std::string_view pem);

// Why a request is none for this signer, in upstream's words; "" if it is. Of signers of others nothing is known: `known` is false.
std::string signer_complaint(std::string_view signer, const RequestFacts& request, const std::vector<std::string>& usages, bool& known);
bool is_node_client(std::string_view signer, const RequestFacts& request, const std::vector<std::string>& usages);

struct Authority {
  std::string certificate_pem, key_pem;
};
// `usages` are those of the certificates API ("digital signature", "client auth" ...). Names and key are the request's.
Result<std::string> sign_certificate(std::string_view request_pem, const std::vector<std::string>& usages, const Authority& authority,
                                     int64_t now_seconds, int64_t seconds);

// Seconds since 1970 at which the first certificate of the text ends; 0 if it has none.
int64_t certificate_end(std::string_view pem);

// A JWS over `content` by HMAC-SHA256, without the content ("header..signature").
std::string detached_signature(std::string_view content, std::string_view key_id, std::string_view secret);

}  // namespace sampan::controllers
