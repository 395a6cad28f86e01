#include "cmd/store_probe.h"

#include <gtest/gtest.h>

#include "base/environment.h"
#include "store/memory.h"

namespace sampan::cmd {
namespace {

// Answers only when told to.
class StuckStore : public store::Store {
 public:
  Result<store::Revision> current_revision() override {
    std::unique_lock lock(mutex);
    calls++;
    changed.wait(lock, [&] { return open; });
    return 1;
  }
  Result<store::Written> write(store::Write) override { return fail(internal_error("no")); }
  Result<store::Range> range(const store::RangeOptions&) override { return fail(internal_error("no")); }
  Result<std::unique_ptr<store::Watch>> watch(std::string, std::string, store::Revision, std::shared_ptr<store::WatchSink>) override {
    return fail(internal_error("no"));
  }
  Result<store::Revision> oldest_revision() override { return 1; }
  Result<void> compact(store::Revision) override { return {}; }
  Result<int64_t> size_bytes() override { return 0; }
  Result<void> backup(const std::string&) override { return {}; }

  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int calls = 0;
};

TEST(StoreProbe, AStoreThatAnswers) {
  auto store = store::make_memory_store(real_clock());
  StoreProbe probe(*store, 2'000'000'000);
  for (int i = 0; i < 3; i++) EXPECT_TRUE(probe.check());
}

TEST(StoreProbe, AStoreThatHangsIsAskedOnce) {
  StuckStore store;
  StoreProbe probe(store, 5'000'000);
  for (int i = 0; i < 3; i++) {
    auto result = probe.check();
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().is(Reason::Timeout));
  }
  {
    std::lock_guard lock(store.mutex);
    EXPECT_EQ(store.calls, 1);
    store.open = true;
    store.changed.notify_all();
  }
  // Back again: at once, or with the next question.
  bool good = false;
  for (int i = 0; i < 200 && !good; i++) good = probe.check().has_value();
  EXPECT_TRUE(good);
}

}  // namespace
}  // namespace sampan::cmd
