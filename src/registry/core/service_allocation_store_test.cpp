#include "registry/core/service_allocation_store.h"

#include <atomic>
#include <thread>

#include "base/environment.h"
#include "store/memory.h"

namespace sampan::registry::core {
namespace {

// Many services made at once would otherwise overtake each other until one of them gives up.
TEST(StoredPorts, ChangesTakeTurns) {
  auto store = store::make_memory_store(real_clock());
  StoredPorts ports(*store, 30000, 2768);
  std::atomic<int> inside{0}, most{0}, failed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++)
    threads.emplace_back([&, i] {
      auto done = ports.update([&](PortBitmap& bitmap) -> Result<void> {
        most = std::max(most.load(), ++inside);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        bitmap.set(30000 + i, true);
        inside--;
        return {};
      });
      if (!done) failed++;
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(most, 1);
  ASSERT_TRUE(ports.update([](PortBitmap& bitmap) -> Result<void> {
    for (int i = 0; i < 4; i++) EXPECT_TRUE(bitmap.has(30000 + i));
    return {};
  }));
}

}  // namespace
}  // namespace sampan::registry::core
