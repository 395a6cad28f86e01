// The API for components of this very process: the whole chain behind authentication and authorisation, with objects handed over as they are.
#pragma once
#include <memory>

#include "apiserver/server.h"
#include "client/api.h"
#include "client/informer.h"

namespace sampan::apiserver {

std::unique_ptr<client::Api> in_process_api(ApiServer& server, client::Identity identity);
// For client::Informers: the server's own caches.
client::Informers::Open in_process_caches(ApiServer& server);

}  // namespace sampan::apiserver
