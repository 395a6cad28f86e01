// The flags of `sampan apiserver`, which are kube-apiserver's.
#pragma once
#include "cmd/flags.h"

namespace sampan::cmd {

std::span<const Flag> apiserver_flags();

}  // namespace sampan::cmd
