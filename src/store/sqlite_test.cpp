// What is SQLite's own: files, restarts, full disks, relaxed writes, compaction.
#include "store/sqlite.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "store/testing.h"

namespace sampan::store {

namespace {

class Sqlite : public ::testing::Test {
 protected:
  std::string path() { return directory_.path() + "/store.db"; }
  std::unique_ptr<Store> open(SqliteOptions options = {}) {
    if (options.path.empty()) options.path = path();
    options.clock = &clock_;
    auto store = open_sqlite_store(options);
    EXPECT_TRUE(store) << (store ? "" : store.error().message());
    return store ? std::move(*store) : nullptr;
  }
  static Result<Written> put(Store& store, std::string key, std::string value,
                             Durability durability = Durability::Full) {
    return store.write({.key = std::move(key), .value = std::move(value), .durability = durability});
  }
  static std::string get(Store& store, const std::string& key) {
    auto range = store.range({.start = key});
    if (!range) return range.error().message();
    return range->entries.empty() ? "(none)" : range->entries[0].value;
  }
  int64_t file_bytes(const char* suffix) {
    struct stat about;
    return ::stat((path() + suffix).c_str(), &about) == 0 ? about.st_size : 0;
  }
  // The files as a power cut would leave them.
  std::string crash_image() {
    auto copy = directory_.path() + "/crashed.db";
    for (auto* suffix : {"", "-wal"})
      EXPECT_EQ(system(concat("cp '", path(), suffix, "' '", copy, suffix, "'").c_str()), 0);
    return copy;
  }

  TemporaryDirectory directory_;
  SetClock clock_;
};

TEST_F(Sqlite, SecondProcessIsRefused) {
  auto store = open();
  auto second = open_sqlite_store({.path = path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(), concat("store file ", path(), ": in use by another process"));
}

TEST_F(Sqlite, DamagedFileIsNamed) {
  auto* file = fopen(path().c_str(), "w");
  for (int i = 0; i < 1000; i++) fputs("this is not a database ", file);
  fclose(file);
  auto store = open_sqlite_store({.path = path()});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message().find(concat("store file ", path(), ": the file is damaged")), std::string::npos)
      << store.error().message();
}

TEST_F(Sqlite, DirectoryThatIsNotThere) {
  auto store = open_sqlite_store({.path = directory_.path() + "/none/store.db"});
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message().find("No such file or directory"), std::string::npos) << store.error().message();
}

TEST_F(Sqlite, RelaxedWritesStayOffTheDisk) {
  auto store = open();
  ASSERT_TRUE(put(*store, "full", "1"));
  auto before = file_bytes("-wal");
  Revision revision = 0;
  for (int i = 0; i < 50; i++) revision = put(*store, "lease", concat(i), Durability::Relaxed)->revision;
  EXPECT_EQ(file_bytes("-wal"), before);
  EXPECT_EQ(get(*store, "lease"), "49");
  EXPECT_EQ(store->range({.start = "lease", .revision = revision - 9})->entries[0].value, "40");
  auto sink = std::make_shared<Recorder>();
  auto watch = store->watch("lease", "", revision - 1, sink);
  EXPECT_EQ(sink->lines(2).front(), concat("~", revision - 1, " lease=48 was 47"));

  clock_.advance_seconds(61);
  ASSERT_TRUE(put(*store, "lease", "50", Durability::Relaxed));
  EXPECT_GT(file_bytes("-wal"), before);
  EXPECT_EQ(get(*store, "lease"), "50");
}

TEST_F(Sqlite, RangesLayRelaxedWritesOverTheDisk) {
  auto store = open();
  for (auto* key : {"a", "b", "c", "d"}) ASSERT_TRUE(put(*store, key, "1"));
  store->write({.key = "a", .durability = Durability::Relaxed});
  put(*store, "c", "2", Durability::Relaxed);
  put(*store, "e", "1", Durability::Relaxed);
  store->write({.key = "e", .durability = Durability::Relaxed});
  put(*store, "bb", "1", Durability::Relaxed);
  auto list = [&](RangeOptions options) {
    options.start = "a";
    options.end = "z";
    auto range = store->range(options);
    std::string text;
    for (auto& entry : range->entries) append(text, entry.key, "=", entry.value, " ");
    return concat(text, range->count);
  };
  EXPECT_EQ(list({}), "b=1 bb=1 c=2 d=1 4");
  EXPECT_EQ(list({.limit = 1}), "b=1 4");
  EXPECT_EQ(list({.limit = 2}), "b=1 bb=1 4");
  EXPECT_EQ(list({.limit = 3, .keys_only = true}), "b= bb= c= 4");
  EXPECT_EQ(list({.count_only = true}), "4");
  EXPECT_EQ(list({.revision = 7}), "b=1 c=2 d=1 3");
  EXPECT_EQ(list({.revision = 8}), "b=1 c=2 d=1 e=1 4");
}

TEST_F(Sqlite, CrashLosesRelaxedWritesButNoRevision) {
  auto store = open();
  put(*store, "a", "1");
  auto full = put(*store, "a", "2")->revision;
  put(*store, "a", "3", Durability::Relaxed);
  auto lost = put(*store, "b", "1", Durability::Relaxed)->revision;
  auto crashed = open({.path = crash_image()});
  ASSERT_TRUE(crashed);
  EXPECT_GT(*crashed->current_revision(), lost);
  EXPECT_EQ(get(*crashed, "a"), "2");
  EXPECT_EQ(get(*crashed, "b"), "(none)");
  // Who saw nothing of what was lost goes on without a gap; who did starts over.
  auto sink = std::make_shared<Recorder>();
  auto watch = crashed->watch("a", "z", full, sink);
  ASSERT_TRUE(watch);
  for (auto from : {lost, lost + 1}) {
    auto refused = crashed->watch("a", "z", from, std::make_shared<Recorder>());
    ASSERT_FALSE(refused) << from;
    EXPECT_EQ(refused.error().reason(), Reason::Expired);
    auto past = crashed->range({.start = "a", .revision = from});
    ASSERT_FALSE(past);
    EXPECT_EQ(past.error().reason(), Reason::Expired);
  }
  auto next = put(*crashed, "c", "1")->revision;
  EXPECT_GT(next, lost);
  EXPECT_EQ(sink->lines(2), (std::vector<std::string>{concat("~", full, " a=2 was 1"), concat("+", next, " c=1")}));
  EXPECT_EQ(crashed->range({.start = "a", .revision = full})->entries[0].value, "2");
}

TEST_F(Sqlite, BackupIsAStore) {
  auto store = open();
  put(*store, "a", "1");
  put(*store, "lease", "1", Durability::Relaxed);
  auto copy = directory_.path() + "/copy.db";
  ASSERT_TRUE(store->backup(copy));
  put(*store, "a", "2");
  auto restored = open({.path = copy});
  ASSERT_TRUE(restored);
  EXPECT_EQ(get(*restored, "a"), "1");
  EXPECT_EQ(get(*restored, "lease"), "1");
  EXPECT_GT(*restored->current_revision(), *store->current_revision());
}

TEST_F(Sqlite, FullFileFailsWholeAndRecovers) {
  auto store = open({.max_bytes = 1 << 20});
  std::string value(20'000, 'x');
  Revision last = 0;
  std::string message;
  for (int i = 0; i < 200 && message.empty(); i++) {
    auto written = put(*store, "a", concat(i, value));
    if (written)
      last = written->revision;
    else
      message = written.error().message();
  }
  EXPECT_EQ(message, concat("store file ", path(), ": no room left on the disk, nothing was written"));
  EXPECT_EQ(*store->current_revision(), last);
  EXPECT_EQ(get(*store, "a"), concat(last - 2, value));
  // The history becomes old: its room is used again without anyone's doing.
  clock_.advance_seconds(301);
  (void)put(*store, "a", value);
  clock_.advance_seconds(301);
  (void)put(*store, "a", value);
  auto written = put(*store, "a", value);
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_EQ(get(*store, "a"), value);
}

TEST_F(Sqlite, FullDiskFailsWholeAndRecovers) {
  auto store = open();
  ASSERT_TRUE(put(*store, "a", "1"));
  auto ignored = signal(SIGXFSZ, SIG_IGN);
  rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = static_cast<rlim_t>(file_bytes("-wal") + 20'000);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto failed = put(*store, "a", std::string(100'000, 'x'));
  auto relaxed = put(*store, "b", "relaxed", Durability::Relaxed);
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, ignored);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason(), Reason::ServiceUnavailable) << failed.error().message();
  EXPECT_NE(failed.error().message().find(path()), std::string::npos) << failed.error().message();
  ASSERT_TRUE(relaxed);
  EXPECT_EQ(get(*store, "a"), "1");
  ASSERT_TRUE(put(*store, "a", "2"));
  store.reset();
  store = open();
  EXPECT_EQ(get(*store, "a"), "2");
  EXPECT_EQ(get(*store, "b"), "relaxed");
}

