#include "apiserver/fairness/borrowing.h"

#include <gtest/gtest.h>

#include <numeric>

#include "apiserver/fairness/dropped.h"
#include "apiserver/fairness/work.h"

namespace sampan::apiserver::fairness {
namespace {

TEST(Borrowing, Allocates) {
  struct Case {
    const char* name;
    double sum;
    std::vector<Claim> claims;
    std::vector<double> want;
    double fraction;
  };
  const Case cases[] = {
      {"no limit matters", 100, {{0, 100, 10}, {0, 100, 30}}, {25, 75}, 2.5},
      {"from below", 30, {{10, 20, 10}, {20, 40, 30}}, {10, 20}, 2.0 / 3},
      {"an upper limit", 100, {{0, 20, 10}, {0, 100, 10}}, {20, 80}, 8},
      {"a lower limit", 40, {{30, 100, 30}, {0, 100, 30}}, {30, 10}, 1.0 / 3},
      {"nobody wants anything", 60, {{0, 600, 0}, {0, 600, 0}, {0, 600, 0}}, {20, 20, 20}, 20'000},
      {"from above", 50, {{0, 20, 10}, {0, 30, 10}}, {20, 30}, 3},
  };
  for (const Case& it : cases) {
    auto got = allocate(it.sum, it.claims);
    ASSERT_TRUE(got) << it.name;
    for (size_t i = 0; i < it.want.size(); i++) EXPECT_NEAR(got->seats[i], it.want[i], 0.001) << it.name << " " << i;
    EXPECT_NEAR(got->fair_fraction, it.fraction, 0.001) << it.name;
  }
  EXPECT_FALSE(allocate(10, std::vector<Claim>{{20, 30, 20}}));
  EXPECT_FALSE(allocate(50, std::vector<Claim>{{20, 30, 20}}));
}

Share level(int nominal, int lendable, int maximum, int64_t wants) {
  Share share{.nominal = nominal, .minimum = nominal - lendable, .maximum = maximum};
  share.demand.highest = wants;
  share.demand.smoothed = static_cast<double>(wants);
  return share;
}

TEST(Borrowing, WhoNeedsMoreGetsWhatOthersDoNot) {
  Share shares[] = {level(100, 90, 700, 0), level(100, 50, 700, 400), level(100, 0, 700, 0)};
  adjust(shares);
  EXPECT_EQ(shares[0].current, 10);
  EXPECT_EQ(shares[1].current, 190);
  EXPECT_EQ(shares[2].current, 100);  // lends nothing
  // The lender wants its own back: it gets that, and no more is borrowed than is left.
  shares[0].demand = {.smoothed = 300, .highest = 300};
  adjust(shares);
  EXPECT_GE(shares[0].current, 100 - 1);
  EXPECT_EQ(shares[0].current + shares[1].current + shares[2].current, 300);
}

TEST(Borrowing, LimitsOfBorrowing) {
  Share shares[] = {level(100, 90, 700, 0), level(100, 50, 120, 400)};
  adjust(shares);
  EXPECT_EQ(shares[1].current, 120);
  EXPECT_EQ(shares[0].current, 80);
}

TEST(Borrowing, ExemptLevelsTakeWhatTheyUse) {
  Share shares[] = {level(0, 0, 600, 30), level(100, 50, 700, 200)};
  shares[0].exempt = true;
  adjust(shares);
  EXPECT_EQ(shares[0].current, 30);
  EXPECT_GT(shares[1].current, 0);
}

TEST(Borrowing, DemandDecays) {
  Demand demand;
  demand.update({.seconds = 10, .average = 80, .deviation = 20, .highest = 150});
  EXPECT_NEAR(demand.smoothed, 100, 0.001);
  for (int i = 0; i < 30; i++) demand.update({.seconds = 10});
  EXPECT_NEAR(demand.smoothed, 50, 1);  // half in five minutes
}

TEST(Dropped, RetryAfter) {
  Dropped dropped;
  EXPECT_EQ(dropped.record(100), 1);
  for (int i = 0; i < 10; i++) EXPECT_EQ(dropped.record(100), 1);
  EXPECT_EQ(dropped.record(101), 2);  // ten in a second are more than the three that are borne
  for (int i = 0; i < 10; i++) dropped.record(101);
  int longest = 0;
  for (int64_t second = 102; second < 300; second++)
    for (int i = 0; i < 100; i++) longest = std::max(longest, dropped.record(second));
  EXPECT_EQ(longest, 32);
  int last = 32;
  for (int64_t second = 1000; second < 6000; second += 100) last = dropped.record(second);
  EXPECT_EQ(last, 1);
}

TEST(Work, Lists) {
  struct Case {
    ObjectStats stats;
    int64_t limit;
    bool names_one;
    int seats_max, want;
  };
  const Case cases[] = {
      {{0, 0}, 0, false, 0, 1},           {{100, 1000}, 0, false, 0, 1},    {{101, 1000}, 0, false, 0, 2}, {{10'000, 4000}, 0, false, 0, 10},
      {{10'000, 4000}, 0, false, 8, 8},   {{10'000, 4000}, 50, false, 8, 2}, {{10'000, 4000}, 0, true, 8, 1}, {{INT64_MAX / 2, 4000}, 0, false, 0, 10},
  };
  for (const Case& it : cases)
    EXPECT_EQ(list_work(it.stats, it.limit, it.names_one, it.seats_max).seats(), it.want) << it.stats.count << " " << it.limit;
}

TEST(Work, Changes) {
  EXPECT_EQ(change_work(9, 0).seats(), 1);
  EXPECT_EQ(change_work(9, 0).additional_latency_us, 0);
  auto some = change_work(45, 0);
  EXPECT_EQ(some.final_seats, 5);
  EXPECT_EQ(some.additional_latency_us, 5'000);
  auto many = change_work(1000, 4);  // 100 seats for 5 ms: the same work on 4
  EXPECT_EQ(many.final_seats, 4);
  EXPECT_EQ(many.additional_latency_us, 125'000);
}

}  // namespace
}  // namespace sampan::apiserver::fairness
