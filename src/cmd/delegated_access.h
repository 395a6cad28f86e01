// Who may ask a node what, as the API server says: clients by their certificates, or by tokens that the API server is asked about; then whether it
// allows them nodes/SUBRESOURCE. Answers are kept for a while.
#pragma once
#include <memory>
#include <string>

#include "base/environment.h"
#include "client/api.h"
#include "kubelet/server/server.h"

namespace sampan::cmd {

struct DelegatedAccessOptions {
  std::string node_name;
  bool anonymous = false;     // who has no credentials is system:anonymous
  bool tokens = true;         // the API server is asked about tokens
  bool always_allow = false;  // whoever is known may do anything
  int64_t token_keep_us = 120'000'000, allowed_keep_us = 300'000'000, denied_keep_us = 30'000'000;
};

// `api` may make token and access reviews and outlives this.
std::unique_ptr<kubelet::NodeAccess> delegated_access(client::Api& api, Clock& clock, DelegatedAccessOptions options);

}  // namespace sampan::cmd
