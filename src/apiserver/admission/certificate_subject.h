// Whom a certificate signing request is for.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sampan::apiserver {

struct CertificateSubject {
  std::string common_name;
  std::vector<std::string> organizations;
};

// Of a request in PEM. Whether it is signed is not looked at.
Result<CertificateSubject> certificate_subject(std::string_view pem);

}  // namespace sampan::apiserver
