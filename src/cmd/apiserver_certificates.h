// The certificates of `sampan apiserver`: those that are given, and ours for the rest.
#pragma once
#include "cmd/apiserver_options.h"

namespace sampan::cmd {

// The credential for kubelets that is made with our own CA: this name in cert_dir, with .crt and .key.
constexpr std::string_view kKubeletClientName = "apiserver-kubelet-client";

// Makes what is missing, and the admin's credential and kubeconfig where clients are known by our own CA. Gives the files to serve with.
Result<net::TlsOptions> prepare_certificates(const ApiserverOptions& options);

}  // namespace sampan::cmd
