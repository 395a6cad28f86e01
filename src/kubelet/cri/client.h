// The runtime behind a CRI v1 socket (containerd, CRI-O).
#pragma once
#include <memory>

#include "kubelet/runtime.h"

namespace sampan::kubelet {

struct CriOptions {
  std::string endpoint = "unix:///run/containerd/containerd.sock";
  std::string image_endpoint;         // "" = the same
  int64_t timeout_ms = 120'000;       // of a call; making a sandbox may take twice as long
  int64_t connect_timeout_ms = 5'000;  // how long a call waits for a runtime that is not there
};

// Needs no runtime to be there yet. That it speaks CRI v1 is found out by version().
Result<std::unique_ptr<Runtime>> connect_cri(const CriOptions& options);

// Without "rpc error: code = X desc = ", as the state of a container shows it.
std::string_view description_of(const Error& error);

}  // namespace sampan::kubelet
