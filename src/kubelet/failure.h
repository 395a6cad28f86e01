// An error in the agent's own words: it is shown as it is, in events and in the status of containers.
#pragma once
#include "base/status.h"

namespace sampan::kubelet {

inline Error failure(std::string message) { return Error(Reason::InternalError, std::move(message)); }

}  // namespace sampan::kubelet
