#include "store/cache.h"

#include <gtest/gtest.h>

#include <condition_variable>

#include "base/text.h"
#include "store/memory.h"

namespace sampan::store {

namespace {

class TestClock : public Clock {
 public:
  int64_t now_us() override { return monotonic_us(); }
  int64_t monotonic_us() override { return now.load() + real_clock().monotonic_us(); }
  std::atomic<int64_t> now = 0;
};

// An object of the tests is the text "node:content".
Result<ObjectRef> decode(std::string_view value) {
  if (value == "bad") return fail(internal_error("cannot decode"));
  return Object::make(schema::scalar(schema::Kind::String), value, 0, 0);
}
std::string_view text_of(const Object& object) { return {object.data(), object.size()}; }
std::string_view node_of(const Object& object) { return text_of(object).substr(0, text_of(object).find(':')); }

// A store in memory whose watches can be made to fail, and which may pretend to be far away.
class TestStore : public Store {
 public:
  struct Sink : WatchSink {
    std::shared_ptr<WatchSink> to;
    std::atomic<bool> broken = false;
    void on_changes(std::span<const Change> changes) override {
      if (!broken) to->on_changes(changes);
    }
    void on_progress(Revision revision) override { to->on_progress(revision); }
    void on_end(Error) override {}  // when the store goes
  };

  explicit TestStore(Clock& clock, MemoryOptions options = {}) : inner(make_memory_store(clock, options)) {}

  Result<Written> write(Write write) override { return inner->write(std::move(write)); }
  Result<Range> range(const RangeOptions& options) override { return inner->range(options); }
  Result<std::unique_ptr<Watch>> watch(std::string start, std::string end, Revision from, std::shared_ptr<WatchSink> sink) override {
    if (failing_watches > 0) {
      failing_watches--;
      return fail(Error(Reason::ServiceUnavailable, "away"));
    }
    auto mine = std::make_shared<Sink>();
    mine->to = std::move(sink);
    last = mine;
    watches++;
    return inner->watch(std::move(start), std::move(end), from, mine);
  }
  Result<Revision> current_revision() override { return inner->current_revision(); }
  Revision delivered_revision() override { return far ? 0 : inner->delivered_revision(); }
  Result<Revision> oldest_revision() override { return inner->oldest_revision(); }
  Revision oldest_known() override { return inner->oldest_known(); }
  Result<void> compact(Revision revision) override { return inner->compact(revision); }
  Result<void> request_progress() override {
    last->on_progress(*inner->current_revision());
    return {};
  }
  Result<int64_t> size_bytes() override { return inner->size_bytes(); }
  Result<void> backup(const std::string& path) override { return inner->backup(path); }

  Revision put(std::string_view key, std::string_view value) {
    return write({.key = concat("/registry/pods/", key), .value = std::string(value)})->revision;
  }
  Revision erase(std::string_view key) { return write({.key = concat("/registry/pods/", key)})->revision; }
  Revision other() { return write({.key = "/registry/nodes/n", .value = "x"})->revision; }
  // The watch delivers nothing more; whatever is written is missed until end() tells.
  void break_watch() { last->broken = true; }
  void end(Reason reason) { last->to->on_end(Error(reason, "ended")); }

