// Impersonation: a request may say that it is another's, if who makes it may do that.
#pragma once
#include "apiserver/access/access.h"

namespace sampan::apiserver {

struct Impersonation {
  bool took_place = false;
  std::string constraint;  // the verb that allowed it, if it was not "impersonate" itself
};

// Becomes the user that the Impersonate-* headers name, which are taken out of the request. Without them nothing changes.
Result<Impersonation> impersonate(Access& access, net::Request& request, const RequestInfo& info, User& user);

}  // namespace sampan::apiserver
