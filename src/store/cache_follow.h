// How a cache follows the store: loads the resource, applies each change to the newest state, and begins again where the watch ends
// without losing or repeating an event. This is the only writer of the window.
#pragma once
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/cache_window.h"

namespace sampan::store {

class Follower final : public WatchSink, public std::enable_shared_from_this<Follower> {
 public:
  Follower(Store& store, CachedResource resource, CacheOptions options, Clock& clock, std::shared_ptr<Window> window);

  Result<void> start();  // loads and watches
  void stop();           // no call to the store comes after; for good

  // The resource as it was, from the store's history (0: as it is now).
  Result<Snapshot> read(Revision revision);
  // Takes what happened after `revision` from the store's history into the window, if the store is in this process: so clients
  // that knew the server before its restart go on watching. False if that cannot be done.
  bool extend_back(Revision revision);

  void on_changes(std::span<const Change> changes) override;
  void on_progress(Revision revision) override;
  void on_end(Error error) override;

 private:
  struct Item {
    std::string key;
    ObjectRef object;
    Revision created = 0;
  };
  struct Loaded {
    std::vector<Item> items;  // by key
    Revision revision = 0;
  };

  // What cannot be read is an error to a server that starts, and left out (with a word in the log) by one that runs.
  enum class Unreadable : uint8_t { Error, LeaveOut };
  Result<Loaded> load(Revision revision, Unreadable unreadable);
  CacheState state_of(const Loaded& loaded) const;
  Result<void> reload();
  Result<void> resume();
  Result<void> watch_from(Revision revision);
  void recover();

  Result<ObjectRef> object_of(const Change& change) const;
  void apply(CacheState& state, const Change& change, Window::Events& events) const;
  void put(CacheState& state, std::string_view key, const ObjectRef& object, const ObjectRef& previous) const;
  void remove(CacheState& state, std::string_view key, const Object& previous) const;

  Store& store_;
  const CachedResource resource_;
  const CacheOptions options_;
  const std::string end_;  // of the key range
  Clock& clock_;
  const std::shared_ptr<Window> window_;

  std::mutex history_mutex_;  // one extend_back() at a time; taken before the window's
  std::mutex apply_mutex_;  // one change after the other
  Revision seen_ = 0;       // by apply_mutex_: all changes up to here have been applied

  std::mutex mutex_;  // guards what follows; not held while the store is called
  std::condition_variable stop_;
  std::unique_ptr<Watch> watch_;
  std::optional<Error> ended_;  // why the watch ended, until somebody cares
  bool recovering_ = true;      // somebody (start() or recover()) sees to it that there is a watch
  bool stopping_ = false;
  int64_t backoff_us_ = 0, connected_us_ = 0;
  std::thread thread_;  // runs recover(); only while the store is away
  std::atomic<bool> connected_{false};
};

}  // namespace sampan::store
