// Bearer tokens of secrets of type bootstrap.kubernetes.io/token.
#pragma once
#include "apiserver/catalog.h"
#include "apiserver/identity.h"
#include "base/environment.h"

namespace sampan::apiserver {

std::unique_ptr<TokenAuthenticator> bootstrap_token_authenticator(Catalog& catalog, Clock& clock);

}  // namespace sampan::apiserver