  std::unique_ptr<MemoryStore> inner;
  std::shared_ptr<Sink> last;
  bool far = false;
  std::atomic<int> failing_watches = 0, watches = 0;
};

class CacheTest : public testing::Test {
 protected:
  std::unique_ptr<Cache> open(CacheOptions options = {}) {
    CachedResource resource{.prefix = "/registry/pods/", .decode = decode, .index = node_of};
    auto cache = Cache::open(store, std::move(resource), clock, options);
    return cache ? *std::move(cache) : nullptr;
  }
  static std::string listed(const Snapshot& snapshot, std::string_view prefix = "", std::string_view from = "") {
    std::string out;
    snapshot.each(prefix, from, [&](std::string_view key, const ObjectRef& object) {
      append(out, out.empty() ? "" : " ", key, "=", text_of(*object), "@", object->revision());
      return true;
    });
    return out;
  }
  // "A a/x=1@2" for each event there is.
  static std::string given(EventStream& stream) {
    std::string out;
    while (auto event = stream.next()) {
      EXPECT_EQ(event->object->revision(), event->revision);
      EXPECT_EQ(!event->previous, event->type == Event::Type::Added);
      append(out, out.empty() ? "" : " ", "AMD"[static_cast<int>(event->type)], " ", event->key, "=", text_of(*event->object), "@",
             event->revision);
    }
    return out;
  }
  static std::string wait_given(EventStream& stream, size_t size) {
    std::string out;
    for (int i = 0; i < 3000 && out.size() < size; i++) {
      auto more = given(stream);
      append(out, out.empty() || more.empty() ? "" : " ", more);
      if (out.size() < size) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return out + given(stream);
  }

  TestClock clock;
  TestStore store{clock};
};

}  // namespace

TEST_F(CacheTest, LoadsInPages) {
  for (int i = 0; i < 25; i++) store.put(concat("ns/p", 10 + i), "n:x");
  auto cache = open({.page = 10});
  auto snapshot = cache->snapshot();
  EXPECT_EQ(snapshot.size(), 25u);
  EXPECT_EQ(snapshot.revision(), 26);
  EXPECT_EQ(snapshot.find("ns/p34")->revision(), 26);
  EXPECT_FALSE(snapshot.find("ns/p35"));
  EXPECT_EQ(snapshot.count("ns/", "ns/p20"), 15u);
  EXPECT_EQ(cache->counts().objects, 25u);
}

TEST_F(CacheTest, FollowsAndKeepsSnapshots) {
  store.put("a/x", "n:1");
  auto cache = open();
  auto before = cache->snapshot();
  auto stream = *cache->events(before.revision());
  store.put("a/y", "n:2");
  store.put("a/x", "m:3");
  store.other();
  store.erase("a/y");
  EXPECT_EQ(listed(cache->snapshot()), "a/x=m:3@4");
  EXPECT_EQ(cache->snapshot().revision(), 6);
  EXPECT_EQ(listed(before), "a/x=n:1@2");
  EXPECT_EQ(given(*stream), "A a/y=n:2@3 M a/x=m:3@4 D a/y=n:2@6");
  EXPECT_EQ(stream->revision(), 6);
  EXPECT_FALSE(stream->error());
  EXPECT_EQ(cache->counts().events_total, 3u);
}

TEST_F(CacheTest, TakesTheWritersObject) {
  auto cache = open();
  auto object = *decode("n:in-process");
  store.write({.key = "/registry/pods/a/x", .value = "bad", .attachment = object});
  EXPECT_EQ(cache->snapshot().find("a/x"), object);
  EXPECT_EQ(object->revision(), 2);
}

TEST_F(CacheTest, LeavesOutWhatCannotBeRead) {
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  store.put("a/x", "n:1");
  store.put("a/y", "bad");
  store.put("a/x", "bad");
  EXPECT_EQ(given(*stream), "A a/x=n:1@2 D a/x=n:1@4");
  EXPECT_EQ(cache->snapshot().size(), 0u);
  EXPECT_FALSE(open());  // but a server must not start as if there were nothing
}

TEST_F(CacheTest, Index) {
  auto names = [](const std::vector<ObjectRef>& objects) {
    std::string out;
    for (auto& object : objects) append(out, text_of(*object), " ");
    return out;
  };
  store.put("b/x", "n1:1");
  auto cache = open();
  store.put("a/y", "n1:2");
  store.put("a/z", "n10:3");
  store.put("a/none", ":4");
  EXPECT_EQ(names(cache->indexed("n1")), "n1:2 n1:1 ");
  store.put("b/x", "n10:5");
  EXPECT_EQ(names(cache->indexed("n1")), "n1:2 ");
  EXPECT_EQ(names(cache->indexed("n10")), "n10:3 n10:5 ");
  store.erase("a/y");
  EXPECT_EQ(names(cache->indexed("n1")), "");
}

TEST_F(CacheTest, RevisionOfAQuietResource) {
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  auto revision = store.other();
  EXPECT_EQ(stream->revision(), revision);
  revision = store.other();
  EXPECT_EQ(cache->fresh()->revision(), revision);
}

TEST_F(CacheTest, FreshOfAStoreFarAway) {
  store.far = true;
  auto cache = open();
  store.other();
  auto revision = store.other();
  EXPECT_LT(cache->snapshot().revision(), revision);
  EXPECT_EQ(cache->fresh()->revision(), revision);
}

TEST_F(CacheTest, AtLeast) {
  auto cache = open();
  auto result = cache->at_least(5, 1000);
  ASSERT_FALSE(result);
  auto& status = result.error().data();
  EXPECT_EQ(status.code, 504);
  EXPECT_EQ(status.message, "Timeout: Too large resource version: 5, current: 1");
  EXPECT_EQ(status.retry_after_seconds, 1);
  ASSERT_EQ(status.causes.size(), 1u);
  EXPECT_EQ(status.causes[0].reason, "ResourceVersionTooLarge");
  EXPECT_EQ(status.causes[0].message, "Too large resource version");
  std::thread writer([&] {
    store.put("a/x", "n:1");
    store.other();
  });
  EXPECT_EQ(cache->at_least(3, 3'000'000)->revision(), 3);
  writer.join();
}

TEST_F(CacheTest, AtAnOldRevision) {
  store.put("a/x", "n:1");
  store.put("a/y", "n:1");
  auto cache = open();
  store.put("a/x", "n:2");
  store.erase("a/y");
  store.put("a/z", "n:1");
  for (int round = 0; round < 2; round++) {
    EXPECT_EQ(listed(*cache->at(3)), "a/x=n:1@2 a/y=n:1@3");
    EXPECT_EQ(listed(*cache->at(4)), "a/x=n:2@4 a/y=n:1@3");
    EXPECT_EQ(listed(*cache->at(5)), "a/x=n:2@4");
    EXPECT_EQ(listed(*cache->at(6)), "a/x=n:2@4 a/z=n:1@6");
    EXPECT_EQ(listed(*cache->at(2)), "a/x=n:1@2");  // before the window: from the store
    EXPECT_EQ(cache->at(2)->revision(), 2);
  }
  ASSERT_TRUE(store.compact(4));
  cache = open();
  auto expired = cache->at(3);
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code(), 410);
  EXPECT_EQ(expired.error().message(), "The resourceVersion for the provided list is too old.");
}

TEST_F(CacheTest, NobodyWindsBackToWhatIsCompacted) {
  auto from = store.put("a/x", "n:1");
  auto cache = open();
  auto last = from;
  for (int i = 2; i < 5; i++) last = store.put("a/x", concat("n:", i));
  EXPECT_TRUE(cache->at(from + 1));  // from the window
  ASSERT_TRUE(store.compact(last));
  auto expired = cache->at(from + 1);
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().code(), 410);
  EXPECT_TRUE(cache->at(last));
}

