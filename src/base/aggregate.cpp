#include "base/aggregate.h"

#include "base/text.h"

namespace sampan {

std::string aggregated(const std::vector<std::string>& complaints) {
  std::vector<std::string> once;
  for (const auto& complaint : complaints)
    if (std::find(once.begin(), once.end(), complaint) == once.end()) once.push_back(complaint);
  if (once.empty()) return {};
  return once.size() == 1 ? std::move(once[0]) : concat("[", join(once, ", "), "]");
}

}  // namespace sampan
