#include "base/cron.h"

#include <gtest/gtest.h>

namespace sampan {

namespace {

std::string complaint_of(std::string_view text) {
  CronSchedule schedule;
  std::string complaint;
  bool good = CronSchedule::parse(text, [](std::string_view zone) { return zone == "UTC"; }, schedule, complaint);
  EXPECT_EQ(good, complaint.empty()) << text;
  return complaint;
}

TEST(Cron, Complaints) {
  struct {
    std::string_view text, want;
  } cases[] = {
      {"* * * * *", ""},
      {"*/15,3 0-4/2 1,15 jan-MAR sun", ""},
      {"0 0 31 2 *", ""},
      {"? * * * ?", ""},
      {"@hourly", ""},
      {"@every 1h30m", ""},
      {"TZ=UTC 0 * * * *", ""},
      {"", "empty spec string"},
      {"@nope", "unrecognized descriptor: @nope"},
      {"60 * * * *", "end of range (60) above maximum (59): 60"},
      {"1-70 * * * *", "end of range (70) above maximum (59): 1-70"},
      {"* * 0 * *", "beginning of range (0) below minimum (1): 0"},
      {"5-3 * * * *", "beginning of range (5) beyond end of range (3): 5-3"},
      {"*/0 * * * *", "step of range should be a positive number: */0"},
      {"1-2-3 * * * *", "too many hyphens: 1-2-3"},
      {"1/2/3 * * * *", "too many slashes: 1/2/3"},
      {"* * * *", "expected exactly 5 fields, found 4: [* * * *]"},
      {"x * * * *", "failed to parse int from x: strconv.Atoi: parsing \"x\": invalid syntax"},
      {"TZ=Nope 0 * * * *", "provided bad location Nope: unknown time zone Nope"},
  };
  for (const auto& c : cases) EXPECT_EQ(complaint_of(c.text), c.want) << c.text;
}

TEST(Cron, Bits) {
  CronSchedule schedule;
  std::string complaint;
  ASSERT_TRUE(CronSchedule::parse("0,30 9-11 */10 feb *", nullptr, schedule, complaint));
  EXPECT_EQ(schedule.minutes, uint64_t{1} | uint64_t{1} << 30);
  EXPECT_EQ(schedule.hours, uint64_t{7} << 9);
  EXPECT_EQ(schedule.days_of_month, uint64_t{1} << 1 | uint64_t{1} << 11 | uint64_t{1} << 21 | uint64_t{1} << 31);
  EXPECT_EQ(schedule.months, uint64_t{4});
  EXPECT_EQ(schedule.days_of_week, uint64_t{0x7f} | CronSchedule::kStar);
  CronSchedule every;
  ASSERT_TRUE(CronSchedule::parse("@every 90s", nullptr, every, complaint));
  EXPECT_EQ(every.every_seconds, 90);
}

}  // namespace
}  // namespace sampan
