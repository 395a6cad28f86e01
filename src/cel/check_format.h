// "%d".format([x]) with a format and a list that are written out: is every clause for a value of its type?
#pragma once
#include "cel/check.h"

namespace sampan::cel {

void check_format(const Checked& checked, const Node& call, Issues& issues);

}  // namespace sampan::cel