TEST_F(CacheTest, WindowIsBounded) {
  store.far = true;  // no history to reach back to
  auto cache = open({.window_events_min = 4, .window_events_max = 8});
  auto slow = *cache->events(1);
  for (int i = 0; i < 20; i++) store.put("a/x", concat("n:", i));
  EXPECT_EQ(cache->counts().window_events, 8u);
  EXPECT_FALSE(slow->next());
  ASSERT_TRUE(slow->error());
  EXPECT_EQ(slow->error()->message(), "too old resource version: 1 (13)");
  EXPECT_EQ(slow->error()->code(), 410);
  auto early = cache->events(12);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().message(), "too old resource version: 12 (13)");
  EXPECT_EQ(given(**cache->events(18)), "M a/x=n:17@19 M a/x=n:18@20 M a/x=n:19@21");
  clock.now += CacheOptions().window_age_us + 1;
  store.put("a/y", "n:1");
  EXPECT_EQ(cache->counts().window_events, 4u);
}

TEST_F(CacheTest, StreamFromTheFuture) {
  auto cache = open();
  auto stream = *cache->events(3);
  store.put("a/x", "n:1");
  store.put("a/x", "n:2");
  EXPECT_EQ(given(*stream), "");
  EXPECT_EQ(stream->revision(), 3);
  store.put("a/x", "n:3");
  EXPECT_EQ(given(*stream), "M a/x=n:3@4");
}

