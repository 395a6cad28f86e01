// Several complaints told as one, as Go's aggregated errors do.
#pragma once
#include <string>
#include <vector>

namespace sampan {

// Each once, and more than one as "[a, b]"; "" of none.
std::string aggregated(const std::vector<std::string>& complaints);

}  // namespace sampan
