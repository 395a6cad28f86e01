// How many watch what: a change is told to each of them, and counts accordingly.
#pragma once
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include "apiserver/context.h"

namespace sampan::apiserver::fairness {

class WatchCounts {
 public:
  // Counts for as long as it lives; the counts outlive it.
  class Watcher {
   public:
    Watcher() = default;
    Watcher(Watcher&& other) noexcept : counts_(std::exchange(other.counts_, nullptr)), key_(std::move(other.key_)) {}
    Watcher& operator=(Watcher&&) = delete;
    ~Watcher();

   private:
    friend class WatchCounts;
    WatchCounts* counts_ = nullptr;
    std::string key_;
  };

  Watcher watch(const Context& context);
  // Those who watch all of the kind, its namespace, or the very object.
  int64_t interested(const RequestInfo& info);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, int64_t> counts_;
};

}  // namespace sampan::apiserver::fairness