TEST_F(CacheTest, WakesOncePerSleep) {
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  int wakes = 0;
  EXPECT_FALSE(stream->next());
  store.put("a/x", "n:1");
  stream->on_wake([&] { wakes++; });
  EXPECT_EQ(wakes, 1);  // for what came before
  store.put("a/x", "n:2");
  EXPECT_EQ(wakes, 1);
  given(*stream);
  store.put("a/x", "n:3");
  store.put("a/x", "n:4");
  store.other();
  EXPECT_EQ(wakes, 2);
  given(*stream);
  auto second = cache->snapshot_and_events().second;
  auto* in_wake = &second;
  second->on_wake([&, in_wake] {
    wakes += 10;
    in_wake->reset();  // a wake may end its own stream
  });
  EXPECT_FALSE(second->next());
  stream.reset();
  store.put("a/x", "n:5");
  EXPECT_EQ(wakes, 12);
  EXPECT_FALSE(second);
}

TEST_F(CacheTest, StreamsOutliveTheCache) {
  store.put("a/x", "n:1");
  auto cache = open();
  auto [snapshot, stream] = cache->snapshot_and_events();
  int wakes = 0;
  stream->on_wake([&] { wakes++; });
  EXPECT_FALSE(stream->next());
  cache.reset();
  EXPECT_EQ(wakes, 1);
  EXPECT_FALSE(stream->next());
  ASSERT_TRUE(stream->error());
  EXPECT_EQ(listed(snapshot), "a/x=n:1@2");
}

TEST_F(CacheTest, EncodesOnce) {
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  store.put("a/x", "n:1");
  auto event = stream->next();
  int made = 0;
  auto make = [&] { return concat("made ", ++made); };
  EXPECT_EQ(event->encoded(0, make), "made 1");
  EXPECT_EQ(event->encoded(0, make), "made 1");
  EXPECT_EQ(event->encoded(5, make), "made 2");
}

TEST_F(CacheTest, ResumesABrokenWatch) {
  store.far = true;
  store.put("a/x", "n:1");
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  store.put("a/x", "n:2");
  store.break_watch();
  store.put("a/x", "n:3");
  store.put("a/y", "n:1");
  EXPECT_EQ(given(*stream), "M a/x=n:2@3");
  store.failing_watches = 2;
  store.end(Reason::ServiceUnavailable);
  EXPECT_EQ(wait_given(*stream, 23), "M a/x=n:3@4 A a/y=n:1@5");
  EXPECT_EQ(store.watches, 2);
  store.put("a/y", "n:2");
  EXPECT_EQ(given(*stream), "M a/y=n:2@6");
}

TEST_F(CacheTest, ReloadsAfterCompaction) {
  store.far = true;
  for (auto key : {"a/gone", "a/kept", "a/new", "a/same"}) store.put(key, "n:1");  // 2 to 5
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  store.break_watch();
  store.erase("a/gone");          // 6
  store.put("a/kept", "m:2");     // 7
  store.erase("a/new");           // 8
  store.put("a/new", "n:again");  // 9
  store.put("a/0", "n:1");        // 10
  store.put("a/~", "n:1");        // 11
  store.put("a/bad", "bad");      // 12
  ASSERT_TRUE(store.compact(12));
  store.end(Reason::ServiceUnavailable);  // resuming then finds that it is compacted
  std::string want = "M a/kept=m:2@7 D a/new=n:1@8 A a/new=n:again@9 A a/0=n:1@10 A a/~=n:1@11 D a/gone=n:1@12";
  EXPECT_EQ(wait_given(*stream, want.size()), want);
  EXPECT_EQ(listed(cache->snapshot()), "a/0=n:1@10 a/kept=m:2@7 a/new=n:again@9 a/same=n:1@5 a/~=n:1@11");
  EXPECT_EQ(cache->indexed("n").size(), 4u);
  // What was between is not known, and must not be made up.
  EXPECT_FALSE(cache->at(9));
  EXPECT_TRUE(cache->at(12));
  store.put("a/~", "n:2");
  EXPECT_EQ(wait_given(*stream, 12), "M a/~=n:2@13");
}

