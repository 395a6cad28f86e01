// One table of cases, run against every backend. Revisions are written relative to where the case began, because an
// etcd server is shared by all cases.
#include "store/store.h"

#include <gtest/gtest.h>

#include "store/backends_for_test.h"

namespace sampan::store {

namespace {

// What a case works with: the store, a prefix of its own, and helpers that fail the test on an error.
class Case {
 public:
  Case(Backend& backend, std::string prefix) : backend_(backend), prefix_(std::move(prefix)) { open(); }

  Store& store() { return *store_; }
  Backend& backend() { return backend_; }
  std::string key(std::string_view name) { return concat(prefix_, name); }
  void open() {
    store_ = backend_.open();
    base_ = *store_->current_revision();
  }
  void reopen() {
    store_.reset();
    store_ = backend_.open();
  }
  Revision base() { return base_; }

  Written write(Write write) {
    write.key = key(write.key);
    auto written = store_->write(std::move(write));
    EXPECT_TRUE(written) << (written ? "" : written.error().message());
    return written ? std::move(*written) : Written{};
  }
  Revision put(std::string_view name, std::string_view value, Durability durability = Durability::Full) {
    auto written = write({.key = std::string(name), .value = std::string(value), .durability = durability});
    EXPECT_TRUE(written.applied);
    return written.revision;
  }
  Revision remove(std::string_view name) {
    auto written = write({.key = std::string(name)});
    EXPECT_TRUE(written.applied);
    return written.revision;
  }
  // "a=1@2 b=2@3 (2)": entries with their revisions relative to base(), and the count.
  std::string list(RangeOptions options = {}) {
    options.start = concat(prefix_, options.start);
    options.end = options.end.empty() ? end_of_prefix(prefix_) : options.end == "=" ? "" : concat(prefix_, options.end);
    auto range = store_->range(options);
    if (!range) return std::string(name_of(range.error().reason()));
    std::string text;
    for (auto& entry : range->entries)
      append(text, entry.key.substr(prefix_.size()), "=", entry.value, "@", entry.created - base_, "/",
             entry.modified - base_, " ");
    return concat(text, "(", range->count, ")");
  }
  std::string list_at(Revision revision) { return list({.revision = revision}); }
  std::unique_ptr<Watch> watch(Revision from, std::shared_ptr<Recorder> sink) {
    auto watch = store_->watch(prefix_, end_of_prefix(prefix_), from, std::move(sink));
    return watch ? std::move(*watch) : nullptr;
  }
  // A watch's lines, with the prefix and the base taken away.
  std::vector<std::string> lines(Recorder& sink, size_t count) {
    auto lines = sink.lines(count);
    for (auto& line : lines) {
      auto space = line.find(' ');
      Revision revision = 0;
      parse_int(std::string_view(line).substr(1, space - 1), revision);
      line = concat(line[0], revision - base_, " ", line.substr(space + 1 + prefix_.size()));
    }
    return lines;
  }

