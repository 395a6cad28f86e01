// The difference of two texts as a unified diff, hunks only, with three lines of context.
#pragma once
#include <string>
#include <string_view>

namespace sampan::registry {

// Finds the same matches as Python's difflib (and so upstream): the longest run of equal lines first, lines that are repeated very often in
// long texts not counting as a start of one.
std::string line_diff(std::string_view before, std::string_view after);

}  // namespace sampan::registry
