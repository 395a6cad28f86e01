// The watches of an embedded store: hands each change to every watch that asked for its key, in revision order, and
// joins a watch that starts in the past to the stream of new changes without a gap.
//
// Sinks are called by the thread that publishes (the store's writer), so a sink must be quick: it queues, it does not
// work. A sink may destroy its own watch or start another one, but must not write to the store. Who destroys a watch
// must not hold a lock that the sink takes: the destructor waits for a call that is running.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "store/key_range.h"
#include "store/store.h"

namespace sampan::store {

class WatchHub {
 public:
  using Deliver = std::function<void(std::span<const Change>)>;
  // Delivers the changes of the range with from <= revision <= to, in order, in one or more pieces.
  using History =
      std::function<Result<void>(const KeyRange& range, Revision from, Revision to, const Deliver& deliver)>;

  explicit WatchHub(Revision published);
  ~WatchHub();

  // By one thread at a time; every change is newer than what was published before.
  void publish(std::span<const Change> changes);
  // from <= 0: what comes after now, as in etcd.
  Result<std::unique_ptr<Watch>> add(KeyRange range, Revision from, std::shared_ptr<WatchSink> sink,
                                     const History& history);
  // The store closes: every watch ends.
  void end_all(std::string_view why);
  Revision published() const;
  Revision delivered() const { return delivered_.load(); }  // every watch has been given everything up to here

 private:
  struct Member;
  struct List;
  class Handle;

  std::shared_ptr<List> list_;                  // shared with the watches, which may outlive the store
  mutable std::recursive_mutex publish_mutex_;  // held while changes go out; recursive: a sink may start a watch
  std::atomic<Revision> delivered_;
  Revision published_;  // by publish_mutex_
  std::vector<std::shared_ptr<Member>> scratch_;
};

}  // namespace sampan::store
