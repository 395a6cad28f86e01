// Keeps the history of a store file as long as it was asked to, a little work with every commit: what the window leaves
// behind is removed within the writer's own transactions, so that it can neither fall behind nor stall a writer, and
// costs no sync of its own. An idle store does none of it.
#pragma once
#include <deque>

#include "store/sqlite_tables.h"

namespace sampan::store {

class SqliteCompaction {
 public:
  SqliteCompaction(Connection& connection, SqliteTables& tables, SharedState& state, Revision swept,
                   int64_t history_seconds)
      : connection_(connection),
        tables_(tables),
        state_(state),
        history_us_(history_seconds * 1'000'000),
        reached_(swept) {}

  void note(int64_t now_us, Revision current);  // the window moves on
  // In a transaction that holds `written` changes, the last one on disk after it being `on_disk`.
  Result<void> step(size_t written, Revision on_disk);
  void committed();    // what step() did is on disk
  void rolled_back();  // it is not
  bool has_work(Revision on_disk) const { return shrinking_ || reached_ < reachable(on_disk); }
  // Once, when it is done with giving back pages: the file gets smaller with the next checkpoint.
  bool take_shrunk() { return !shrinking_ && std::exchange(shrunk_, false); }

 private:
  Result<void> shrink(size_t written);
  // What is not on disk yet cannot have superseded anything there.
  Revision reachable(Revision on_disk) const { return std::min(state_.oldest(), on_disk); }

  Connection& connection_;
  SqliteTables& tables_;
  SharedState& state_;
  const int64_t history_us_;
  struct Sample {
    int64_t time_us;
    Revision revision;
  };
  std::deque<Sample> samples_;  // when which revision was current
  Revision reached_;            // swept on disk up to here
  Revision reaching_ = 0;       // within this transaction; 0: nothing
  int commits_ = 0;
  bool shrinking_ = false;  // there are more pages to give back
  bool shrunk_ = false;
};

}  // namespace sampan::store
