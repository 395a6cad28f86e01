// The watch cache: every object of one resource in memory, at every revision of a window. Reads are of an immutable snapshot and take no
// lock that a writer holds for long; watches are cursors into one shared window of events.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/environment.h"
#include "base/status.h"
#include "schema/object.h"
#include "store/store.h"

namespace sampan::store {

using schema::Object;
using schema::ObjectRef;

// One resource as the store keeps it. `decode` and `encode` translate values (the registry gives protobuf or JSON).
struct CachedResource {
  std::string prefix;       // "/registry/pods/"
  bool namespaced = true;   // keys are prefix + namespace "/" name, or prefix + name
  std::function<Result<ObjectRef>(std::string_view value)> decode;
  // An extra index: objects by the text this gives ("" = not indexed); pods by node name.
  std::function<std::string_view(const Object&)> index;
};

// An immutable, structurally shared, ordered map from key (after the prefix: "default/web" or "web") to object, with what it was at one revision.
class Snapshot {
 public:
  Snapshot() = default;
  Snapshot(Ref<Shared> root, Revision revision) : root_(std::move(root)), revision_(revision) {}
  Revision revision() const { return revision_; }
  size_t size() const;
  ObjectRef find(std::string_view key) const;
  // In key order from the first key >= `from`, while `visit` gives true and keys start with `prefix`.
  void each(std::string_view prefix, std::string_view from, const std::function<bool(std::string_view key, const ObjectRef&)>& visit) const;
  size_t count(std::string_view prefix, std::string_view from) const;  // logarithmic

 private:
  friend class Cache;
  Ref<Shared> root_;  // see persistent_map.h
  Revision revision_ = 0;
};

// A change of one object. Encoded forms are kept here, so that a thousand watchers cost one encoding.
class Event final : public Shared {
 public:
  enum class Type : uint8_t { Added, Modified, Deleted };
  Type type = Type::Added;
  Revision revision = 0;
  std::string key;      // as in Snapshot
  ObjectRef object;     // the new state; of a delete the last state, at the delete's revision
  ObjectRef previous;   // null for Added

  // The encoding under `slot` (a small number that the caller assigns to each form), made by `make` on first use; it lives as long as the
  // event. Thread-safe.
  const std::string& encoded(unsigned slot, const std::function<std::string()>& make) const;
  static constexpr unsigned kEncodings = 6;
  ~Event() override;

 private:
  // Set once, never changed: readers take no lock.
  mutable std::atomic<const std::string*> encoded_[kEncodings] = {};
};

class Cache;

// A cursor over the events after a revision. Not for use by two threads at once; the wake callback comes from any thread.
class EventStream {
 public:
  ~EventStream();
  // The next event, or null: there is none now (`at_end` false), or never again: the stream fell out of the window or the store broke (`error`).
  Ref<Event> next();
  const Error* error() const;       // Expired ("too old resource version: 5 (100)") and such
  Revision revision() const;        // everything up to here has been given, also where no event was of it: for bookmarks
  // `wake` is called when there may be something new after next() gave the last event or null: once, until it does so again. It must be quick (post, do not
  // work) and must not wait for a thread that uses or destroys this stream; it does not run once the destructor has returned.
  void on_wake(std::function<void()> wake);

 private:
  friend class Cache;
  struct Impl;
  explicit EventStream(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct CacheOptions {
  // The window keeps what is younger than its age, but never fewer events than the minimum nor more than the maximum.
  size_t window_events_min = 100, window_events_max = 100 * 1024;  // as upstream: who was away for a minute of full load goes on
  int64_t window_age_us = 75 * 1'000'000ll;
  size_t page = 1000;  // entries that a load reads at once
};

class Cache {
 public:
  // Loads everything and follows the store, which must outlive the cache. Blocks until loaded.
  static Result<std::unique_ptr<Cache>> open(Store& store, CachedResource resource, Clock& clock, CacheOptions options = {});
  ~Cache();

  Snapshot snapshot() const;                     // the newest; never blocks
  // As new as the store is now (a linearizable read). For an embedded store that is snapshot().
  Result<Snapshot> fresh();
  // At least as new as `revision`: waits up to `timeout_us`, then Reason::Timeout "Too large resource version: 5, current: 3" with upstream's cause and retryAfterSeconds 1.
  Result<Snapshot> at_least(Revision revision, int64_t timeout_us = 3'000'000);
  // Exactly at `revision`, from the window or else from the store's history; Expired where that is compacted.
  Result<Snapshot> at(Revision revision);
  // Objects of the newest snapshot under an index value, in key order; only those with keys under `prefix`. `revision` gets the snapshot's.
  std::vector<ObjectRef> indexed(std::string_view value, std::string_view prefix = {}, Revision* revision = nullptr) const;

  // Events after `revision`. Expired if it is older than the window ("too old resource version: A (B)"). A revision beyond the newest waits for it.
  Result<std::unique_ptr<EventStream>> events(Revision revision);
  // The newest snapshot and the events after it, with nothing between.
  std::pair<Snapshot, std::unique_ptr<EventStream>> snapshot_and_events();

  struct Counts {
    size_t objects, window_events;
    uint64_t events_total;
  };
  Counts counts() const;

 private:
  struct Impl;
  explicit Cache(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sampan::store
