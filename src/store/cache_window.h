// What all readers of a cache share: the newest state and the last events before it. Everything here is a short step under one mutex;
// what takes longer (decoding, building the next tree) is done before, by the one writer.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

#include "store/cache.h"
#include "store/persistent_map.h"

namespace sampan::store {

// One revision of the resource: its objects by key, and again by index value + '\0' + key.
struct CacheState {
  persistent_map::Root objects, index;
  Revision revision = 0;

  Snapshot snapshot() const { return Snapshot(objects, revision); }
};

// A reader that waits for the next event.
class Sleeper {
 public:
  void call();                               // nothing once closed
  void set(std::function<void()> wake);
  void close() { set(nullptr); }             // waits for a call that is running in another thread
  bool asleep() const { return asleep_.load(std::memory_order_acquire); }

 private:
  friend class Window;
  std::recursive_mutex mutex_;  // recursive: a wake may destroy its stream
  std::shared_ptr<const std::function<void()>> wake_;  // by mutex_; shared, because to copy a function is to copy what it holds
  size_t place_ = kAwake;       // in Window::sleeping_, by its mutex
  std::atomic<bool> asleep_ = false;  // it has a place, for who does not hold the mutex
  static constexpr size_t kAwake = ~size_t{0};
};

class Window {
 public:
  using Events = std::vector<Ref<Event>>;

  Window(CacheOptions options, Clock& clock) : options_(options), clock_(clock) {}

  CacheState state() const;
  Snapshot snapshot() const;
  Revision start() const;  // events after this one are here
  Cache::Counts counts() const;

  // A state that no events lead to: the first one, or one of a store that has gone back in time. Streams that are there expire.
  void begin(CacheState state);
  // The next one, and what has changed since the last, in revision order. `exact` false: states between are not known (a reload).
  void publish(CacheState state, Events events, bool exact = true);
  // Nothing has happened up to `revision`.
  void progress(Revision revision);
  // What happened after `from` and before the window, which began at `start`. False if it begins elsewhere by now, or there is no room.
  bool extend_back(Revision from, Revision start, Events events);
  // Nobody writes any more: streams end with an error, and the source is not asked again.
  void close();

  // Where to ask how far the store is (0: unknown), for a resource that is quiet while others change.
  void set_source(std::function<Revision()> source);
  void refresh();

  // Waits until the state is at least of `revision`, up to `timeout_us`.
  bool wait(Revision revision, int64_t timeout_us);
  // The state at an older revision, by undoing what came after. False if the window does not reach so far.
  bool state_at(Revision revision, Snapshot& out);
  void remember(const Snapshot& old);  // one that was read from the store's history

  // Positions count events; they go on when events fall out. Expired if the window begins after `revision`.
  Result<uint64_t> position_after(Revision revision) const;
  uint64_t position_at_end(CacheState& state) const;

  struct Step {
    Ref<Event> event;
    Revision given = 0;  // everything up to here has been given with this step
    bool expired = false, closed = false;
    Revision start = 0;
  };
  // The event at `position`. If there is none yet, `sleeper` is called when there is.
  Step read(uint64_t position, const std::shared_ptr<Sleeper>& sleeper);
  // As read(), for who goes on behind the event: if it is the last, `sleeper` is called for the next one already. A thousand watches that
  // take one event visit the mutex once each.
  Step take(uint64_t position, const std::shared_ptr<Sleeper>& sleeper);
  void awake(Sleeper& sleeper);  // takes it out again

 private:
  struct Entry {
    Ref<Event> event;
    int64_t at_us;  // when it came, monotonic
  };
  // With mutex_ held.
  Step step_at(uint64_t position) const;
  void fall_asleep(const std::shared_ptr<Sleeper>& sleeper);
  void trim(std::vector<Entry>& dropped);
  void take_sleeping(std::vector<std::shared_ptr<Sleeper>>& out);
  uint64_t end() const { return first_ + ring_.size(); }

  const CacheOptions options_;
  Clock& clock_;
  std::mutex source_mutex_;  // never waited for with mutex_ held
  std::function<Revision()> source_;
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  unsigned waiters_ = 0;
  CacheState state_;
  std::deque<Entry> ring_;
  uint64_t first_ = uint64_t{1} << 40;  // the position of ring_[0]; extend_back() counts down
  Revision start_ = 0;
  Revision exact_from_ = 0;  // older states cannot be had by undoing
  uint64_t events_total_ = 0;
  bool closed_ = false;
  std::vector<std::shared_ptr<Sleeper>> sleeping_;
  std::deque<Snapshot> old_;  // lately rebuilt: the pages of one list ask for the same revision again
};

// An object that says another revision.
ObjectRef with_revision(const Object& object, Revision revision);

}  // namespace sampan::store
