// "%s is %d".format([name, 3]).
#pragma once
#include "cel/environment.h"

namespace sampan::cel::library {

Maybe<Value> format_text(std::span<const Value> arguments);

}  // namespace sampan::cel::library
