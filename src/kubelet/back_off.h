// How long to wait before something that failed is tried again: 10 s, doubling up to 5 minutes, from the start again after a long peace.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace sampan::kubelet {

class BackOff {
 public:
  BackOff(int64_t first_us, int64_t max_us) : first_us_(first_us), max_us_(max_us) {}

  // Until when to wait, if something ended at `ended_us`; 0 or in the past: no longer.
  int64_t until(const std::string& key, int64_t ended_us) const;
  int64_t delay(const std::string& key) const;  // 0: none
  // It is tried once more. `event_us`: when it last ended or failed.
  void next(const std::string& key, int64_t now_us, int64_t event_us);
  void forget(const std::string& key);
  void forget_all_of(const std::string& prefix);

 private:
  struct Entry {
    int64_t delay_us = 0, updated_us = 0;
  };
  const int64_t first_us_, max_us_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
};

}  // namespace sampan::kubelet
