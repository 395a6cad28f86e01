#include "base/cron.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/text.h"
#include "base/time_text.h"

namespace sampan {

namespace {

// A file of a time zone: Greenwich's time, from `at` on `offset`, and what follows by the rule.
std::string tz_file(std::string_view rule, int64_t at = 0, int32_t offset = 0) {
  auto number = [](std::string& out, int64_t value, int size) {
    for (int i = size; i-- > 0;) out += static_cast<char>(value >> (8 * i));
  };
  std::string file;
  auto header = [&](int64_t times, int64_t types) {
    file += "TZif2";
    file.append(15, '\0');
    for (int64_t count : {int64_t{0}, int64_t{0}, int64_t{0}, times, types, int64_t{4}}) number(file, count, 4);
  };
  auto kind = [&](int32_t seconds) {
    number(file, seconds, 4);
    file.append(2, '\0');
  };
  header(0, 1);
  kind(0);
  file.append(4, '\0');
  header(at != 0, 2);
  if (at != 0) number(file, at, 8), file += '\1';
  kind(0);
  kind(offset);
  file.append(4, '\0');
  return concat(file, "\n", rule, "\n");
}

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

int64_t seconds(std::string_view time) {
  int64_t us = 0;
  EXPECT_TRUE(parse_time(time, us)) << time;
  return us / 1'000'000;
}

// The zone files are made by hand: nothing of the machine's is read.
TEST(Cron, Next) {
  auto berlin = TimeZone::parse(tz_file("CET-1CEST,M3.5.0,M10.5.0/3"));
  auto nuuk = TimeZone::parse(tz_file("<-02>2<-01>,M3.5.0/-1,M10.5.0/0"));
  ASSERT_TRUE(berlin && nuuk);
  const TimeZone& utc = *TimeZone::find("");
  struct {
    std::string_view schedule;
    const TimeZone& zone;
    std::string_view after, want;
  } cases[] = {
      {"* * * * *", utc, "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"},
      {"* * * * *", utc, "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z"},
      {"*/15 2-4 * * *", utc, "2026-01-01T04:45:00Z", "2026-01-02T02:00:00Z"},
      {"0 0 1 jan *", utc, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},
      {"0 0 29 2 *", utc, "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 13 * fri", utc, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},  // either day
      {"0 0 */2 * mon", utc, "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"},
      {"0 0 * * mon", utc, "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z"},
      {"30 5 * * wed", utc, "1960-06-01T05:30:30Z", "1960-06-08T05:30:00Z"},
      {"* * * * *", utc, "1969-12-31T23:58:30Z", "1969-12-31T23:59:00Z"},
      {"@hourly", utc, "2026-01-01T00:10:00Z", "2026-01-01T01:00:00Z"},
      {"@every 90s", utc, "2026-01-01T00:00:10Z", "2026-01-01T00:01:40Z"},
      {"0 12 * * *", *berlin, "2026-01-01T00:00:00Z", "2026-01-01T11:00:00Z"},
      {"0 12 * * *", *berlin, "2026-07-01T00:00:00Z", "2026-07-01T10:00:00Z"},
      {"30 2 * * *", *berlin, "2026-03-29T00:00:00Z", "2026-03-30T00:30:00Z"},  // there is no half past two that day
      {"30 2 * * *", *berlin, "2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z"},
      {"30 2 * * *", *berlin, "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},  // and two of it
      {"0 0 * * *", *nuuk, "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},     // the clock goes on at eleven in the evening
  };
  for (const auto& c : cases) {
    CronSchedule schedule;
    std::string complaint;
    ASSERT_TRUE(CronSchedule::parse(c.schedule, nullptr, schedule, complaint)) << complaint;
    EXPECT_EQ(rfc3339(schedule.next(seconds(c.after), c.zone)), c.want) << c.schedule << " after " << c.after;
  }
  CronSchedule never;
  std::string complaint;
  ASSERT_TRUE(CronSchedule::parse("0 0 31 2 *", nullptr, never, complaint));
  EXPECT_EQ(never.next(0, utc), 0);
  EXPECT_EQ(CronSchedule::zone_of("CRON_TZ=Europe/Berlin * * * * *"), "Europe/Berlin");
  EXPECT_EQ(CronSchedule::zone_of("* * * * *"), "");
}

TEST(TimeZone, RulesBeyondAllClocks) {
  for (std::string_view rule : {"UTC2147483647", "UTC1:2147483647", "A1B,M3.5.0/999999999,M10.5.0"}) EXPECT_FALSE(TimeZone::parse(tz_file(rule))) << rule;
}

TEST(TimeZone, Files) {
  std::string with_transition = tz_file("CET-1CEST,M3.5.0,M10.5.0/3", 1'000'000'000, 7200);
  auto zone = TimeZone::parse(with_transition);
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->offset_at(0), 0);
  EXPECT_EQ(zone->offset_at(999'999'999), 0);
  EXPECT_EQ(zone->offset_at(seconds("2026-01-01T00:00:00Z")), 3600);
  EXPECT_EQ(zone->offset_at(seconds("2026-03-29T00:59:59Z")), 3600);
  EXPECT_EQ(zone->offset_at(seconds("2026-03-29T01:00:00Z")), 7200);
  for (size_t size = 0; size < with_transition.size() - 1; size++) TimeZone::parse(with_transition.substr(0, size));  // no harm
  EXPECT_FALSE(TimeZone::parse(tz_file("CET-1CEST,M13.5.0,M10.5.0/3")));
  EXPECT_FALSE(TimeZone::parse("no zone"));
  EXPECT_FALSE(TimeZone::find("../../../etc/passwd"));
  EXPECT_FALSE(TimeZone::find("No/Where"));
}

}  // namespace
}  // namespace sampan
