// The one thread that writes to a store file; see sqlite.h.
#pragma once
#include <condition_variable>
#include <thread>

#include "base/doorbell.h"
#include "store/sqlite.h"
#include "store/sqlite_compaction.h"
#include "store/watch_hub.h"

namespace sampan::store {

class SqliteWriter {
 public:
  static Result<std::unique_ptr<SqliteWriter>> start(const SqliteOptions& options,
                                                     std::unique_ptr<Connection> connection, const FileState& file,
                                                     SharedState& state, WatchHub& hub);
  ~SqliteWriter();  // what waits is written first

  Result<Written> write(Write write);
  Result<void> compact(Revision revision);
  Result<void> flush();  // every relaxed write is on disk

 private:
  enum class Kind : uint8_t { Write, Flush, Compact };
  struct Request {
    Kind kind = Kind::Write;
    Write write;
    Revision revision = 0;  // Compact
    Result<Written> result = Written{};
    std::shared_ptr<Row> row;  // what it wrote
    Doorbell done;
  };
  using Batch = std::vector<Request*>;

  SqliteWriter(const SqliteOptions& options, std::unique_ptr<Connection> connection, const FileState& file,
               SharedState& state, WatchHub& hub);
  Result<Written> submit(Request& request);
  void run();
  Batch wait_for_work();
  int64_t wait_us();
  void execute(Batch& batch);
  Result<void> decide_all(Batch& batch, bool& synced);
  Result<void> decide(Request& request);
  Result<Standing> standing(const std::string& key);
  bool must_flush();
  Result<void> write_pending(size_t written, bool synced);
  Result<void> mark_reserved();
  void keep(size_t first, bool on_disk);
  void undo(size_t first, Revision last);
  void publish(const Batch& batch);
  void answer(Batch& batch, bool on_disk);
  void fail_batch(Batch& batch, const Error& error);
  void expire();
  bool may_compact() const;
  void compact_some();
  Result<void> set_synced(bool synced);
  void recover_room();
  void checkpoint();
  void close();
  int64_t now_ms() { return options_.clock->now_us() / 1000; }

  const SqliteOptions options_;
  std::unique_ptr<Connection> connection_;
  SharedState& state_;
  WatchHub& hub_;
  std::unique_ptr<SqliteTables> tables_;
  std::unique_ptr<SqliteCompaction> compaction_;

  // Of the writer's thread alone:
  Revision last_;                // handed out
  Revision on_disk_;             // of these, the last one on disk
  Revision reserved_;            // on disk
  bool clean_ = true;            // nothing was written since the file was opened
  bool synced_ = true;           // the setting of the connection
  std::vector<RowRef> pending_;  // rows that are not on disk: relaxed ones, then those of the batch
  size_t pending_bytes_ = 0;
  int64_t pending_since_us_ = 0;  // monotonic
  std::unordered_map<std::string_view, const Row*> pending_by_key_;
  int64_t expired_ms_ = 0;          // all keys due until then are deleted
  int64_t next_due_ms_ = 0;         // 0: nothing will expire
  bool compaction_failed_ = false;  // no more until a write succeeds
  int wal_pages_ = 0;               // set by SQLite after a commit

  std::mutex mutex_;
  std::condition_variable wake_;
  Batch waiting_;          // by mutex_
  bool stopping_ = false;  // by mutex_
  std::thread thread_;
};

}  // namespace sampan::store
