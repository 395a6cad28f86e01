// What happens to containers, told by the runtime: CRI's own stream or, before containerd 1.7, containerd's.
#pragma once
#include <grpcpp/channel.h>

#include "kubelet/runtime.h"

namespace sampan::kubelet::cri {

// The channel is connected.
Result<std::unique_ptr<RuntimeEvents>> open_events(const std::shared_ptr<grpc::Channel>& channel);

}  // namespace sampan::kubelet::cri
