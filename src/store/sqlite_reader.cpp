#include "store/sqlite_reader.h"

#include "base/text.h"
#include "store/errors.h"

namespace sampan::store {

namespace {

constexpr size_t kIdleReaders = 2;  // each holds some 150 KB
constexpr int kReaderCacheKilobytes = 128;
constexpr size_t kPieceRows = 256;       // history is delivered in pieces of so many changes ...
constexpr size_t kPieceBytes = 1 << 20;  // ... or so many bytes

// The range as two bounds of a query. Keys are UTF-8, so 0xff is above them all.
struct Bounds {
  std::string start, end;
  explicit Bounds(const KeyRange& range)
      : start(range.start),
        end(range.single()      ? range.start + '\0'
            : range.unbounded() ? "\xff"
                                : range.end) {}
};

// Lays the relaxed rows above `on_disk` over a range that was read from disk with room for them beyond its limit.
void overlay(Range& range, const std::vector<RowRef>& rows, Revision on_disk, const RangeOptions& options) {
  struct Latest {
    bool was_there;
    const Row* row;
  };
  std::map<std::string_view, Latest> latest;
  for (auto& row : rows) {
    if (row->revision <= on_disk) continue;
    auto [found, added] = latest.try_emplace(row->key, Latest{row->replaced_something(), row.get()});
    found->second.row = row.get();
  }
  if (latest.empty()) return;
  for (auto& [key, change] : latest) range.count += (change.row->deleted ? 0 : 1) - (change.was_there ? 1 : 0);
  if (options.count_only) return;

  std::vector<Entry> merged;
  auto from_disk = range.entries.begin();
  for (auto& [key, change] : latest) {
    while (from_disk != range.entries.end() && from_disk->key < key) merged.push_back(std::move(*from_disk++));
    if (from_disk != range.entries.end() && from_disk->key == key) ++from_disk;
    auto& row = *change.row;
    if (!row.deleted) merged.push_back({row.key, options.keys_only ? "" : row.value, row.created, row.revision});
  }
  while (from_disk != range.entries.end()) merged.push_back(std::move(*from_disk++));
  range.entries = std::move(merged);
}

}  // namespace

// A read transaction: everything inside sees one state of the file.
class SqliteReader::Snapshot {
 public:
  static Result<Snapshot> begin(SqliteReader& reader) {
    TRY(reader.connection_->execute("BEGIN"));
    Snapshot snapshot(reader);
    Resetting last(reader.last_revision_), oldest(reader.oldest_);
    if (TRY(last->step())) snapshot.last_ = last->integer(0);
    if (TRY(oldest->step())) snapshot.oldest_ = oldest->integer(0);
    snapshot.last_ = std::max(snapshot.last_, snapshot.oldest_);
    return snapshot;
  }
  Snapshot(Snapshot&& other) noexcept
      : reader_(std::exchange(other.reader_, nullptr)), last_(other.last_), oldest_(other.oldest_) {}
  ~Snapshot() {
    if (reader_) (void)reader_->connection_->execute("COMMIT");  // nothing was written, nothing can be lost
  }
  Revision last() const { return last_; }
  Revision oldest() const { return std::max(oldest_, reader_->state_.oldest()); }

