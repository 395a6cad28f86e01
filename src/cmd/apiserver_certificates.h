// The certificates of `sampan apiserver`: those that are given, and ours for the rest.
#pragma once
#include "cmd/apiserver_options.h"

namespace sampan::cmd {

// Makes what is missing, and the admin's credential and kubeconfig where clients are known by our own CA. Gives the files to serve with.
Result<net::TlsOptions> prepare_certificates(const ApiserverOptions& options);

}  // namespace sampan::cmd
