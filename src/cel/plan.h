// Upstream makes a program of a checked expression before it evaluates it, and works out what is constant in it. An expression whose constants fail is
// refused there ("program instantiation failed: ..."): int('x') is a mistake of whoever wrote it, not of the object that it is evaluated for.
#pragma once
#include "cel/check.h"

namespace sampan::cel {

std::optional<Failure> planning_failure(const Checked& checked);

}  // namespace sampan::cel
