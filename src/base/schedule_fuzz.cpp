// Schedules, times, lengths of time and time zones as users and files write them. The first eight bytes are the time from which a schedule counts.
#include <cstring>

#include "base/check.h"
#include "base/cron.h"
#include "base/encoding.h"

using namespace sampan;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int64_t kYear0 = -62'167'219'200, kYear10000 = 253'402'300'800;  // all that a stored time can be
  int64_t after = 0;
  if (size < sizeof after) return 0;
  std::memcpy(&after, data, sizeof after);
  after = kYear0 + static_cast<int64_t>(static_cast<uint64_t>(after) % static_cast<uint64_t>(kYear10000 - kYear0));
  std::string_view text(reinterpret_cast<const char*>(data) + sizeof after, size - sizeof after);
  static const TimeZone& utc = *TimeZone::find("");
  if (auto zone = TimeZone::parse(text)) (void)zone->offset_at(after);
  CronSchedule schedule;
  std::string complaint;
  if (CronSchedule::parse(text, nullptr, schedule, complaint)) {
    auto next = schedule.next(after, utc);
    check(next == 0 || next > after);
    (void)CronSchedule::zone_of(text);
  }
  int64_t microseconds = 0, nanoseconds = 0, again = 0;
  if (parse_time(text, microseconds)) {
    std::string written;
    append_micro_time(written, microseconds);
    check(!parse_time(written, again) || again == microseconds);
  }
  if (parse_duration(text, nanoseconds)) {
    std::string written;
    append_duration(written, nanoseconds);
    check(parse_duration(written, again) && again == nanoseconds);
  }
  return 0;
}
