// Kills a process that writes, again and again, and looks whether everything it was promised is there.
// SAMPAN_CRASH_ROUNDS sets how often.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/sqlite.h"
#include "store/testing.h"

namespace sampan::store {

namespace {

constexpr int kThreads = 8;
constexpr int kKeysEach = 5;
constexpr int kReports = 3;                                // the writer's end of the pipe
constexpr const char* kOrders = "SAMPAN_CRASH_ORDERS";  // what the writer shall do: "5 compacting /path"

// One acknowledged write, as the child reports it over the pipe (small enough to arrive whole).
struct Report {
  int32_t key;
  int32_t counter;
  Revision revision;
  int32_t relaxed;
  int32_t padding = 0;
};

std::string key_name(int key) {
  return concat("/k/", key);
}

// In a process of its own, until it is killed: each thread counts up its own keys.
[[noreturn]] void write_for_ever(const std::string& path, int counter, bool compacting) {
  auto opened = open_sqlite_store({.path = path, .history_seconds = 0, .relaxed_flush_ms = 20, .wal_pages = 200});
  if (!opened) _exit(1);
  auto& store = **opened;
  auto work = [&](int thread) {
    for (int i = counter;; i++) {
      Report report{thread * kKeysEach + i % kKeysEach, i, 0, thread % 4 == 3};
      Write write{.key = key_name(report.key), .value = concat(i, std::string(500, 'x'))};
      if (report.relaxed) write.durability = Durability::Relaxed;
      auto written = store.write(std::move(write));
      if (!written) _exit(2);
      report.revision = written->revision;
      if (::write(kReports, &report, sizeof report) != sizeof report) _exit(4);
      if (compacting && thread == 0 && i % 20 == 0 && !store.compact(report.revision)) _exit(3);
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++) threads.emplace_back(work, t);
  for (auto& thread : threads) thread.join();
  _exit(0);
}

// This program anew, as a writer: a fork of a process that has threads would begin with whatever locks those held.
pid_t spawn_writer(const std::string& path, int pipe, int counter, bool compacting) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, pipe, kReports);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::string orders = concat(kOrders, "=", counter, compacting ? " compacting " : " plain ", path);
  std::vector<char*> environment{orders.data()};
  for (char** variable = environ; *variable; variable++) environment.push_back(*variable);
  environment.push_back(nullptr);
  char program[] = "store_test", filter[] = "--gtest_filter=SqliteCrash.DISABLED_Writer", disabled[] = "--gtest_also_run_disabled_tests";
  char* arguments[] = {program, filter, disabled, nullptr};
  pid_t child = -1;
  if (posix_spawn(&child, "/proc/self/exe", &files, nullptr, arguments, environment.data()) != 0) child = -1;
  posix_spawn_file_actions_destroy(&files);
  return child;
}

struct Seen {
  int counter = -1;
  Revision revision = 0;
};

class CrashTest {
 public:
  void round(int number) {
    bool compacting = number % 2 == 1;
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    auto child = spawn_writer(path_, ends[1], counter_, compacting);
    ASSERT_GT(child, 0);
    ::close(ends[1]);
    auto reports = collect(ends[0], child);
    ASSERT_FALSE(reports.empty());
    verify(reports, compacting);
  }

