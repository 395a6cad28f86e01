// A part of a volume, held so that what a container does to the volume meanwhile cannot lead the mount elsewhere: it is opened beneath the
// volume's root, and what was opened is bind-mounted to a place of the agent's own. Volumes::unmount() takes those mounts away.
#pragma once
#include <string>

#include "kubelet/failure.h"

namespace sampan::kubelet {

// `sub_path` is relative and has no "..". What is missing is made as folders with the volume's own mode. Returns `target`, which is then a mount of it.
Result<std::string> hold_sub_path(const std::string& volume, std::string_view sub_path, const std::string& target);

}  // namespace sampan::kubelet
