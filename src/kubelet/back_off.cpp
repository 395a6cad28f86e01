// See back_off.h.
#include "kubelet/back_off.h"

#include <algorithm>

namespace sampan::kubelet {

int64_t BackOff::until(const std::string& key, int64_t ended_us) const {
  std::lock_guard lock(mutex_);
  auto at = entries_.find(key);
  if (at == entries_.end() || ended_us - at->second.updated_us > 2 * max_us_) return 0;  // it has run well for long
  return ended_us + at->second.delay_us;
}

int64_t BackOff::delay(const std::string& key) const {
  std::lock_guard lock(mutex_);
  auto at = entries_.find(key);
  return at == entries_.end() ? 0 : at->second.delay_us;
}

void BackOff::next(const std::string& key, int64_t now_us, int64_t event_us) {
  std::lock_guard lock(mutex_);
  auto& entry = entries_[key];
  bool peace = entry.delay_us == 0 || event_us - entry.updated_us > 2 * max_us_;
  entry.delay_us = peace ? first_us_ : std::min(2 * entry.delay_us, max_us_);
  entry.updated_us = now_us;
}

void BackOff::forget(const std::string& key) {
  std::lock_guard lock(mutex_);
  entries_.erase(key);
}

void BackOff::forget_all_of(const std::string& prefix) {
  std::lock_guard lock(mutex_);
  for (auto at = entries_.lower_bound(prefix); at != entries_.end() && at->first.starts_with(prefix);) at = entries_.erase(at);
}

}  // namespace sampan::kubelet