TEST_F(CacheTest, StoreThatWentBackInTime) {
  for (int i = 0; i < 5; i++) store.put("a/x", concat("n:", i));
  store.far = true;
  auto cache = open();
  auto stream = cache->snapshot_and_events().second;
  auto sink = store.last;
  auto old = std::move(store.inner);
  store.inner = make_memory_store(clock);
  store.put("a/y", "n:restored");
  store.end(Reason::ServiceUnavailable);
  for (int i = 0; i < 3000 && store.watches < 2; i++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_FALSE(stream->next());
  ASSERT_TRUE(stream->error());
  EXPECT_TRUE(stream->error()->is(Reason::Expired));
  EXPECT_EQ(listed(cache->snapshot()), "a/y=n:restored@2");
  cache.reset();
}

TEST_F(CacheTest, ReachesBackOverARestart) {
  store.put("a/x", "n:1");
  auto seen = store.put("a/y", "n:1");
  store.put("a/x", "n:2");
  store.erase("a/y");
  store.put("a/y", "n:3");
  store.put("a/x", "n:4");
  auto cache = open();
  store.put("a/x", "n:5");
  EXPECT_EQ(given(**cache->events(seen)), "M a/x=n:2@4 D a/y=n:1@5 A a/y=n:3@6 M a/x=n:4@7 M a/x=n:5@8");
  EXPECT_EQ(given(**cache->events(6)), "M a/x=n:4@7 M a/x=n:5@8");
  EXPECT_EQ(listed(*cache->at(4)), "a/x=n:2@4 a/y=n:1@3");
  ASSERT_TRUE(store.compact(5));
  cache = open();
  EXPECT_FALSE(cache->events(3));
  EXPECT_TRUE(cache->events(4));
  cache = open({.window_events_max = 2});
  EXPECT_FALSE(cache->events(5)) << "more events than the window may hold";
}

TEST_F(CacheTest, ManyReachBackAtOnceOverARestart) {
  constexpr int kChanges = 200, kClients = 8;
  for (int i = 0; i < kChanges; i++) store.put("a/x", concat("n:", i));
  for (int round = 0; round < 20; round++) {
    auto cache = open();
    std::atomic<int> ready = 0, refused = 0;
    std::vector<std::thread> clients;
    for (int c = 0; c < kClients; c++)
      clients.emplace_back([&, from = kChanges - 10 * c] {
        ready++;
        while (ready < kClients) std::this_thread::yield();
        if (!cache->events(from)) refused++;
      });
    for (auto& client : clients) client.join();
    EXPECT_EQ(refused, 0);
  }
}

TEST_F(CacheTest, ManyThreads) {
  auto cache = open({.window_events_max = 100'000});
  constexpr int kWrites = 300;
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; t++)
    threads.emplace_back([&] {
      auto [snapshot, stream] = cache->snapshot_and_events();
      std::mutex mutex;
      std::condition_variable awake;
      bool woken = false;
      stream->on_wake([&] {
        std::lock_guard lock(mutex);
        woken = true;
        awake.notify_one();
      });
      auto objects = snapshot.size();
      Revision last = snapshot.revision();
      while (last < 2 * kWrites + 1) {
        auto event = stream->next();
        if (!event) {
          std::unique_lock lock(mutex);
          ASSERT_TRUE(awake.wait_for(lock, std::chrono::seconds(10), [&] { return woken; })) << "a wake was lost";
          woken = false;
          continue;
        }
        EXPECT_GT(event->revision, last);
        last = event->revision;
        event->encoded(0, [&] { return event->key; });
        objects += event->type == Event::Type::Added;
        if (last % 16 == 0) {
          EXPECT_EQ(cache->at(last)->size(), objects);
        }
      }
      EXPECT_EQ(objects, cache->fresh()->size());
      EXPECT_EQ(cache->indexed("n0").size() + cache->indexed("n1").size() + cache->indexed("n2").size(), objects);
    });
  for (int t = 0; t < 2; t++)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kWrites; i++) store.put(concat("ns", t, "/p", i % 20), concat("n", i % 3, ":", i));
    });
  for (auto& thread : threads) thread.join();
}

}  // namespace sampan::store
