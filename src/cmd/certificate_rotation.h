// Renews a server's own certificates while it runs. Whoever serves or calls with the files takes the new ones by himself.
#pragma once
#include <memory>
#include <string>
#include <vector>

namespace sampan::cmd {

class CertificateRotation {
 public:
  // `kubeconfigs`: copies of the administrator's credential that are kept up to date.
  static std::unique_ptr<CertificateRotation> start(std::string folder, std::vector<std::string> kubeconfigs);
  virtual ~CertificateRotation() = default;
};

}  // namespace sampan::cmd
