// The parts of the standard library, an idea a file.
#pragma once
#include "cel/environment.h"

namespace sampan::cel {

void add_arithmetic(Environment& environment);   // + - * / % and the sign
void add_order(Environment& environment);        // < <= > >=
void add_text(Environment& environment);         // contains, startsWith, endsWith, matches
void add_conversions(Environment& environment);  // int(), string(), timestamp() and their like
void add_times(Environment& environment);        // getHours() and its like

}  // namespace sampan::cel
