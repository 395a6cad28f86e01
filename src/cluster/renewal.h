// Certificates that are there: what they say, and new ones in their place before they end. A folder's certificates are its files NAME.crt with a
// NAME.key beside them; those that its authority (ca.crt, ca.key) signed can be renewed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "cluster/certificates.h"

namespace sampan::cluster {

struct CertificateFacts {
  CertificateRequest request;  // what would make the same again
  std::string subject, signer;  // common names
  int64_t begins_s = 0, ends_s = 0;  // since 1970
  bool is_authority() const { return request.usage == Usage::Authority; }
  // Two thirds of its life are over.
  bool is_due(int64_t now_s) const { return now_s >= begins_s + (ends_s - begins_s) / 3 * 2; }
};
Result<CertificateFacts> read_certificate(std::string_view pem);

struct CertificateFile {
  std::string name;  // "apiserver"
  std::string certificate_file, key_file;
  CertificateFacts facts;
};
// By name. What cannot be read is left out.
std::vector<CertificateFile> certificates_in(const std::string& folder);

struct Renewal {
  std::vector<std::string> names;        // of certificates; empty: all
  bool only_due = false;                 // whose time has come
  std::vector<std::string> kubeconfigs;  // that may have the old ones in them, besides NAME.kubeconfig
};
// Who is renewed has a new key, the same subject, names and purpose. Gives the names of those that were. A program that serves with the files takes
// the new ones for its next connection.
Result<std::vector<std::string>> renew_certificates(const std::string& folder, const Renewal& renewal, int64_t now_s);

}  // namespace sampan::cluster
