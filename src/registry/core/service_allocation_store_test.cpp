#include "registry/core/service_allocation_store.h"

#include <atomic>
#include <thread>

#include "base/environment.h"
#include "registry/testing.h"
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

TEST(StoredAddresses, TellWhoMadeThem) {
  auto store = store::make_memory_store(real_clock());
  auto resources = schema::builtin_resources();
  auto resource = std::find_if(resources.begin(), resources.end(), [](const auto& r) { return r.resource == "ipaddresses" && r.version == "v1"; });
  ASSERT_NE(resource, resources.end());
  auto objects = ObjectStore::open(*resource, *store, real_clock(), secure_random());
  ASSERT_TRUE(objects);
  StoredAddresses addresses(**objects, real_clock());
  Arena arena;
  auto made = addresses.create(testing::tree(arena, "{'metadata':{'name':'10.0.0.1','labels':{'a':'b'}},'spec':{'parentRef':{'resource':'services','name':'s'}}}"), arena);
  ASSERT_TRUE(made) << made.error().message();
  auto list = addresses.list();
  ASSERT_EQ(list.size(), 1u);
  auto entry = (*list[0])["metadata"]["managedFields"].item(0);
  EXPECT_EQ(entry["manager"].as_string(), "kube-apiserver");
  EXPECT_EQ(entry["apiVersion"].as_string(), "networking.k8s.io/v1");
}

}  // namespace
}  // namespace sampan::registry::core
