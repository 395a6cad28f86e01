// etcd's model, whatever keeps the bytes: every write has a revision of its own, a write may demand the revision it replaces,
// history can be read and watched until it is compacted. Backends: memory, SQLite, etcd v3.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared.h"
#include "base/status.h"

namespace sampan::store {

using Revision = int64_t;  // the first write of an empty store gets 2, as in etcd (whose empty store is at 1)

struct Entry {
  std::string key;
  std::string value;
  Revision created = 0;   // revision of the write that made the key
  Revision modified = 0;  // revision of the last write
};

// On disk before it is answered, or kept in memory and flushed within seconds (leases and events: losing the last few after a
// power cut is harmless, waking the disk for each is not).
enum class Durability : uint8_t { Full, Relaxed };

struct Write {
  std::string key;
  std::optional<std::string> value;   // empty: delete
  std::optional<Revision> expected;   // the key's `modified` must be this; 0: the key must not exist; empty: no condition
  int64_t ttl_seconds = 0;            // >0: the key is deleted by itself after that time
  Durability durability = Durability::Full;
  // In-process readers get this with the change, so that they need not decode the value (the API's object, usually).
  Ref<Shared> attachment;
};

struct Written {
  bool applied = false;           // false: the expectation failed, nothing was written
  Revision revision = 0;          // of this write if applied; else the store's current one
  std::optional<Entry> previous;  // what stood there before (or what stands there, if not applied)
};

struct Change {
  bool deleted = false;
  std::string_view key;
  std::string_view value;           // "" when deleted
  std::string_view previous_value;  // what it replaced; "" if nothing (always there for a delete)
  Revision created = 0, revision = 0, previous_revision = 0;
  Ref<Shared> attachment;           // of the write, if it was made in this process
};

struct RangeOptions {
  std::string start, end;  // [start, end); end "" = only the key `start`
  size_t limit = 0;        // 0 = no limit
  Revision revision = 0;   // 0 = now
  bool keys_only = false;
  bool count_only = false;
};

struct Range {
  std::vector<Entry> entries;
  Revision revision = 0;  // the revision read at
  int64_t count = 0;      // of all keys in the range, beyond the limit too
};

class WatchSink {
 public:
  virtual ~WatchSink() = default;
  // In revision order, each revision once and whole. Embedded stores call this before the write is answered.
  virtual void on_changes(std::span<const Change> changes) = 0;
  // Nothing below or at this revision is still to come.
  virtual void on_progress(Revision revision) { (void)revision; }
  // The watch is over: compacted (Reason::Expired) or broken; watch again, from the last revision seen or from a new range.
  virtual void on_end(Error error) = 0;
};

class Watch {
 public:
  virtual ~Watch() = default;  // no call to the sink begins after the destructor returns
};

class Store {
 public:
  virtual ~Store() = default;

  // Blocks until the write is as durable as asked for. An error means that it is not known to be written (etcd away, disk full:
  // on a full disk nothing was).
  virtual Result<Written> write(Write write) = 0;
  virtual Result<Range> range(const RangeOptions& options) = 0;
  // Changes of [start, end) with a revision >= from. Reason::Expired if `from` is compacted.
  virtual Result<std::unique_ptr<Watch>> watch(std::string start, std::string end, Revision from,
                                               std::shared_ptr<WatchSink> sink) = 0;
  virtual Result<Revision> current_revision() = 0;  // linearizable
  // Of a store in this process: every watch has been given all changes up to here (a write is not answered before). 0: changes
  // come over a network, whenever they come.
  virtual Revision delivered_revision() { return 0; }
  virtual Result<Revision> oldest_revision() = 0;   // the first one that can be read and watched
  virtual Revision oldest_known() { return 0; }     // that, so far as it is known without asking anybody
  virtual Result<void> compact(Revision revision) = 0;
  // For a watch on a store that is not in this process: on_progress with the current revision follows soon.
  virtual Result<void> request_progress() { return {}; }
  // Whether the value at the key, though it reads well, would be kept in another form now.
  virtual Result<bool> is_stale(const std::string& key) { return (void)key, false; }
  virtual Result<int64_t> size_bytes() = 0;
  virtual Result<void> backup(const std::string& path) = 0;
};

std::string end_of_prefix(std::string_view prefix);  // the first key after all keys with this prefix

}  // namespace sampan::store
