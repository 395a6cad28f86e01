#include "scheduler/columns.h"

namespace sampan::scheduler {

void Topology::set(uint32_t slot, const core_v1::Node* node) {
  uint32_t before = values_[slot], now = 0;
  if (auto value = node ? node->metadata().labels().get(key_) : std::nullopt) {
    auto [at, fresh] = ids_.try_emplace(std::string(*value), 0);
    if (fresh) {
      if (free_.empty()) {
        at->second = limit();
        uses_.push_back(0);
        names_.emplace_back();
      } else {
        at->second = free_.back();
        free_.pop_back();
      }
      names_[at->second] = *value;
    }
    now = at->second;
    uses_[now]++;
  }
  values_[slot] = now;
  if (before && --uses_[before] == 0) {
    ids_.erase(names_[before]);
    names_[before].clear();
    free_.push_back(before);
  }
}

bool PodMatcher::matches(std::string_view name_space, const schema::Labels& namespace_labels, const schema::Labels& labels) const {
  bool inside = std::binary_search(namespaces.begin(), namespaces.end(), name_space) ||
                (selects_namespaces && namespace_selector.matches(namespace_labels));
  return inside && selector.matches(labels);
}

}  // namespace sampan::scheduler