 private:
  Backend& backend_;
  std::string prefix_;
  std::unique_ptr<Store> store_;
  Revision base_ = 0;
};

using Lines = std::vector<std::string>;

void create_if_absent(Case& c) {
  auto first = c.write({.key = "a", .value = "1", .expected = 0});
  EXPECT_TRUE(first.applied);
  EXPECT_EQ(first.revision, c.base() + 1);
  EXPECT_FALSE(first.previous);
  auto second = c.write({.key = "a", .value = "2", .expected = 0});
  EXPECT_FALSE(second.applied);
  EXPECT_EQ(second.revision, c.base() + 1);
  ASSERT_TRUE(second.previous);
  EXPECT_EQ(second.previous->value, "1");
  EXPECT_EQ(second.previous->modified, first.revision);
  EXPECT_EQ(c.list(), "a=1@1/1 (1)");
}

void compare_and_put(Case& c) {
  auto one = c.put("a", "1");
  auto stale = c.write({.key = "a", .value = "x", .expected = one - 1});
  EXPECT_FALSE(stale.applied);
  auto two = c.write({.key = "a", .value = "2", .expected = one});
  EXPECT_TRUE(two.applied);
  ASSERT_TRUE(two.previous);
  EXPECT_EQ(two.previous->value, "1");
  EXPECT_EQ(two.previous->created, one);
  EXPECT_FALSE(c.write({.key = "a", .value = "3", .expected = one}).applied);
  EXPECT_FALSE(c.write({.key = "missing", .value = "3", .expected = one}).applied);
  EXPECT_EQ(c.list(), "a=2@1/2 (1)");
}

void delete_with_expectation(Case& c) {
  auto one = c.put("a", "1");
  EXPECT_FALSE(c.write({.key = "a", .expected = one + 100}).applied);
  auto gone = c.write({.key = "a", .expected = one});
  EXPECT_TRUE(gone.applied);
  EXPECT_EQ(gone.revision, one + 1);
  ASSERT_TRUE(gone.previous);
  EXPECT_EQ(gone.previous->value, "1");
  EXPECT_FALSE(c.write({.key = "a", .expected = one}).applied);
  // Nothing to delete: no revision is used up.
  auto nothing = c.write({.key = "a"});
  EXPECT_FALSE(nothing.applied);
  EXPECT_FALSE(nothing.previous);
  EXPECT_EQ(*c.store().current_revision(), one + 1);
  // A key made again is a new key.
  c.put("a", "2");
  EXPECT_EQ(c.list(), "a=2@3/3 (1)");
}

void ranges(Case& c) {
  for (auto* name : {"b/1", "b/2", "b/3", "c", "a"}) c.put(name, name);
  EXPECT_EQ(c.list(), "a=a@5/5 b/1=b/1@1/1 b/2=b/2@2/2 b/3=b/3@3/3 c=c@4/4 (5)");
  EXPECT_EQ(c.list({.start = "b/", .end = "b0"}), "b/1=b/1@1/1 b/2=b/2@2/2 b/3=b/3@3/3 (3)");
  EXPECT_EQ(c.list({.start = "b/2", .end = "="}), "b/2=b/2@2/2 (1)");
  EXPECT_EQ(c.list({.start = "b", .end = "="}), "(0)");
  EXPECT_EQ(c.list({.start = "b/", .end = "c", .limit = 2}), "b/1=b/1@1/1 b/2=b/2@2/2 (3)");
  EXPECT_EQ(c.list({.limit = 5}), "a=a@5/5 b/1=b/1@1/1 b/2=b/2@2/2 b/3=b/3@3/3 c=c@4/4 (5)");
  EXPECT_EQ(c.list({.start = "c", .keys_only = true}), "c=@4/4 (1)");
  EXPECT_EQ(c.list({.count_only = true}), "(5)");
}

void ranges_in_the_past(Case& c) {
  auto one = c.put("a", "1");
  c.put("b", "1");
  c.put("a", "2");
  auto four = c.remove("b");
  auto five = c.put("b", "2");
  EXPECT_EQ(c.list_at(one), "a=1@1/1 (1)");
  EXPECT_EQ(c.list_at(one + 1), "a=1@1/1 b=1@2/2 (2)");
  EXPECT_EQ(c.list_at(four - 1), "a=2@1/3 b=1@2/2 (2)");
  EXPECT_EQ(c.list_at(four), "a=2@1/3 (1)");
  EXPECT_EQ(c.list_at(five), "a=2@1/3 b=2@5/5 (2)");
  EXPECT_EQ(c.list({.limit = 1, .revision = one + 1}), "a=1@1/1 (2)");
  EXPECT_EQ(c.list({.revision = four - 1, .count_only = true}), "(2)");
  EXPECT_EQ(c.list_at(five + 1), "Timeout");
  auto range = c.store().range({.start = c.key("a"), .revision = one});
  ASSERT_TRUE(range);
  EXPECT_EQ(range->entries.size(), 1u);
}

void watch_from_now(Case& c) {
  c.put("a", "0");
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(*c.store().current_revision() + 1, sink);
  ASSERT_TRUE(watch);
  c.put("a", "1");
  c.put("b", "1", Durability::Relaxed);
  c.remove("a");
  c.write({.key = "b", .value = "x", .expected = 1});  // fails: nothing to see
  c.put("a", "2");
  EXPECT_EQ(c.lines(*sink, 4), (Lines{"~2 a=1 was 0", "+3 b=1", "-4 a was 1", "+5 a=2"}));
  watch.reset();
  c.put("a", "3");
  EXPECT_EQ(sink->lines(4).size(), 4u);
}

void watch_from_past(Case& c) {
  auto one = c.put("a", "1");
  c.put("b", "1");
  c.put("a", "2");
  c.remove("b");
  auto all = std::make_shared<Recorder>(), some = std::make_shared<Recorder>();
  auto first = c.watch(one, all), second = c.watch(one + 2, some);
  c.put("b", "2");
  EXPECT_EQ(c.lines(*all, 5), (Lines{"+1 a=1", "+2 b=1", "~3 a=2 was 1", "-4 b was 1", "+5 b=2"}));
  EXPECT_EQ(c.lines(*some, 3), (Lines{"~3 a=2 was 1", "-4 b was 1", "+5 b=2"}));
}

void watch_from_future(Case& c) {
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(c.base() + 3, sink);
  ASSERT_TRUE(watch);
  for (auto* value : {"1", "2", "3"}) c.put("a", value);
  EXPECT_EQ(c.lines(*sink, 1), (Lines{"~3 a=3 was 2"}));
}

void watch_one_key(Case& c) {
  auto sink = std::make_shared<Recorder>();
  auto watch = c.store().watch(c.key("a"), "", c.base() + 1, sink);
  ASSERT_TRUE(watch);
  c.put("ab", "1");
  c.put("a", "1");
  EXPECT_EQ(c.lines(*sink, 1), (Lines{"+2 a=1"}));
}

// etcd #18089, #19179: a watch that starts right at a compacted revision still gets what happened there, deletions too.
void compaction_keeps_its_revision(Case& c) {
  c.put("a", "1");
  c.put("b", "1");
  auto gone = c.remove("a");
  ASSERT_TRUE(c.store().compact(gone));
  for (int i = 0; i < 3; i++) c.put("b", concat(i));  // the sweep, where it is part of writing, passes
  EXPECT_EQ(*c.store().oldest_revision(), gone);
  EXPECT_EQ(c.list_at(gone), "b=1@2/2 (1)");
  EXPECT_EQ(c.list_at(gone - 1), "Expired");
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(gone, sink);
  ASSERT_TRUE(watch);
  // etcd 3.4 may have dropped the deletion.
  auto lines = c.lines(*sink, c.backend().embedded() ? 4 : 3);
  EXPECT_EQ(lines.back(), "~6 b=2 was 1");
  if (c.backend().embedded()) {
    EXPECT_EQ(lines.front(), "-3 a was 1");
    EXPECT_EQ(lines.size(), 4u);
  }
}

void compaction_expires(Case& c) {
  auto one = c.put("a", "1");
  c.put("a", "2");
  auto three = c.put("a", "3");
  EXPECT_FALSE(c.store().compact(three + 1));
  ASSERT_TRUE(c.store().compact(three));
  auto again = c.store().compact(one);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().reason(), Reason::Expired);
  auto sink = std::make_shared<Recorder>();
  auto watch = c.store().watch(c.key(""), end_of_prefix(c.key("")), one, sink);
  auto ended = watch ? sink->ended() : std::string(name_of(watch.error().reason()));  // from afar it comes later
  EXPECT_EQ(ended, "Expired");
  EXPECT_TRUE(sink->lines(0).empty());
  EXPECT_EQ(c.list(), "a=3@1/3 (1)");
}

// Watches that are up to date lose nothing when history is cut under them while writers go on.
void compaction_under_watches(Case& c) {
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(c.base() + 1, sink);
  constexpr int kWrites = 300;
  c.put("first", "1");
  EXPECT_EQ(sink->lines(1).size(), 1u);  // the watch stands, from afar too
  for (int i = 0; i < kWrites; i++) {
    auto revision = c.put(concat("k", i % 7), concat(i));
    if (i % 10 == 9) {
      EXPECT_TRUE(c.store().compact(revision));
    }
    if (i % 25 == 24) c.remove(concat("k", i % 7));
  }
  constexpr size_t kChanges = 1 + kWrites + kWrites / 25;
  EXPECT_EQ(sink->lines(kChanges).size(), kChanges);
  EXPECT_TRUE(sink->ordered());
}

// etcd #15271, #17529: a watch whose reader is slow gets everything, in order.
void slow_watcher(Case& c) {
  class Slow : public Recorder {
    void on_changes(std::span<const Change> changes) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      Recorder::on_changes(changes);
    }
  };
  auto slow = std::make_shared<Slow>();
  auto quick = std::make_shared<Recorder>();
  auto first = c.watch(c.base() + 1, slow), second = c.watch(c.base() + 1, quick);
  std::vector<std::thread> writers;
  for (int t = 0; t < 4; t++)
    writers.emplace_back([&, t] {
      for (int i = 0; i < 25; i++) c.put(concat(t), concat(i));
    });
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(slow->lines(100), quick->lines(100));
  EXPECT_TRUE(slow->ordered());
}

