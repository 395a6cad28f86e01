// Reads of a store file: ranges, now or in the past, and the history that a watch begins with. A reader has a
// connection of its own and is used by one thread at a time; what is not on disk yet is laid over what is.
#pragma once
#include "store/sqlite_state.h"
#include "store/watch_hub.h"

namespace sampan::store {

class SqliteReader {
 public:
  static Result<std::unique_ptr<SqliteReader>> open(const std::string& path, SharedState& state);
  Result<Range> range(const RangeOptions& options);
  Result<void> history(const KeyRange& range, Revision from, Revision to, const WatchHub::Deliver& deliver);
  Connection& connection() { return *connection_; }

 private:
  class Snapshot;
  SqliteReader(std::unique_ptr<Connection> connection, SharedState& state)
      : connection_(std::move(connection)), state_(state) {}
  Result<void> prepare();
  Result<Range> read_now(const RangeOptions& options, const KeyRange& range, size_t limit);
  Result<Range> read_at(const RangeOptions& options, const KeyRange& range, size_t limit, Revision at);
  Result<bool> find_version(Revision at, Revision newest, Entry& entry, bool with_value);
  Result<Revision> history_piece(const KeyRange& range, Revision from, Revision to, const WatchHub::Deliver& deliver);

  std::unique_ptr<Connection> connection_;
  SharedState& state_;
  Statement last_revision_, oldest_, keys_, entries_, count_, index_, version_, log_;
};

// The readers that are not in use. Opening one more is cheap; only a few are kept.
class ReaderPool {
 public:
  ReaderPool(std::string path, SharedState& state) : path_(std::move(path)), state_(state) {}
  template <class F>
  auto with(F work) -> decltype(work(std::declval<SqliteReader&>())) {
    auto reader = TRY(take());
    auto result = work(*reader);
    give_back(std::move(reader));
    return result;
  }

 private:
  Result<std::unique_ptr<SqliteReader>> take();
  void give_back(std::unique_ptr<SqliteReader> reader);

  std::string path_;
  SharedState& state_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SqliteReader>> idle_;  // by mutex_
};

}  // namespace sampan::store
