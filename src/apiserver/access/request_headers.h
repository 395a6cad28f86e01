// Front proxies: who shows a certificate of theirs may say in headers who the user is.
#pragma once
#include "apiserver/identity.h"

namespace sampan::apiserver {

struct RequestHeaderConfig {
  std::vector<std::string> allowed_names;  // common names of proxies; empty: all that their authority signs
  std::vector<std::string> username_headers, uid_headers, group_headers, extra_prefixes;
};

std::unique_ptr<Authenticator> request_header_authenticator(RequestHeaderConfig config);

}  // namespace sampan::apiserver
