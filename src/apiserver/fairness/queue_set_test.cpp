// Fair queuing in virtual time, on one thread.
#include "apiserver/fairness/queue_set.h"

#include <gtest/gtest.h>

#include <deque>

#include "apiserver/fairness/dealer.h"

namespace sampan::apiserver::fairness {
namespace {

constexpr int64_t kService_us = 10'000;

// Requests that each take a fixed time, and a clock that goes from one event to the next.
class World {
 public:
  explicit World(const QueueSetLimits& limits) {
    set_.configure(limits, now_us_, resumed_);
  }

  struct Request final : Waiter {
    Ticket ticket;
    int flow = 0;
    int64_t service_us = kService_us;
    int64_t started_us = -1, rejected_us = -1;
    World* world = nullptr;
    void resume(bool execute) override { execute ? world->begin(*this) : world->lose(*this); }
  };

  QueueSet::Arrival arrive(int flow, Work work = {}, int64_t service_us = kService_us, int64_t patience_us = 15'000'000) {
    auto& request = requests_.emplace_back();
    request.flow = flow;
    request.world = this;
    request.service_us = service_us;
    request.ticket.work = work;
    request.ticket.counts = &counts_;
    request.ticket.waiter = &request;
    request.ticket.wait_until_us = now_us_ + patience_us;
    auto hash = flow_hash({1, 2}, "schema", "flow" + std::to_string(flow));
    auto arrival = set_.arrive(request.ticket, hash, now_us_, resumed_);
    if (arrival == QueueSet::Arrival::Execute) begin(request);
    drain();
    return arrival;
  }

  // Until then, with everything that happens before.
  void run_until(int64_t until_us) {
    while (true) {
      int64_t next_us = until_us;
      auto due_us = set_.next_due_us();
      if (due_us != 0) next_us = std::min(next_us, due_us);
      if (!ends_.empty()) next_us = std::min(next_us, ends_.begin()->first);
      now_us_ = std::max(now_us_, next_us);
      if (!ends_.empty() && ends_.begin()->first <= now_us_) {
        Request* request = ends_.begin()->second;
        ends_.erase(ends_.begin());
        set_.finish(request->ticket, now_us_, resumed_);
        finished_[request->flow]++;
        if (on_finish) on_finish(*request);
      } else if (due_us != 0 && due_us <= now_us_) {
        set_.sync(now_us_, resumed_);
      } else if (now_us_ >= until_us) {
        return;
      }
      drain();
    }
  }

  int finished(int flow) { return finished_[flow]; }
  int64_t now_us() const { return now_us_; }
  QueueSet& set() { return set_; }
  FlowCounts& counts() { return counts_; }
  Request& last() { return requests_.back(); }
  void configure(const QueueSetLimits& limits) {
    set_.configure(limits, now_us_, resumed_);
    drain();
  }
  std::function<void(Request&)> on_finish;

 private:
  void begin(Request& request) {
    request.started_us = now_us_;
    ends_.emplace(now_us_ + request.service_us, &request);
  }
  void lose(Request& request) { request.rejected_us = now_us_; }
  void drain() {
    for (auto& one : std::exchange(resumed_, {})) one.waiter->resume(one.execute);
  }

