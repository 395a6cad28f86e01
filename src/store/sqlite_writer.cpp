#include "store/sqlite_writer.h"

#include <sqlite3.h>

#include "base/log.h"
#include "store/errors.h"

namespace sampan::store {

namespace {
constexpr Revision kReserve = 10'000;         // revisions reserved on disk ahead of their use
constexpr size_t kPendingBytesMax = 4 << 20;  // relaxed rows in memory; more go to disk early
constexpr size_t kPendingRowsMax = 4096;
constexpr int kWriterCacheKilobytes = 2048;
constexpr int kExpireAtOnce = 1000;
constexpr size_t kIdleStep = 200;   // as if with so many writes
constexpr int64_t kRetryMs = 1000;  // after an error, what no caller waits for is tried again
}  // namespace

SqliteWriter::SqliteWriter(const SqliteOptions& options, std::unique_ptr<Connection> connection, const FileState& file,
                           SharedState& state, WatchHub& hub)
    : options_(options),
      connection_(std::move(connection)),
      state_(state),
      hub_(hub),
      last_(file.current),
      on_disk_(file.current),
      reserved_(file.current) {}

Result<std::unique_ptr<SqliteWriter>> SqliteWriter::start(const SqliteOptions& options,
                                                          std::unique_ptr<Connection> connection, const FileState& file,
                                                          SharedState& state, WatchHub& hub) {
  TRY(tune(*connection, kWriterCacheKilobytes));
  auto tables = TRY(SqliteTables::prepare(*connection));
  auto next_due_ms = TRY(tables->next_expiry(0));
  std::unique_ptr<SqliteWriter> writer(new SqliteWriter(options, std::move(connection), file, state, hub));
  writer->tables_ = std::move(tables);
  writer->next_due_ms_ = next_due_ms;
  writer->compaction_ = std::make_unique<SqliteCompaction>(*writer->connection_, *writer->tables_, state, file.swept,
                                                           options.history_seconds);
  sqlite3_wal_hook(
      writer->connection_->handle(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteWriter*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      writer.get());
  writer->thread_ = std::thread([self = writer.get()] { self->run(); });
  return writer;
}

SqliteWriter::~SqliteWriter() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

Result<Written> SqliteWriter::write(Write write) {
  Request request;
  request.write = std::move(write);
  return submit(request);
}

Result<void> SqliteWriter::compact(Revision revision) {
  Request request;
  request.kind = Kind::Compact;
  request.revision = revision;
  TRY(submit(request));
  return {};
}

Result<void> SqliteWriter::flush() {
  Request request;
  request.kind = Kind::Flush;
  TRY(submit(request));
  return {};
}

Result<Written> SqliteWriter::submit(Request& request) {
  bool wake;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return fail(Error(Reason::ServiceUnavailable, "the store is closed"));
    wake = waiting_.empty();
    waiting_.push_back(&request);
  }
  if (wake) wake_.notify_one();
  request.done.wait();
  return std::move(request.result);
}

void SqliteWriter::run() {
  while (true) {
    auto batch = wait_for_work();
    if (batch.empty() && may_compact()) compact_some();
    execute(batch);
    expire();
    if (wal_pages_ >= options_.wal_pages || compaction_->take_shrunk()) checkpoint();
    std::lock_guard lock(mutex_);
    if (stopping_ && waiting_.empty()) break;
  }
  close();
}

SqliteWriter::Batch SqliteWriter::wait_for_work() {
  auto wait = wait_us();
  std::unique_lock lock(mutex_);
  auto ready = [this] { return stopping_ || !waiting_.empty(); };
  if (wait < 0)
    wake_.wait(lock, ready);
  else
    wake_.wait_for(lock, std::chrono::microseconds(wait), ready);
  return std::exchange(waiting_, {});
}

// Until something falls due; -1: nothing will.
int64_t SqliteWriter::wait_us() {
  if (may_compact()) return 0;
  int64_t wait = -1;
  auto sooner = [&](int64_t us) {
    wait = wait < 0 ? std::max<int64_t>(us, 0) : std::min(wait, std::max<int64_t>(us, 0));
  };
  if (!pending_.empty()) sooner(pending_since_us_ + options_.relaxed_flush_ms * 1000 - options_.clock->monotonic_us());
  if (next_due_ms_ != 0) sooner(next_due_ms_ * 1000 - options_.clock->now_us());
  return wait;
}

// First every request is decided and has its row, then the rows are written, in one transaction; or stay in memory, if
// all are relaxed.
void SqliteWriter::execute(Batch& batch) {
  auto first = pending_.size();
  auto last = last_;
  bool synced = false;
  auto result = connection_->execute("BEGIN");
  if (result) result = decide_all(batch, synced);
  bool to_disk = synced || must_flush();
  if (result && to_disk) result = write_pending(pending_.size() - first, synced || last_ > reserved_);
  if (result) result = connection_->execute("COMMIT");
  if (!result) {
    // A failed statement may have rolled back by itself.
    if (connection_->in_transaction()) (void)connection_->execute("ROLLBACK");
    undo(first, last);
    // Before the answer: who hears that there is no room may try again at once.
    if (result.error().reason() == Reason::ServiceUnavailable) recover_room();
    fail_batch(batch, result.error());
    return;
  }
  keep(first, to_disk);
  publish(batch);
  answer(batch, to_disk);
}

// `synced`: there is something that must be on disk before its answer.
Result<void> SqliteWriter::decide_all(Batch& batch, bool& synced) {
  for (auto* request : batch) {
    switch (request->kind) {
      case Kind::Write:
        TRY(decide(*request));
        if (request->row && request->write.durability == Durability::Full) synced = true;
        break;
      case Kind::Flush:
        if (!pending_.empty()) synced = true;
        break;
      case Kind::Compact:
        if (request->revision > last_) {
          request->result = fail(revision_in_future(request->revision, last_));
        } else if (request->revision < state_.oldest()) {
          request->result = fail(revision_compacted(request->revision, state_.oldest()));
        } else {
          state_.set_oldest(request->revision);
          synced = true;
        }
        break;
    }
  }
  return {};
}

Result<void> SqliteWriter::decide(Request& request) {
  auto& write = request.write;
  auto before = TRY(standing(write.key));
  Written written;
  if (before.exists()) written.previous = Entry{write.key, "", before.created, before.revision};
  bool expected = !write.expected || *write.expected == (before.exists() ? before.revision : 0);
  if (!expected || (!write.value && !before.exists())) {  // nothing to delete is nothing written
    if (written.previous) written.previous->value = std::move(before.value);
    written.revision = last_;
    request.result = std::move(written);
    return {};
  }
  auto row = std::make_shared<Row>();
  row->revision = ++last_;
  row->created = before.exists() ? before.created : row->revision;
  row->previous = before.revision;
  row->deleted = !write.value;
  row->key = std::move(write.key);
  if (write.value) row->value = std::move(*write.value);
  row->previous_value = std::move(before.value);
  row->attachment = std::move(write.attachment);
  if (!row->deleted && write.ttl_seconds > 0) row->expiry_ms = now_ms() + write.ttl_seconds * 1000;
  written.applied = true;
  written.revision = row->revision;
  request.result = std::move(written);
  if (pending_.empty()) pending_since_us_ = options_.clock->monotonic_us();
  pending_.push_back(row);
  pending_bytes_ += row->value.size() + row->previous_value.size();
  pending_by_key_[row->key] = row.get();
  request.row = std::move(row);
  return {};
}

Result<Standing> SqliteWriter::standing(const std::string& key) {
  auto found = pending_by_key_.find(key);
  if (found == pending_by_key_.end()) return tables_->find(key);
  auto& row = *found->second;
  return Standing{row.revision, row.deleted ? 0 : row.created, row.value};
}

// Rows that need not be on disk go there all the same: too old, too many, or their revisions are not reserved.
bool SqliteWriter::must_flush() {
  if (pending_.empty()) return false;
  if (last_ > reserved_ || pending_.size() >= kPendingRowsMax || pending_bytes_ >= kPendingBytesMax) return true;
  return options_.clock->monotonic_us() - pending_since_us_ >= options_.relaxed_flush_ms * 1000;
}

Result<void> SqliteWriter::write_pending(size_t written, bool synced) {
  if (synced != synced_) {
    // The setting cannot change within a transaction; this one has only read so far.
    TRY(connection_->execute("COMMIT"));
    TRY(set_synced(synced));
    TRY(connection_->execute("BEGIN"));
  }
  for (auto& row : pending_) {
    TRY(tables_->append(*row));
    if (pending_by_key_[row->key] == row.get()) TRY(tables_->set_current(*row));
  }
  if (synced) TRY(mark_reserved());
  compaction_->note(options_.clock->now_us(), last_);
  return compaction_->step(written, last_);
}

Result<void> SqliteWriter::mark_reserved() {
  if (clean_) TRY(tables_->set_meta("clean", 0));
  if (last_ + kReserve / 2 > reserved_) TRY(tables_->set_meta("reserved", last_ + kReserve));
  return tables_->set_meta("target", state_.oldest());
}

// The transaction is through: what the writer and the readers know follows.
void SqliteWriter::keep(size_t first, bool on_disk) {
  for (size_t i = first; i < pending_.size(); i++) {
    auto expiry = pending_[i]->expiry_ms;
    if (expiry == 0) continue;
    if (next_due_ms_ == 0 || expiry < next_due_ms_) next_due_ms_ = expiry;
    expired_ms_ = std::min(expired_ms_, expiry - 1);  // the clock was set back
  }
  if (!on_disk) {
    if (first < pending_.size()) state_.add_pending(std::span(pending_).subspan(first), last_);
    return;
  }
  if (synced_) {
    clean_ = false;
    if (last_ + kReserve / 2 > reserved_) reserved_ = last_ + kReserve;
  }
  on_disk_ = last_;
  compaction_failed_ = false;
  compaction_->committed();
  pending_.clear();
  pending_bytes_ = 0;
  pending_by_key_.clear();
  state_.committed(last_);
}

void SqliteWriter::undo(size_t first, Revision last) {
  compaction_->rolled_back();
  last_ = last;
  pending_.resize(first);
  pending_by_key_.clear();
  pending_bytes_ = 0;
  for (auto& row : pending_) {
    pending_by_key_[row->key] = row.get();
    pending_bytes_ += row->value.size() + row->previous_value.size();
  }
  // What waited for its time waits once more, so that a full disk is not tried without end.
  pending_since_us_ = options_.clock->monotonic_us();
}

void SqliteWriter::publish(const Batch& batch) {
  std::vector<Change> changes;
  changes.reserve(batch.size());
  for (auto* request : batch)
    if (request->row) changes.push_back(change_of(*request->row));
  hub_.publish(changes);
}

void SqliteWriter::answer(Batch& batch, bool on_disk) {
  for (auto* request : batch) {
    if (auto row = std::move(request->row); row && request->result->previous) {
      // A row on disk is done with; one in memory is still read by others.
      if (on_disk)
        request->result->previous->value = std::move(row->previous_value);
      else
        request->result->previous->value = row->previous_value;
    }
    request->done.ring();
  }
}

void SqliteWriter::fail_batch(Batch& batch, const Error& error) {
  for (auto* request : batch) {
    request->row = nullptr;
    request->result = fail(error.clone());
    request->done.ring();
  }
}

// Deletes the keys whose time came. The deletions are relaxed: a crash that loses them loses no more than their
// repetition.
void SqliteWriter::expire() {
  auto now = now_ms();
  if (next_due_ms_ == 0 || now < next_due_ms_) return;
  auto due = tables_->due(expired_ms_, now, kExpireAtOnce);
  if (!due) {
    next_due_ms_ = now + kRetryMs;
    return;
  }
  bool all = due->size() < kExpireAtOnce;
  for (auto& [key, row] : pending_by_key_)
    if (row->expiry_ms != 0 && row->expiry_ms <= now) due->push_back({row->key, row->revision});

  std::vector<std::unique_ptr<Request>> requests;
  Batch batch;
  for (auto& key : *due) {
    auto& request = *requests.emplace_back(std::make_unique<Request>());
    request.write.key = std::move(key.key);
    request.write.expected = key.revision;
    request.write.durability = Durability::Relaxed;
    batch.push_back(&request);
  }
  // Those on disk would be found again otherwise.
  if (!all) (batch.emplace_back(requests.emplace_back(std::make_unique<Request>()).get()))->kind = Kind::Flush;
  execute(batch);
  for (auto& request : requests)
    if (!request->result) {
      next_due_ms_ = now + kRetryMs;
      return;
    }
  if (all) expired_ms_ = now;
  auto next = tables_->next_expiry(expired_ms_);
  next_due_ms_ = next ? *next : now + kRetryMs;
  for (auto& [key, row] : pending_by_key_)
    if (row->expiry_ms != 0 && (next_due_ms_ == 0 || row->expiry_ms < next_due_ms_)) next_due_ms_ = row->expiry_ms;
}

Result<void> SqliteWriter::set_synced(bool synced) {
  if (synced == synced_) return {};
  TRY(connection_->execute(synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
  synced_ = synced;
  return {};
}

// A file that was only read is left alone.
bool SqliteWriter::may_compact() const {
  return !clean_ && !compaction_failed_ && compaction_->has_work(on_disk_);
}

// What commits left over of a burst is worked off while nobody waits, in small pieces and without a sync.
void SqliteWriter::compact_some() {
  auto result = set_synced(false);
  if (result) result = connection_->execute("BEGIN");
  if (result) result = compaction_->step(kIdleStep, on_disk_);
  if (result) result = connection_->execute("COMMIT");
  if (result) return compaction_->committed();
  if (connection_->in_transaction()) (void)connection_->execute("ROLLBACK");
  compaction_->rolled_back();
  compaction_failed_ = true;
}

// The disk or the file is full: what compaction can free is freed now rather than with the next write, which would
// fail.
void SqliteWriter::recover_room() {
  compaction_->note(options_.clock->now_us(), last_);
  if (compaction_->has_work(on_disk_)) compact_some();
  checkpoint();
}

// Moves the WAL into the database, so that the next write begins it anew. What readers still need stays for the next
// time.
void SqliteWriter::checkpoint() {
  int code = sqlite3_wal_checkpoint_v2(connection_->handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (code != SQLITE_OK && code != SQLITE_BUSY && code != SQLITE_FULL)
    LOG_WARNING(connection_->error(code, "checkpoint").message());
  wal_pages_ = 0;
}

void SqliteWriter::close() {
  if (clean_ && pending_.empty()) return;
  auto result = connection_->execute("BEGIN");
  if (result) result = write_pending(pending_.size(), true);
  if (result) result = tables_->set_meta("clean", last_);
  if (result) result = connection_->execute("COMMIT");
  if (!result) LOG_ERROR("closing: ", result.error().message());
}

}  // namespace sampan::store
