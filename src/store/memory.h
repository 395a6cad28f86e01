// A store that lives and dies with the process: for tests and the simulator. Deterministic: no thread of its own, time
// and timers are handed in.
#pragma once
#include <memory>

#include "base/environment.h"
#include "store/store.h"

namespace sampan::store {

struct MemoryOptions {
  size_t history = 100'000;      // changes kept; older ones are compacted away
  Executor* executor = nullptr;  // runs the ttl timer; without one, keys expire at the next write, range or expire()
};

// expire(now) deletes the keys whose ttl is over.
class MemoryStore : public Store {
 public:
  virtual void expire(int64_t now_us) = 0;
};

std::unique_ptr<MemoryStore> make_memory_store(Clock& clock, MemoryOptions options = {});

}  // namespace sampan::store
