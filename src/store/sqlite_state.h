// What the writer and the readers of a store file share: the revisions, and the relaxed writes that are not on disk
// yet.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/key_range.h"
#include "store/sqlite_schema.h"
#include "store/store.h"

namespace sampan::store {

// One change, as the log keeps it.
struct Row {
  std::string key, value, previous_value;
  Revision revision = 0, created = 0;
  Revision previous = 0;  // the row superseded, even if that is a deletion
  bool deleted = false;
  int64_t expiry_ms = 0;  // 0: never
  Ref<Shared> attachment;

  bool replaced_something() const { return deleted || created != revision; }
};
using RowRef = std::shared_ptr<const Row>;

Change change_of(const Row& row);

class SharedState {
 public:
  explicit SharedState(const FileState& file) : gaps_(file.gaps), current_(file.current), oldest_(file.oldest) {}

  struct Pending {
    std::vector<RowRef> rows;  // ascending
    Revision current = 0;
  };
  // Taken BEFORE a read transaction begins: what is missing on disk then is surely in here.
  Pending pending(const KeyRange& range, Revision from, Revision to) const;
  // The relaxed rows of a batch become visible; the writer only.
  void add_pending(std::span<const RowRef> rows, Revision current);
  // All pending rows are on disk; the writer only.
  void committed(Revision current);

  Revision current() const { return current_.load(); }
  Revision oldest() const { return oldest_.load(); }
  void see(Revision current) { raise(current_, current); }  // a reader found it on disk
  void set_oldest(Revision oldest) { raise(oldest_, oldest); }
  bool in_gap_to_watch(Revision from) const;
  bool in_gap_to_read(Revision at) const;

 private:
  static void raise(std::atomic<Revision>& target, Revision value) {
    auto now = target.load();
    while (now < value && !target.compare_exchange_weak(now, value)) {
    }
  }

  const std::vector<Gap> gaps_;
  std::atomic<Revision> current_, oldest_;
  mutable std::mutex mutex_;
  std::vector<RowRef> pending_;  // by mutex_
};

}  // namespace sampan::store
