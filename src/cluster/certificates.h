// Keys and certificates: made on first start, so that nothing ever listens without TLS.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"

namespace sampan::cluster {

struct KeyPair {
  std::string certificate_pem, key_pem;
};

enum class Usage : uint8_t { Authority, Server, Client };

struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> organizations;
  Usage usage = Usage::Server;
  std::vector<std::string> dns_names, ip_addresses;
  int days = 365;
};

// ECDSA P-256. `authority` null: self-signed.
Result<KeyPair> make_certificate(const CertificateRequest& request, const KeyPair* authority);

// For an authority elsewhere: a key, and what it is to sign.
struct SigningRequest {
  std::string key_pem, request_pem;
};
Result<SigningRequest> make_signing_request(const std::string& common_name, const std::vector<std::string>& organizations);

// Seconds since 1970 between which the first certificate of the text is good.
struct Validity {
  int64_t from = 0, until = 0;
};
Result<Validity> validity_of(const std::string& certificate_pem);
Result<std::string> common_name_of(const std::string& certificate_pem);
// "sha256:" and the hash of the first certificate's public key: how kubeadm pins an authority.
Result<std::string> public_key_hash(const std::string& certificate_pem);
bool belong_together(const std::string& certificate_pem, const std::string& key_pem);

// Files. Keys are written with 0600, through a temporary name, so that a half-written one is never read.
// With all above it. `mode` is the last one's; those above are open to look through.
Result<void> make_directory(const std::string& path, unsigned mode);
Result<void> write_file(const std::string& path, std::string_view content, unsigned mode);
Result<std::string> read_file(const std::string& path);
Result<KeyPair> load_or_make(const std::string& certificate_file, const std::string& key_file, const CertificateRequest& request,
                             const KeyPair* authority);

// A kubeconfig for one user, with everything in it.
std::string kubeconfig(std::string_view cluster_name, std::string_view server_url, std::string_view authority_pem,
                       std::string_view user_name, const KeyPair& client);

}  // namespace sampan::cluster
