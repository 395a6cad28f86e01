// What Kubernetes looks at after types: literals that could never work.
#pragma once
#include "cel/check.h"

namespace sampan::cel {

// Durations, timestamps and patterns that are written out must be good ones, and the items of a list or map literal of one type.
void check_literals(const Checked& checked, Issues& issues);

}  // namespace sampan::cel
