// What a container said when it ended: the file it may write, or the end of its log.
#pragma once
#include "kubelet/containers.h"

namespace sampan::kubelet {

// Puts it into the message of containers that have ended, as each container's annotations say.
void add_termination_message(Container& container);
// The last lines of a log in CRI's format, without their stamps; at most 80 lines and 2 KB.
std::string end_of_log(const std::string& path);

}  // namespace sampan::kubelet
