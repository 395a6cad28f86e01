// SQLite's C interface as values; see the header.
#include "store/sqlite_connection.h"

#include <sqlite3.h>

#include "base/check.h"
#include "base/text.h"

namespace sampan::store {

namespace {

// The errno behind an error. A failing commit leaves it with the WAL's file only.
int system_error(sqlite3* handle) {
  if (int known = sqlite3_system_errno(handle)) return known;
  sqlite3_file* wal = nullptr;
  int last = 0;
  if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK && wal && wal->pMethods)
    wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &last);
  return last;
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  std::swap(connection_, other.connection_);
  std::swap(statement_, other.statement_);
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::bind(int parameter, int64_t number) {
  check(sqlite3_bind_int64(statement_, parameter, number) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view bytes) {
  // A null pointer would be NULL, not the empty blob.
  auto* data = bytes.data() ? bytes.data() : "";
  check(sqlite3_bind_blob64(statement_, parameter, data, bytes.size(), SQLITE_STATIC) == SQLITE_OK);
  return *this;
}

Statement& Statement::bind_null(int parameter) {
  check(sqlite3_bind_null(statement_, parameter) == SQLITE_OK);
  return *this;
}

Result<bool> Statement::step() {
  int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  auto error = connection_->error(code, "");
  sqlite3_reset(statement_);
  return fail(std::move(error));
}

Result<void> Statement::run() {
  while (TRY(step())) {
  }
  sqlite3_reset(statement_);
  return {};
}

void Statement::reset() {
  sqlite3_reset(statement_);
}
int64_t Statement::integer(int column) {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::bytes(int column) {
  auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data ? data : "", static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Access access) {
  // Its own accounting of memory takes a global lock at every allocation.
  static const int configured = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  check(configured == SQLITE_OK);
  std::unique_ptr<Connection> connection(new Connection(path));
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (access == Access::Create ? SQLITE_OPEN_CREATE : 0);
  int code = sqlite3_open_v2(path.c_str(), &connection->handle_, flags, nullptr);
  if (code != SQLITE_OK) return fail(connection->error(code, "open"));
  sqlite3_extended_result_codes(connection->handle_, 1);
  sqlite3_busy_timeout(connection->handle_, 5000);  // the checkpoint of a reader that closes, at most
  return connection;
}

Connection::~Connection() {
  sqlite3_close_v2(handle_);
}

Result<void> Connection::execute(const char* sql) {
  int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(error(code, ""));
  return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  Statement statement;
  statement.connection_ = this;
  int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                &statement.statement_, nullptr);
  if (code != SQLITE_OK) return fail(error(code, ""));
  return statement;
}

Result<int64_t> Connection::number(std::string_view sql) {
  auto statement = TRY(prepare(sql));
  return TRY(statement.step()) ? statement.integer(0) : 0;
}

bool Connection::in_transaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

Error Connection::error(int code, std::string_view doing) const {
  auto text = concat("store file ", path_, ": ", doing, doing.empty() ? "" : ": ");
  int system = handle_ ? system_error(handle_) : 0;
  auto with_system = [&](std::string_view what) {
    append(text, what);
    if (system != 0) append(text, " (", std::string_view(strerror(system)), ")");
  };
  switch (code & 0xff) {
    case SQLITE_FULL:
      append(text, "no room left on the disk, nothing was written");
      return Error(Reason::ServiceUnavailable, std::move(text));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      append(text, "in use by another process");
      return Error(Reason::ServiceUnavailable, std::move(text));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      append(text, "the file is damaged or is not a store: ", sqlite3_errstr(code));
      return Error(Reason::InternalError, std::move(text));
    case SQLITE_IOERR:
      if (system == ENOSPC || system == EDQUOT || system == EFBIG) {
        append(text, "no room left on the disk, nothing was written");
        return Error(Reason::ServiceUnavailable, std::move(text));
      }
      with_system("input/output error");
      return Error(Reason::InternalError, std::move(text));
    default:
      with_system(handle_ ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
      return Error(Reason::InternalError, std::move(text));
  }
}

}  // namespace sampan::store
