// Schedules of cron jobs: five fields ("*/5 2-4 * jan,feb mon"), descriptors ("@daily"), "@every 1h30m".
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "base/time_zone.h"

namespace sampan {

struct CronSchedule {
  // A bit a value. `kStar` marks a field that was "*" or "?": of the two day fields, one that is not restricted does not count.
  uint64_t minutes = 0, hours = 0, days_of_month = 0, months = 0, days_of_week = 0;
  int64_t every_seconds = 0;  // of "@every": no fields then
  static constexpr uint64_t kStar = uint64_t{1} << 63;

  // The complaint is that of the parser which Kubernetes uses (robfig/cron's standard parser). `zone_known` says of the "TZ=..." that
  // schedules may begin with whether there is such a time zone.
  static bool parse(std::string_view text, bool (*zone_known)(std::string_view name), CronSchedule& out, std::string& complaint);
  // "Europe/Berlin" of "TZ=Europe/Berlin 0 1 * * *"; "" if there is none.
  static std::string_view zone_of(std::string_view text);

  // The first time after `after` (seconds since 1970); 0 if there is none within five years. A time that the clock skips does not come, one that it
  // shows twice comes twice.
  int64_t next(int64_t after, const TimeZone& zone) const;
};

}  // namespace sampan
