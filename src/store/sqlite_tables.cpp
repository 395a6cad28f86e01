#include "store/sqlite_tables.h"

namespace sampan::store {

Result<std::unique_ptr<SqliteTables>> SqliteTables::prepare(Connection& connection) {
  auto tables = std::make_unique<SqliteTables>();
  TRY(tables->prepare_all(connection));
  return tables;
}

Result<void> SqliteTables::prepare_all(Connection& c) {
  find_ =
      TRY(c.prepare("SELECT c.revision, c.created, l.value FROM current c LEFT JOIN log l ON l.revision = c.revision "
                    "WHERE c.key = ?1"));
  append_ =
      TRY(c.prepare("INSERT INTO log(revision, key, created, previous, deleted, expiry, value) "
                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  set_current_ = TRY(c.prepare("INSERT OR REPLACE INTO current(key, revision, created) VALUES(?1, ?2, ?3)"));
  set_meta_ = TRY(c.prepare("UPDATE meta SET value = ?2 WHERE name = CAST(?1 AS TEXT)"));
  due_ =
      TRY(c.prepare("SELECT l.key, l.revision FROM log l INDEXED BY due CROSS JOIN current c ON c.key = l.key "
                    "WHERE l.expiry IS NOT NULL AND l.expiry > ?1 AND l.expiry <= ?2 AND c.revision = l.revision "
                    "ORDER BY l.expiry LIMIT ?3"));
  next_expiry_ = TRY(c.prepare("SELECT min(expiry) FROM log WHERE expiry IS NOT NULL AND expiry > ?1"));
  sweep_ =
      TRY(c.prepare("SELECT revision, key, previous, deleted FROM log "
                    "WHERE revision >= ?1 AND revision < ?2 ORDER BY revision LIMIT ?3"));
  remove_row_ = TRY(c.prepare("DELETE FROM log WHERE revision = ?1"));
  remove_current_ = TRY(c.prepare("DELETE FROM current WHERE key = ?1 AND revision = ?2"));
  return {};
}

Result<Standing> SqliteTables::find(std::string_view key) {
  Resetting row(find_);
  row->bind(1, key);
  Standing standing;
  if (TRY(row->step())) {
    standing.revision = row->integer(0);
    standing.created = row->integer(1);
    if (standing.exists()) standing.value = row->bytes(2);
  }
  return standing;
}

Result<void> SqliteTables::append(const Row& row) {
  append_.bind(1, row.revision).bind(2, row.key).bind(3, row.created).bind(4, row.previous);
  append_.bind(5, row.deleted ? 1 : 0).bind(7, row.value);
  if (row.expiry_ms != 0)
    append_.bind(6, row.expiry_ms);
  else
    append_.bind_null(6);
  return append_.run();
}

Result<void> SqliteTables::set_current(const Row& row) {
  return set_current_.bind(1, row.key).bind(2, row.revision).bind(3, row.deleted ? 0 : row.created).run();
}

Result<void> SqliteTables::set_meta(std::string_view name, int64_t value) {
  return set_meta_.bind(1, name).bind(2, value).run();
}

Result<std::vector<SqliteTables::Due>> SqliteTables::due(int64_t after_ms, int64_t until_ms, int limit) {
  Resetting rows(due_);
  rows->bind(1, after_ms).bind(2, until_ms).bind(3, limit);
  std::vector<Due> found;
  while (TRY(rows->step())) found.push_back({std::string(rows->bytes(0)), rows->integer(1)});
  return found;
}

Result<int64_t> SqliteTables::next_expiry(int64_t after_ms) {
  Resetting row(next_expiry_);
  row->bind(1, after_ms);
  return TRY(row->step()) ? row->integer(0) : 0;
}

Result<Revision> SqliteTables::sweep(Revision from, Revision below, int limit) {
  struct Superseding {
    Revision revision, previous;
    bool deleted;
    std::string key;
  };
  std::vector<Superseding> changes;
  {
    Resetting rows(sweep_);
    rows->bind(1, from).bind(2, below).bind(3, limit);
    while (TRY(rows->step())) {
      bool deleted = rows->integer(3) != 0;
      changes.push_back({rows->integer(0), rows->integer(2), deleted, deleted ? std::string(rows->bytes(1)) : ""});
    }
  }
  for (auto& change : changes) {
    if (change.previous != 0) TRY(remove_row_.bind(1, change.previous).run());
    if (!change.deleted) continue;
    TRY(remove_row_.bind(1, change.revision).run());
    TRY(remove_current_.bind(1, change.key).bind(2, change.revision).run());
  }
  return static_cast<int>(changes.size()) < limit ? below : changes.back().revision + 1;
}

}  // namespace sampan::store