void one_winner_a_revision(Case& c) {
  constexpr int kThreads = 8, kRounds = 20;
  c.put("a", "0");
  std::atomic<int> wins = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; t++)
    threads.emplace_back([&] {
      for (int won = 0; won < kRounds;) {
        auto now = c.store().range({.start = c.key("a")});
        ASSERT_TRUE(now);
        ASSERT_EQ(now->entries.size(), 1u);
        int value = 0;
        parse_int(now->entries[0].value, value);
        auto written = c.write({.key = "a", .value = concat(value + 1), .expected = now->entries[0].modified});
        if (written.applied) won++, wins++;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wins, kThreads * kRounds);
  // Each win added one: no two built on the same value.
  EXPECT_EQ(c.list(), concat("a=", kThreads * kRounds, "@1/", kThreads * kRounds + 1, " (1)"));
}

// A range and a watch from its revision on, taken while writers write, together show every change once.
void range_then_watch(Case& c) {
  std::atomic<bool> stop = false;
  std::vector<std::jthread> writers;
  struct Stop {  // where an assertion ends the case, too
    std::atomic<bool>& flag;
    ~Stop() { flag = true; }
  } at_the_end{stop};
  for (int t = 0; t < 2; t++)
    writers.emplace_back([&, t] {
      for (int i = 0; !stop; i++) c.put(concat("k", t), concat(i), i % 3 ? Durability::Relaxed : Durability::Full);
    });
  for (int round = 0; round < 10; round++) {
    auto prefix = c.key("");
    auto range = c.store().range({.start = prefix, .end = end_of_prefix(prefix)});
    ASSERT_TRUE(range);
    auto sink = std::make_shared<Recorder>();
    auto watch = c.watch(range->revision + 1, sink);
    ASSERT_TRUE(watch);
    auto seen = sink->lines(20);
    ASSERT_GE(seen.size(), 20u);
    for (size_t i = 1; i < 20; i++) {
      Revision revision = 0;
      parse_int(std::string_view(seen[i]).substr(1, seen[i].find(' ') - 1), revision);
      ASSERT_EQ(revision, range->revision + 1 + static_cast<Revision>(i)) << seen[i];
    }
    EXPECT_TRUE(sink->ordered());
  }
}

void progress(Case& c) {
  if (c.backend().embedded()) return;
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(c.base() + 1, sink);
  auto revision = c.put("a", "1");
  EXPECT_EQ(sink->lines(1).size(), 1u);
  auto requested = c.store().request_progress();
  if (!requested) {  // an etcd that gets it wrong is not asked
    EXPECT_EQ(requested.error().reason(), Reason::MethodNotAllowed);
    return;
  }
  EXPECT_TRUE(sink->saw_progress(revision));
}

void restart(Case& c) {
  if (!c.backend().persistent()) return;
  auto one = c.put("a", "1");
  c.put("b", "1");
  c.remove("b");
  c.put("a", "2", Durability::Relaxed);
  c.reopen();
  EXPECT_EQ(*c.store().current_revision(), one + 3);
  EXPECT_EQ(c.list(), "a=2@1/4 (1)");
  EXPECT_EQ(c.list_at(one + 1), "a=1@1/1 b=1@2/2 (2)");
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(one + 1, sink);
  ASSERT_TRUE(watch);
  c.put("a", "3");
  EXPECT_EQ(c.lines(*sink, 4), (Lines{"+2 b=1", "-3 b was 1", "~4 a=2 was 1", "~5 a=3 was 2"}));
}

void time_to_live(Case& c) {
  c.put("stays", "1");
  c.write({.key = "goes", .value = "1", .ttl_seconds = 1});
  c.write({.key = "relaxed", .value = "1", .ttl_seconds = 1, .durability = Durability::Relaxed});
  c.write({.key = "renewed", .value = "1", .ttl_seconds = 1});
  c.put("renewed", "2");
  auto sink = std::make_shared<Recorder>();
  auto watch = c.watch(*c.store().current_revision() + 1, sink);
  if (c.backend().persistent() && c.backend().embedded()) watch.reset(), c.reopen();
  watch = c.watch(*c.store().current_revision() + 1, sink);
  c.backend().pass_seconds(2, c.store());
  auto lines = c.lines(*sink, 2);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_NE(join(lines, ",").find("goes was 1"), std::string::npos);
  EXPECT_NE(join(lines, ",").find("relaxed was 1"), std::string::npos);
  EXPECT_EQ(c.list(), "renewed=2@4/5 stays=1@1/1 (2)");
}

void odd_bytes(Case& c) {
  std::string value("\0\xff\n", 3);
  c.put("empty", "");
  c.put("bytes", value);
  EXPECT_EQ(c.list({.start = "bytes", .end = "="}), concat("bytes=", value, "@2/2 (1)"));
  auto range = c.store().range({.start = c.key("empty")});
  ASSERT_TRUE(range);
  EXPECT_EQ(range->entries.size(), 1u);
  std::string large(300'000, 'x');
  c.put("large", large);
  EXPECT_EQ(c.store().range({.start = c.key("large")})->entries[0].value, large);
}

struct Row {
  const char* name;
  void (*run)(Case&);
};
constexpr Row kCases[] = {
    {"create_if_absent", create_if_absent},
    {"compare_and_put", compare_and_put},
    {"delete_with_expectation", delete_with_expectation},
    {"ranges", ranges},
    {"ranges_in_the_past", ranges_in_the_past},
    {"watch_from_now", watch_from_now},
    {"watch_from_past", watch_from_past},
    {"watch_from_future", watch_from_future},
    {"watch_one_key", watch_one_key},
    {"compaction_keeps_its_revision", compaction_keeps_its_revision},
    {"compaction_expires", compaction_expires},
    {"compaction_under_watches", compaction_under_watches},
    {"slow_watcher", slow_watcher},
    {"one_winner_a_revision", one_winner_a_revision},
    {"range_then_watch", range_then_watch},
    {"progress", progress},
    {"restart", restart},
    {"time_to_live", time_to_live},
    {"odd_bytes", odd_bytes},
};

void run_all(std::unique_ptr<Backend> (*make)()) {
  for (auto& row : kCases) {
    SCOPED_TRACE(row.name);
    auto backend = make();
    if (!backend) GTEST_SKIP() << "the etcd binary is not installed";
    Case c(*backend, concat("/registry/", row.name, "/"));
    row.run(c);
  }
}

}  // namespace

TEST(Store, Memory) {
  run_all(make_memory_backend);
}
TEST(Store, Sqlite) {
  run_all(make_sqlite_backend);
}
TEST(Store, Etcd) {
  run_all(make_etcd_backend);
}

TEST(Store, EndOfPrefix) {
  struct {
    std::string prefix, end;
  } const rows[] = {{"/a/", "/a0"}, {"a\xff", "b"}, {"", std::string(1, '\0')}, {"\xff\xff", std::string(1, '\0')}};
  for (auto& row : rows) EXPECT_EQ(end_of_prefix(row.prefix), row.end) << row.prefix;
}

}  // namespace sampan::store
