// The flags of auditing.
#pragma once
#include "apiserver/audit/trail.h"
#include "cmd/flags.h"

namespace sampan::cmd {

// Reads the policy and the webhook's kubeconfig, too.
Result<apiserver::AuditConfig> audit_options(const FlagSet& flags);

}  // namespace sampan::cmd