TEST_F(Sqlite, HistoryIsCutAndTheFileShrinks) {
  auto store = open({.wal_pages = 100});
  std::string value(4000, 'x');
  std::vector<std::thread> writers;
  for (int t = 0; t < 8; t++)
    writers.emplace_back([&, t] {
      for (int i = 0; i < 250; i++) EXPECT_TRUE(put(*store, concat("k", t, "/", i), value));
      for (int i = 0; i < 250; i++) EXPECT_TRUE(store->write({.key = concat("k", t, "/", i)}));
    });
  for (auto& writer : writers) writer.join();
  auto large = file_bytes("");
  EXPECT_GT(large, 4'000'000);
  clock_.advance_seconds(301);
  put(*store, "a", "1");
  clock_.advance_seconds(301);
  put(*store, "a", "2");
  // The rest is done while nobody writes.
  for (int i = 0; i < 500 && file_bytes("") > large / 3; i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_GT(*store->oldest_revision(), 4000);
  EXPECT_LT(file_bytes(""), large / 3) << "oldest " << *store->oldest_revision();
  EXPECT_EQ(store->range({.start = "", .end = std::string(1, '\0')})->count, 1);
}

TEST_F(Sqlite, IdleFileIsNotWritten) {
  auto store = open();
  put(*store, "a", "1");
  store.reset();
  auto before = file_bytes("");
  struct stat first, second;
  ASSERT_EQ(::stat(path().c_str(), &first), 0);
  store = open();
  EXPECT_EQ(get(*store, "a"), "1");
  (void)store->write({.key = "a", .value = "2", .expected = 1});
  EXPECT_EQ(file_bytes("-wal"), 0);
  store.reset();
  ASSERT_EQ(::stat(path().c_str(), &second), 0);
  EXPECT_EQ(first.st_mtim.tv_nsec, second.st_mtim.tv_nsec);
  EXPECT_EQ(file_bytes(""), before);
}

}  // namespace

}  // namespace sampan::store
