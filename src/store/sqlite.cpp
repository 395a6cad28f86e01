// The embedded store put together: the lock on the file, the writer, the readers and the watches.
#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "store/sqlite_reader.h"
#include "store/sqlite_writer.h"

namespace sampan::store {

namespace {

constexpr size_t kValueBytesMax = 64 << 20;  // far above what the API lets through

// One process owns the file. SQLite's own locks would let a second one in between two transactions.
class FileLock {
 public:
  FileLock() = default;
  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  ~FileLock() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  static Result<FileLock> take(const std::string& path) {
    FileLock lock;
    auto name = path + ".lock";
    lock.descriptor_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock.descriptor_ < 0)
      return fail(
          Error(Reason::InternalError, concat("store file ", path, ": cannot make ", name, ": ", strerror(errno))));
    if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0)
      return fail(Error(Reason::ServiceUnavailable, concat("store file ", path, ": in use by another process")));
    return lock;
  }

 private:
  int descriptor_ = -1;
};

class SqliteStore : public Store {
 public:
  SqliteStore(SqliteOptions options, FileLock lock, const FileState& file)
      : options_(std::move(options)),
        lock_(std::move(lock)),
        state_(file),
        hub_(file.current),
        readers_(options_.path, state_) {}

  ~SqliteStore() override {
    writer_.reset();
    hub_.end_all("the store is closed");
  }

  Result<void> start(std::unique_ptr<Connection> connection, const FileState& file) {
    writer_ = TRY(SqliteWriter::start(options_, std::move(connection), file, state_, hub_));
    return {};
  }

  Result<Written> write(Write write) override {
    if (write.key.empty()) return fail(Error(Reason::InternalError, "store: a write without a key"));
    if (write.value && write.value->size() > kValueBytesMax)
      return fail(Error(Reason::RequestEntityTooLarge,
                        concat("store: the value of ", write.key, " is larger than ", kValueBytesMax, " bytes")));
    return writer_->write(std::move(write));
  }

  Result<Range> range(const RangeOptions& options) override {
    return readers_.with([&](SqliteReader& reader) { return reader.range(options); });
  }

  Result<std::unique_ptr<Watch>> watch(std::string start, std::string end, Revision from,
                                       std::shared_ptr<WatchSink> sink) override {
    return hub_.add(
        {std::move(start), std::move(end)}, from, std::move(sink),
        [this](const KeyRange& range, Revision first, Revision last, const WatchHub::Deliver& deliver) {
          return readers_.with([&](SqliteReader& reader) { return reader.history(range, first, last, deliver); });
        });
  }

  Result<Revision> current_revision() override { return state_.current(); }
  Revision delivered_revision() override { return hub_.delivered(); }
  Result<Revision> oldest_revision() override { return state_.oldest(); }
  Revision oldest_known() override { return state_.oldest(); }
  Result<void> compact(Revision revision) override { return writer_->compact(revision); }

  Result<int64_t> size_bytes() override {
    int64_t bytes = 0;
    for (auto* suffix : {"", "-wal"}) {
      struct stat about;
      if (::stat((options_.path + suffix).c_str(), &about) == 0) bytes += about.st_size;
    }
    return bytes;
  }

  // The copy has reserved revisions of its own, so a store restored from it never hands out one that this one already
  // did, unless it is very old.
  Result<void> backup(const std::string& path) override {
    TRY(writer_->flush());
    return readers_.with([&](SqliteReader& reader) { return copy(reader.connection(), path); });
  }

 private:
  static Result<void> copy(Connection& source, const std::string& path) {
    auto part = path + ".part";
    ::unlink(part.c_str());
    {
      auto target = TRY(Connection::open(part, Connection::Access::Create));
      auto* copying = sqlite3_backup_init(target->handle(), "main", source.handle(), "main");
      if (!copying) return fail(target->error(sqlite3_errcode(target->handle()), "backup"));
      sqlite3_backup_step(copying, -1);  // in one go: it reads one snapshot, and writers do not wait for it
      int code = sqlite3_backup_finish(copying);
      if (code != SQLITE_OK) {
        ::unlink(part.c_str());
        return fail(target->error(code, "backup"));
      }
    }
    if (::rename(part.c_str(), path.c_str()) != 0)
      return fail(Error(Reason::InternalError, concat("backup ", path, ": ", strerror(errno))));
    return {};
  }

  const SqliteOptions options_;
  FileLock lock_;
  SharedState state_;
  WatchHub hub_;
  ReaderPool readers_;
  std::unique_ptr<SqliteWriter> writer_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(SqliteOptions options) {
  auto lock = TRY(FileLock::take(options.path));
  auto connection = TRY(Connection::open(options.path, Connection::Access::Create));
  auto file = TRY(open_schema(*connection, options.max_bytes));
  auto store = std::make_unique<SqliteStore>(std::move(options), std::move(lock), file);
  TRY(store->start(std::move(connection), file));
  return store;
}

}  // namespace sampan::store
