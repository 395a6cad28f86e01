#include "store/backends_for_test.h"
#include "store/etcd.h"
#include "store/etcd_server_for_test.h"
#include "store/memory.h"
#include "store/sqlite.h"

namespace sampan::store {

std::string text_of(const Change& change) {
  char sign = change.deleted ? '-' : change.previous_revision == 0 ? '+' : '~';
  std::string text = concat(sign, change.revision, " ", change.key);
  if (!change.deleted) append(text, "=", change.value);
  if (change.previous_revision != 0) append(text, " was ", change.previous_value);
  return text;
}

namespace {

class MemoryBackend : public Backend {
 public:
  std::unique_ptr<Store> open() override { return make_memory_store(clock_); }
  bool embedded() const override { return true; }
  bool persistent() const override { return false; }
  void pass_seconds(int seconds, Store& store) override {
    clock_.advance_seconds(seconds);
    static_cast<MemoryStore&>(store).expire(clock_.now_us());
  }

 private:
  SetClock clock_;
};

class SqliteBackend : public Backend {
 public:
  std::unique_ptr<Store> open() override {
    auto store = open_sqlite_store({.path = directory_.path() + "/store.db", .clock = &clock_});
    if (!store) fprintf(stderr, "%s\n", store.error().message().c_str());
    return store ? std::move(*store) : nullptr;
  }
  bool embedded() const override { return true; }
  bool persistent() const override { return true; }
  void pass_seconds(int seconds, Store& store) override {
    clock_.advance_seconds(seconds);
    (void)store.write({.key = "nothing"});  // wakes the writer, whose waiting knows only real time
  }

 private:
  TemporaryDirectory directory_;
  SetClock clock_;
};

// One server for all cases.
class EtcdBackend : public Backend {
 public:
  explicit EtcdBackend(const std::string& endpoint) : endpoint_(endpoint) {}
  std::unique_ptr<Store> open() override {
    auto store = connect_etcd({.endpoints = {endpoint_}, .connect_timeout_ms = 10'000});
    if (!store) fprintf(stderr, "%s\n", store.error().message().c_str());
    return store ? std::move(*store) : nullptr;
  }
  bool embedded() const override { return false; }
  bool persistent() const override { return true; }
  void pass_seconds(int, Store&) override {}  // its time is real; who waits for the change waits long enough

 private:
  std::string endpoint_;
};

}  // namespace

std::unique_ptr<Backend> make_etcd_backend() {
  static auto server = EtcdServer::start();
  return server ? std::make_unique<EtcdBackend>(server->endpoint()) : nullptr;
}

std::unique_ptr<Backend> make_memory_backend() {
  return std::make_unique<MemoryBackend>();
}
std::unique_ptr<Backend> make_sqlite_backend() {
  return std::make_unique<SqliteBackend>();
}

}  // namespace sampan::store
