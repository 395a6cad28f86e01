// In which order and when pods come up.
#include "scheduler/queue.h"

#include "scheduler/testing.h"

namespace sampan::scheduler {
namespace {

constexpr int64_t kSecond = 1'000'000;

struct Waiting : testing::Cluster {
  Waiting() : queue(time, [this](const PodInfo&) { return profile.get(); }, {}) { node("n1"); }
  PodRef pod(std::string_view name, std::string_view spec = {}) { return state.make_pod(pod_object(name, spec)); }
  std::string pop() {
    auto queued = queue.pop();
    if (!queued) return "-";
    last = std::move(*queued);
    return std::string(last.pod->name);
  }
  void refuse(std::string_view plugin) {
    last.refused_by = {plugin};
    queue.give_back(std::move(last));
  }
  Queue queue;
  QueuedPod last;
};

TEST(Queue, important_pods_first_then_who_waits_longest) {
  Waiting w;
  w.queue.add(w.pod("a"));
  w.time.advance(10);
  w.queue.add(w.pod("b"));
  w.queue.add(w.pod("c", "priority: 5"));
  for (auto want : {"c", "a", "b", "-"}) EXPECT_EQ(w.pop(), want);
}

TEST(Queue, refused_pods_wait_for_what_helps) {
  Waiting w;
  w.queue.add(w.pod("a"));
  EXPECT_EQ(w.pop(), "a");
  w.refuse("NodeResourcesFit");
  EXPECT_EQ(w.pop(), "-");
  auto small = testing::object_of("v1", "Node", "{metadata: {name: n2}, status: {allocatable: {pods: '0'}}}");
  auto large = testing::object_of("v1", "Node", "{metadata: {name: n2}, status: {allocatable: {cpu: '1', memory: 1Gi, pods: '10'}}}");
  w.queue.move({EventResource::Node, kAdd, nullptr, small.get()});
  EXPECT_EQ(w.pop(), "-");
  w.queue.move({EventResource::Node, kNodeTaint, small.get(), large.get()});
  EXPECT_EQ(w.pop(), "-");
  w.queue.move({EventResource::Node, kNodeAllocatable, small.get(), large.get()});
  EXPECT_EQ(w.queue.counts().backoff, 1u);
  EXPECT_EQ(w.pop(), "a");  // nothing else to do: the back-off is not waited for
}

TEST(Queue, backoff_doubles_up_to_its_end) {
  Waiting w;
  w.queue.add(w.pod("a"));
  for (int64_t want : {1, 2, 4, 8, 10, 10}) {
    EXPECT_EQ(w.pop(), "a");
    w.last.refused_by.clear();  // an error
    w.queue.give_back(std::move(w.last));
    EXPECT_EQ(w.pop(), "-");
    int64_t wait = w.queue.next_due_us() - w.time.monotonic_us();
    EXPECT_GE(wait, want * kSecond);
    EXPECT_LT(wait, (want + 1) * kSecond);
    w.time.advance(wait);
    w.queue.flush();
  }
}

TEST(Queue, nobody_waits_for_ever) {
  Waiting w;
  w.queue.add(w.pod("a"));
  w.pop();
  w.refuse("NodeName");
  w.time.advance(299 * kSecond);
  w.queue.flush();
  EXPECT_EQ(w.pop(), "-");
  w.time.advance(2 * kSecond);
  w.queue.flush();
  EXPECT_EQ(w.pop(), "a");
  EXPECT_TRUE(w.last.flushed);
}

TEST(Queue, gated_pods_come_when_their_gates_are_gone) {
  Waiting w;
  auto before = testing::Cluster::pod_object("a", "schedulingGates: [{name: g}]");
  w.queue.add(w.state.make_pod(before));
  EXPECT_EQ(w.queue.counts().gated, 1u);
  EXPECT_EQ(w.pop(), "-");
  w.queue.activate("uid-a");
  EXPECT_EQ(w.pop(), "-");
  w.queue.update(*before, w.pod("a"));
  EXPECT_EQ(w.pop(), "a");
}

TEST(Queue, removed_and_changed_pods) {
  Waiting w;
  w.queue.add(w.pod("a"));
  w.queue.remove("uid-a");
  EXPECT_EQ(w.pop(), "-");
  auto before = w.pod("b");
  w.queue.add(before);
  w.pop();
  w.refuse("TaintToleration");
  w.queue.update(*before->object, w.pod("b", "tolerations: [{operator: Exists}]"));
  EXPECT_EQ(w.pop(), "b");
}

}  // namespace
}  // namespace sampan::scheduler