  int64_t now_us_ = 1'000'000;
  FlowCounts counts_{"schema"};
  ResumedList resumed_;
  std::deque<Request> requests_;
  std::multimap<int64_t, Request*> ends_;
  std::map<int, int> finished_;
  QueueSet set_{now_us_};
};

TEST(QueueSet, FlowsThatAlwaysWantMoreShareEqually) {
  World world({.queues = 64, .hand_size = 6, .queue_length = 50, .seats = 8});
  // One flow keeps 40 requests in the queues, the other 10: both can use more than half.
  world.on_finish = [&](World::Request& request) { world.arrive(request.flow); };
  for (int i = 0; i < 40; i++) world.arrive(1);
  for (int i = 0; i < 10; i++) world.arrive(2);
  world.run_until(world.now_us() + 10'000'000);
  double all = world.finished(1) + world.finished(2);
  EXPECT_NEAR(all, 8 * 10'000'000 / kService_us, 16);
  // A flow has several queues, and each queue its share: the wider flow gets more, but by no means four fifths.
  EXPECT_GT(world.finished(2) / all, 0.4);
}

TEST(QueueSet, AFloodDoesNotStarveWhoAsksNowAndThen) {
  World world({.queues = 128, .hand_size = 6, .queue_length = 50, .seats = 4});
  world.on_finish = [&](World::Request& request) {
    if (request.flow == 1) world.arrive(1);
  };
  for (int i = 0; i < 250; i++) world.arrive(1);
  world.run_until(world.now_us() + 5'000'000);
  for (int i = 0; i < 50; i++) {
    auto arrival = world.arrive(2);
    ASSERT_NE(arrival, QueueSet::Arrival::QueueFull);
    auto& request = world.last();
    auto came_us = world.now_us();
    world.run_until(came_us + 100'000);
    ASSERT_GE(request.started_us, 0) << i;
    // It waits for a seat, not for those who came before it: 4 seats, one free every 2.5 ms.
    EXPECT_LE(request.started_us - came_us, 2 * kService_us) << i;
  }
  EXPECT_EQ(world.finished(2), 50);
}

TEST(QueueSet, AFullQueueAndALongWait) {
  World world({.queues = 1, .hand_size = 1, .queue_length = 3, .seats = 1});
  EXPECT_EQ(world.arrive(1, {}, 60'000'000), QueueSet::Arrival::Execute);
  for (int i = 0; i < 3; i++) EXPECT_EQ(world.arrive(1), QueueSet::Arrival::Wait);
  EXPECT_EQ(world.arrive(1), QueueSet::Arrival::QueueFull);
  EXPECT_EQ(world.counts().queue_full, 1u);
  auto came_us = world.now_us();
  world.run_until(came_us + 20'000'000);
  EXPECT_EQ(world.counts().timed_out, 3u);
  EXPECT_EQ(world.set().waiting(), 0);
  EXPECT_EQ(world.set().totals().rejected, 4);
  EXPECT_EQ(world.set().totals().cancelled, 3);
  world.run_until(came_us + 61'000'000);
  EXPECT_TRUE(world.set().idle());
}

TEST(QueueSet, WithoutQueues) {
  World world({.seats = 2});
  EXPECT_EQ(world.arrive(1), QueueSet::Arrival::Execute);
  EXPECT_EQ(world.arrive(1, {.initial_seats = 2}), QueueSet::Arrival::NoSeats);
  EXPECT_EQ(world.arrive(1), QueueSet::Arrival::Execute);
  EXPECT_EQ(world.arrive(1), QueueSet::Arrival::NoSeats);
  world.run_until(world.now_us() + kService_us);
  EXPECT_EQ(world.arrive(1, {.initial_seats = 7}), QueueSet::Arrival::Execute);  // wider than all there is: alone
  World exempt({.exempt = true});
  for (int i = 0; i < 100; i++) EXPECT_EQ(exempt.arrive(1), QueueSet::Arrival::Execute);
  EXPECT_EQ(exempt.set().seats_in_use(), 100);
}

TEST(QueueSet, WideRequestsTakeTheirSeats) {
  World world({.queues = 8, .hand_size = 1, .queue_length = 50, .seats = 10});
  EXPECT_EQ(world.arrive(1, {.initial_seats = 6}), QueueSet::Arrival::Execute);
  EXPECT_EQ(world.arrive(1, {.initial_seats = 6}), QueueSet::Arrival::Wait);
  // The free seats are kept for the one that comes first by its turn, be they enough for another.
  EXPECT_EQ(world.arrive(1, {.initial_seats = 1}), QueueSet::Arrival::Wait);
  EXPECT_EQ(world.set().seats_in_use(), 6);
  world.run_until(world.now_us() + kService_us);
  EXPECT_EQ(world.set().seats_in_use(), 7);
  EXPECT_EQ(world.counts().executing_seats, 7);
}

TEST(QueueSet, SeatsLinger) {
  World world({.queues = 4, .hand_size = 1, .queue_length = 50, .seats = 5});
  world.arrive(1, {.initial_seats = 1, .final_seats = 5, .additional_latency_us = 25'000});
  world.run_until(world.now_us() + kService_us);
  EXPECT_EQ(world.set().executing(), 0);
  EXPECT_EQ(world.set().seats_in_use(), 5);
  EXPECT_EQ(world.set().next_due_us(), 0);  // nobody waits: nobody has to be woken
  auto came_us = world.now_us();
  EXPECT_EQ(world.arrive(2), QueueSet::Arrival::Wait);
  auto& request = world.last();
  world.run_until(came_us + 100'000);
  EXPECT_EQ(request.started_us, came_us + 25'000);
}

TEST(QueueSet, FewerQueuesAndFewerSeats) {
  World world({.queues = 32, .hand_size = 4, .queue_length = 50, .seats = 4});
  for (int i = 0; i < 40; i++) world.arrive(i);
  world.configure({.queues = 2, .hand_size = 1, .queue_length = 50, .seats = 2});
  EXPECT_GT(world.set().queues().size(), 2u);
  for (int i = 0; i < 10; i++) world.arrive(i);
  world.run_until(world.now_us() + 2'000'000);
  EXPECT_TRUE(world.set().idle());
  EXPECT_EQ(world.set().queues().size(), 2u);
  EXPECT_EQ(world.counts().dispatched, 50u);
  world.configure({.seats = 2});
  EXPECT_EQ(world.set().queues().size(), 0u);
}

TEST(QueueSet, Demand) {
  World world({.queues = 4, .hand_size = 1, .queue_length = 50, .seats = 2});
  for (int i = 0; i < 6; i++) world.arrive(1);
  world.run_until(world.now_us() + 30'000);  // 6, 4, 2 seats wanted for 10 ms each
  auto results = world.set().demand().reset(world.now_us());
  EXPECT_EQ(results.highest, 6);
  EXPECT_NEAR(results.average, 4, 0.01);
  EXPECT_NEAR(results.deviation, 1.633, 0.01);
}

TEST(QueueSet, OccupancyOverTime) {
  World world({.queues = 4, .hand_size = 1, .queue_length = 50, .seats = 2, .measure = 2});
  for (int i = 0; i < 6; i++) world.arrive(1);
  world.run_until(world.now_us() + 30'000);
  // 6, 4 and 2 of 2 seats are wanted for 10 ms each, 2 requests run, and 4, 2 and none wait in 200 places.
  const auto& it = world.set().occupancy();
  for (auto bucket : {4, 8, 10}) EXPECT_EQ(it.demand.spent_us(bucket), 10'000) << bucket;
  EXPECT_NEAR(it.demand.sum(), 60'000, 0.1);
  EXPECT_EQ(it.seat_use.spent_us(12), 30'000);
  EXPECT_EQ(it.executing.spent_us(9), 30'000);
  for (auto bucket : {0, 3, 4}) EXPECT_EQ(it.waiting.spent_us(bucket), 10'000) << bucket;
  EXPECT_NEAR(it.waiting.sum(), 300, 0.1);
  world.run_until(world.now_us() + 10'000);
  world.configure({.queues = 4, .hand_size = 1, .queue_length = 50, .seats = 2, .measure = 8});
  EXPECT_EQ(it.executing.spent_us(0), 10'000);  // nobody is there
}

TEST(Dealer, HandsAreSetsOfCards) {
  std::map<int, int> dealt;
  for (uint64_t flow = 0; flow < 2000; flow++) {
    int hand[kHandMax], again[kHandMax];
    auto hash = flow_hash({7, 9}, "schema", std::to_string(flow));
    deal(hash, 128, 6, hand);
    deal(hash, 128, 6, again);
    std::set<int> cards(hand, hand + 6);
    EXPECT_EQ(cards.size(), 6u);
    EXPECT_TRUE(std::equal(hand, hand + 6, again));
    for (int card : cards) dealt[card]++;
  }
  ASSERT_EQ(dealt.size(), 128u);
  for (auto [card, times] : dealt) EXPECT_NEAR(times, 2000 * 6 / 128, 50) << card;
  int all[kHandMax];
  deal(12345, 5, 5, all);
  EXPECT_EQ(std::set<int>(all, all + 5), (std::set<int>{0, 1, 2, 3, 4}));
  EXPECT_EQ(entropy_bits(128, 6), 42);
}

// The reference vector of SipHash-2-4's authors: key 00..0f, input 00..0e.
TEST(Dealer, IsSipHash) {
  HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  // What is hashed here has a zero byte between: the schema is empty and the distinguisher is the rest of 00 01 .. 0e.
  std::string rest;
  for (char c = 1; c < 15; c++) rest += c;
  EXPECT_EQ(flow_hash(key, "", rest), 0xa129ca6149be45e5 & ((uint64_t(1) << kEntropyBits) - 1));
}

}  // namespace
}  // namespace sampan::apiserver::fairness
