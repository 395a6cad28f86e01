// --v and --logging-format, of every command that stays.
#pragma once
#include "cmd/flags.h"

namespace sampan::cmd {

Result<void> set_up_log(const FlagSet& flags);

}  // namespace sampan::cmd