 private:
  std::vector<Report> collect(int pipe, pid_t child) {
    std::vector<Report> reports;
    Report report;
    int64_t kill_at = 0;
    while (::read(pipe, &report, sizeof report) == sizeof report) {
      reports.push_back(report);
      auto now = real_clock().monotonic_us();
      if (kill_at == 0) kill_at = now + 2'000 + static_cast<int64_t>(secure_random().below(60'000));
      if (now >= kill_at) kill(child, SIGKILL), kill_at = INT64_MAX;
    }
    ::close(pipe);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "exit " << WEXITSTATUS(status);
    return reports;
  }

  void verify(const std::vector<Report>& reports, bool compacting) {
    std::map<int, Seen> latest;
    std::map<Revision, Report> by_revision;
    Revision last_full = 0, highest = 0;
    for (auto& report : reports) {
      ASSERT_TRUE(by_revision.emplace(report.revision, report).second) << "revision given twice: " << report.revision;
      ASSERT_GT(report.revision, highest_before_);
      highest = std::max(highest, report.revision);
      counter_ = std::max(counter_, report.counter + 1);
      if (report.relaxed) continue;
      last_full = std::max(last_full, report.revision);
      if (report.counter > latest[report.key].counter) latest[report.key] = {report.counter, report.revision};
    }
    auto opened = open_sqlite_store({.path = path_, .history_seconds = 0});
    ASSERT_TRUE(opened) << opened.error().message();
    auto& store = **opened;
    ASSERT_GT(*store.current_revision(), highest);
    for (auto& [key, seen] : latest) {
      auto range = store.range({.start = key_name(key)});
      ASSERT_TRUE(range) << range.error().message();
      ASSERT_EQ(range->entries.size(), 1u);
      ASSERT_GE(range->entries[0].modified, seen.revision) << "an acknowledged write is gone: " << key_name(key);
    }
    auto all = store.range({.start = "/k/", .end = "/k0"});
    ASSERT_TRUE(all) << all.error().message();
    if (!compacting) verify_history(store, by_revision);
    // Who saw the last write that was promised to be on disk goes on from there.
    if (last_full > 0) {
      auto sink = std::make_shared<Recorder>();
      auto watch = store.watch("/k/", "/k0", last_full + 1, sink);
      ASSERT_TRUE(watch) << watch.error().message();
      auto written = store.write({.key = "/k/after", .value = "1"});
      ASSERT_TRUE(written);
      ASSERT_TRUE(sink->ordered());
      ASSERT_EQ(sink->last(), written->revision);
    }
    highest_before_ = *store.current_revision();
  }

  // The log since the last round has every durable write at its revision, in order.
  void verify_history(Store& store, const std::map<Revision, Report>& by_revision) {
    auto sink = std::make_shared<Recorder>();
    auto watch = store.watch("/k/", "/k0", highest_before_ ? highest_before_ + 1 : 2, sink);
    ASSERT_TRUE(watch) << watch.error().message();
    ASSERT_TRUE(sink->ordered());
    std::map<Revision, std::string> lines;
    for (auto& line : sink->lines(0)) {
      Revision revision = 0;
      ASSERT_TRUE(parse_int(std::string_view(line).substr(1, line.find(' ') - 1), revision));
      lines[revision] = line;
    }
    for (auto& [revision, report] : by_revision) {
      auto found = lines.find(revision);
      if (report.relaxed && found == lines.end()) continue;
      ASSERT_NE(found, lines.end()) << "revision " << revision << " is gone";
      auto expected = concat(key_name(report.key), "=", report.counter, "x");
      ASSERT_NE(found->second.find(expected), std::string::npos) << found->second.substr(0, 60);
    }
  }

  TemporaryDirectory directory_;
  std::string path_ = directory_.path() + "/store.db";
  int counter_ = 0;
  Revision highest_before_ = 0;
};

}  // namespace

TEST(SqliteCrash, DISABLED_Writer) {
  const char* orders = getenv(kOrders);
  if (!orders) GTEST_SKIP() << "the other test starts it";
  auto words = split(orders, ' ');
  int counter = 0;
  ASSERT_TRUE(words.size() == 3 && parse_int(words[0], counter));
  write_for_ever(std::string(words[2]), counter, words[1] == "compacting");
}

TEST(SqliteCrash, EverythingAcknowledgedIsThere) {
  const char* wanted = getenv("SAMPAN_CRASH_ROUNDS");
  int rounds = wanted ? atoi(wanted) : 4;
  CrashTest test;
  for (int i = 0; i < rounds && !::testing::Test::HasFatalFailure(); i++) {
    SCOPED_TRACE(concat("round ", i));
    test.round(i);
  }
}

}  // namespace sampan::store
