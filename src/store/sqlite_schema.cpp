#include "store/sqlite_schema.h"

#include "base/text.h"

namespace sampan::store {

namespace {

constexpr int64_t kApplication = 0x53616d70;  // "Samp", in the file's header
constexpr int64_t kFormat = 1;
constexpr int64_t kPageBytes = 4096;

// log.previous is the row that this one superseded, deletions too, so that the history of a key is a chain. log.created
// of a deletion is that of the key it deleted. current.created = 0: deleted, kept until compaction passes.
constexpr const char* kTables = R"(
CREATE TABLE log(revision INTEGER PRIMARY KEY, key BLOB NOT NULL, created INTEGER NOT NULL, previous INTEGER NOT NULL,
                 deleted INTEGER NOT NULL, expiry INTEGER, value BLOB NOT NULL) STRICT;
CREATE INDEX due ON log(expiry) WHERE expiry IS NOT NULL;
CREATE TABLE current(key BLOB PRIMARY KEY, revision INTEGER NOT NULL, created INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE gap(last INTEGER PRIMARY KEY, first INTEGER NOT NULL) STRICT;
CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES('reserved', 1), ('oldest', 1), ('target', 1), ('clean', 1);
)";

Result<void> create(Connection& connection) {
  // Both are fixed once the first table exists.
  TRY(connection.execute(concat("PRAGMA page_size=", kPageBytes, "; PRAGMA auto_vacuum=INCREMENTAL").c_str()));
  TRY(connection.execute("PRAGMA journal_mode=WAL"));
  return connection.execute(concat("BEGIN IMMEDIATE;", kTables, "PRAGMA application_id=", kApplication,
                                   "; PRAGMA user_version=", kFormat, "; COMMIT")
                                .c_str());
}

Result<void> check_format(Connection& connection) {
  auto application = TRY(connection.number("PRAGMA application_id"));
  auto format = TRY(connection.number("PRAGMA user_version"));
  if (application != kApplication)
    return fail(
        Error(Reason::InternalError, concat("store file ", connection.path(), ": this is not a store of Sampan")));
  if (format != kFormat)
    return fail(
        Error(Reason::InternalError, concat("store file ", connection.path(), ": written by another version (format ",
                                            format, ", this version reads ", kFormat, ")")));
  return {};
}

Result<void> read_gaps(Connection& connection, FileState& state) {
  auto gaps = TRY(connection.prepare("SELECT first, last FROM gap ORDER BY last"));
  while (TRY(gaps.step())) state.gaps.push_back({gaps.integer(0), gaps.integer(1)});
  return {};
}

// The process died: up to `reserved` revisions may have been handed out beyond those on disk. The next state gets a
// revision above them all, and whoever saw one of them starts over.
Result<void> close_gap(Connection& connection, FileState& state, Revision on_disk) {
  state.current = std::max(state.reserved, on_disk) + 1;
  state.reserved = state.current;
  Gap gap{on_disk + 2, state.current};
  TRY(connection.execute(concat("BEGIN IMMEDIATE; DELETE FROM gap WHERE last < ", state.swept,
                                "; INSERT INTO gap(first, last) VALUES(", gap.first, ",", gap.last,
                                "); UPDATE meta SET value=", state.reserved, " WHERE name='reserved'; COMMIT")
                             .c_str()));
  state.gaps.push_back(gap);
  return {};
}

}  // namespace

Result<void> tune(Connection& connection, int cache_kilobytes) {
  return connection.execute(concat("PRAGMA cache_size=-", cache_kilobytes,
                                   "; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA synchronous=FULL;"
                                   "PRAGMA foreign_keys=OFF; PRAGMA trusted_schema=OFF")
                                .c_str());
}

Result<FileState> open_schema(Connection& connection, int64_t max_bytes) {
  auto tables = TRY(connection.number("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0)
    TRY(create(connection));
  else
    TRY(check_format(connection));
  TRY(connection.execute("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=16777216"));
  if (max_bytes > 0) TRY(connection.execute(concat("PRAGMA max_page_count=", max_bytes / kPageBytes).c_str()));

  FileState state;
  state.reserved = TRY(connection.number("SELECT value FROM meta WHERE name='reserved'"));
  state.swept = TRY(connection.number("SELECT value FROM meta WHERE name='oldest'"));
  state.oldest = std::max(state.swept, TRY(connection.number("SELECT value FROM meta WHERE name='target'")));
  TRY(read_gaps(connection, state));
  auto clean = TRY(connection.number("SELECT value FROM meta WHERE name='clean'"));
  auto on_disk = std::max(TRY(connection.number("SELECT max(revision) FROM log")), state.swept);
  if (!state.gaps.empty()) on_disk = std::max(on_disk, state.gaps.back().last);
  state.current = clean > 0 ? clean : on_disk;
  if (clean == 0) TRY(close_gap(connection, state, on_disk));
  return state;
}

}  // namespace sampan::store