 private:
  explicit Snapshot(SqliteReader& reader) : reader_(&reader) {}
  SqliteReader* reader_;
  Revision last_ = 0, oldest_ = 0;
};

Result<std::unique_ptr<SqliteReader>> SqliteReader::open(const std::string& path, SharedState& state) {
  auto connection = TRY(Connection::open(path, Connection::Access::Read));
  TRY(tune(*connection, kReaderCacheKilobytes));
  TRY(connection->execute("PRAGMA wal_autocheckpoint=0"));
  std::unique_ptr<SqliteReader> reader(new SqliteReader(std::move(connection), state));
  TRY(reader->prepare());
  return reader;
}

Result<void> SqliteReader::prepare() {
  auto& c = *connection_;
  last_revision_ = TRY(c.prepare("SELECT max(revision) FROM log"));
  oldest_ = TRY(c.prepare("SELECT value FROM meta WHERE name='oldest'"));
  keys_ =
      TRY(c.prepare("SELECT key, revision, created FROM current "
                    "WHERE key >= ?1 AND key < ?2 AND created > 0 ORDER BY key LIMIT ?3"));
  entries_ =
      TRY(c.prepare("SELECT c.key, c.revision, c.created, l.value FROM current c CROSS JOIN log l "
                    "ON l.revision = c.revision "
                    "WHERE c.key >= ?1 AND c.key < ?2 AND c.created > 0 ORDER BY c.key LIMIT ?3"));
  count_ = TRY(c.prepare("SELECT count(*) FROM current WHERE key >= ?1 AND key < ?2 AND created > 0"));
  index_ = TRY(c.prepare("SELECT key, revision FROM current WHERE key >= ?1 AND key < ?2 ORDER BY key"));
  version_ = TRY(c.prepare("SELECT previous, created, deleted, value FROM log WHERE revision = ?1"));
  log_ =
      TRY(c.prepare("SELECT l.revision, l.key, l.value, l.created, l.previous, l.deleted, p.value FROM log l "
                    "LEFT JOIN log p ON p.revision = l.previous AND p.deleted = 0 "
                    "WHERE l.revision >= ?1 AND l.revision <= ?2 AND l.key >= ?3 AND l.key < ?4 ORDER BY l.revision"));
  return {};
}

Result<Range> SqliteReader::range(const RangeOptions& options) {
  KeyRange keys{options.start, options.end};
  auto pending = state_.pending(keys, 0, options.revision ? options.revision : INT64_MAX);
  auto snapshot = TRY(Snapshot::begin(*this));
  auto current = std::max(snapshot.last(), pending.current);
  state_.see(current);
  auto at = options.revision ? options.revision : current;
  if (at > current) return fail(revision_in_future(at, current));
  if (at < snapshot.oldest() || state_.in_gap_to_read(at)) return fail(revision_compacted(at, snapshot.oldest()));

  // A few more than asked for: pending deletions may take some away.
  size_t limit = options.limit ? options.limit + pending.rows.size() : 0;
  Range range = at >= snapshot.last() ? TRY(read_now(options, keys, limit)) : TRY(read_at(options, keys, limit, at));
  overlay(range, pending.rows, snapshot.last(), options);
  if (options.limit && range.entries.size() > options.limit) range.entries.resize(options.limit);
  range.revision = at;
  return range;
}

Result<Range> SqliteReader::read_now(const RangeOptions& options, const KeyRange& range, size_t limit) {
  Range result;
  Bounds bounds(range);
  bool whole = !options.count_only;
  if (whole) {
    Resetting rows(options.keys_only ? keys_ : entries_);
    rows->bind(1, bounds.start).bind(2, bounds.end).bind(3, limit ? static_cast<int64_t>(limit) : -1);
    while (TRY(rows->step())) {
      auto& entry = result.entries.emplace_back();
      entry.key = rows->bytes(0);
      entry.modified = rows->integer(1);
      entry.created = rows->integer(2);
      if (!options.keys_only) entry.value = rows->bytes(3);
    }
    whole = limit == 0 || result.entries.size() < limit;
  }
  result.count = static_cast<int64_t>(result.entries.size());
  if (whole && !options.count_only) return result;
  Resetting count(count_);
  count->bind(1, bounds.start).bind(2, bounds.end);
  if (TRY(count->step())) result.count = count->integer(0);
  return result;
}

Result<Range> SqliteReader::read_at(const RangeOptions& options, const KeyRange& range, size_t limit, Revision at) {
  Range result;
  Bounds bounds(range);
  Resetting index(index_);
  index->bind(1, bounds.start).bind(2, bounds.end);
  while (TRY(index->step())) {
    bool wanted = !options.count_only && (limit == 0 || result.entries.size() < limit);
    Entry entry;
    if (!TRY(find_version(at, index->integer(1), entry, wanted && !options.keys_only))) continue;
    result.count++;
    if (!wanted) continue;
    entry.key = index->bytes(0);
    result.entries.push_back(std::move(entry));
  }
  return result;
}

// Goes back from a key's newest row to the one that was current at `at`. False: there was no such key then.
Result<bool> SqliteReader::find_version(Revision at, Revision newest, Entry& entry, bool with_value) {
  Resetting version(version_);
  while (true) {
    version->reset();
    version->bind(1, newest);
    if (!TRY(version->step())) return false;  // a deletion that was compacted: the end of the chain
    if (newest <= at) break;
    newest = version->integer(0);
    if (newest == 0) return false;
  }
  if (version->integer(2) != 0) return false;
  entry.modified = newest;
  entry.created = version->integer(1);
  if (with_value) entry.value = version->bytes(3);
  return true;
}

Result<void> SqliteReader::history(const KeyRange& range, Revision from, Revision to,
                                   const WatchHub::Deliver& deliver) {
  if (state_.in_gap_to_watch(from)) return fail(revision_compacted(from, state_.oldest()));
  while (from <= to) from = TRY(history_piece(range, from, to, deliver));
  return {};
}

// Delivers what one snapshot has, up to a piece's size; returns the revision to go on from.
Result<Revision> SqliteReader::history_piece(const KeyRange& range, Revision from, Revision to,
                                             const WatchHub::Deliver& deliver) {
  auto pending = state_.pending(range, from, to);
  std::vector<Row> rows;
  Revision next = to + 1;
  Revision on_disk = 0;
  {
    auto snapshot = TRY(Snapshot::begin(*this));
    if (from < snapshot.oldest()) return fail(revision_compacted(from, snapshot.oldest()));
    on_disk = snapshot.last();
    Bounds bounds(range);
    Resetting log(log_);
    log->bind(1, from).bind(2, to).bind(3, bounds.start).bind(4, bounds.end);
    size_t bytes = 0;
    while (TRY(log->step())) {
      if (rows.size() >= kPieceRows || bytes >= kPieceBytes) {
        next = log->integer(0);
        break;
      }
      auto& row = rows.emplace_back();
      row.revision = log->integer(0);
      row.key = log->bytes(1);
      row.value = log->bytes(2);
      row.created = log->integer(3);
      row.previous = log->integer(4);
      row.deleted = log->integer(5) != 0;
      row.previous_value = log->bytes(6);
      bytes += row.value.size() + row.previous_value.size();
    }
  }
  std::vector<Change> changes;
  for (auto& row : rows) changes.push_back(change_of(row));
  if (next > to)
    for (auto& row : pending.rows)
      if (row->revision > on_disk) changes.push_back(change_of(*row));
  if (!changes.empty()) deliver(changes);
  return next;
}

Result<std::unique_ptr<SqliteReader>> ReaderPool::take() {
  {
    std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return reader;
    }
  }
  return SqliteReader::open(path_, state_);
}

void ReaderPool::give_back(std::unique_ptr<SqliteReader> reader) {
  std::lock_guard lock(mutex_);
  if (idle_.size() < kIdleReaders) idle_.push_back(std::move(reader));
}

}  // namespace sampan::store
