// The parts of timestamps, in a time zone, and of durations.
#include "base/text.h"
#include "base/time_zone.h"
#include "cel/library/go_forms.h"
#include "cel/library/standard.h"
#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using Kind = Type::Kind;
using library::Arguments;

constexpr int64_t kSecondsOfDay = 86'400, kNanosecondsOfSecond = 1'000'000'000;

// A moment as a clock and a calendar show it.
struct Clock {
  int64_t year = 0, days = 0;  // since 1970
  int month = 0, day = 0;
  int64_t second = 0;  // of the day
  uint32_t nanoseconds = 0;
};

Clock clock_at(int64_t local_seconds, uint32_t nanoseconds) {
  Clock clock{.days = local_seconds / kSecondsOfDay, .second = local_seconds % kSecondsOfDay, .nanoseconds = nanoseconds};
  if (clock.second < 0) {
    clock.second += kSecondsOfDay;
    --clock.days;
  }
  date_of_days(clock.days, clock.year, clock.month, clock.day);
  return clock;
}

// strconv.Atoi.
Maybe<int64_t> number_of(std::string_view text) {
  if (const auto value = parse_signed(text)) return *value;
  std::string_view digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  const bool all_digits = !digits.empty() && std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return failed(concat("strconv.Atoi: parsing ", quoted(text), all_digits ? ": value out of range" : ": invalid syntax"));
}

// "Europe/Berlin", or hours and minutes east of Greenwich: "-08:00". What is no sensible number of hours wraps around as upstream's does.
Maybe<int64_t> offset_of(std::string_view zone, int64_t seconds) {
  const size_t colon = zone.find(':');
  if (colon == std::string_view::npos) {
    if (zone.starts_with('/') || zone.starts_with('\\') || zone.find("..") != std::string_view::npos) return failed("time: invalid location name");
    if (zone == "Local") {  // the server's
      const time_t at = seconds;
      struct tm local {};
      return localtime_r(&at, &local) ? local.tm_gmtoff : 0;
    }
    const TimeZone* known = TimeZone::find(zone);
    if (!known) return failed(concat("unknown time zone ", zone));
    return known->offset_at(seconds);
  }
  const auto hours = number_of(zone.substr(0, colon)), minutes = number_of(zone.substr(colon + 1));
  if (!hours) return std::unexpected(hours.error());
  if (!minutes) return std::unexpected(minutes.error());
  const uint64_t of_hours = static_cast<uint64_t>(*hours) * 60, rest = static_cast<uint64_t>(*minutes);
  const uint64_t sum = zone[0] == '-' ? of_hours - rest : of_hours + rest;
  return static_cast<int64_t>(sum * 60 * static_cast<uint64_t>(kNanosecondsOfSecond)) / kNanosecondsOfSecond;
}

Maybe<Clock> clock_of(Arguments arguments) {
  const Value& time = arguments[0];
  if (arguments.size() == 1) return clock_at(time.seconds(), time.nanoseconds());
  const auto offset = offset_of(arguments[1].as_text(), time.seconds());
  if (!offset) return std::unexpected(offset.error());
  return clock_at(time.seconds() + *offset, time.nanoseconds());
}

template <auto part>
Maybe<Value> part_of_time(Arguments arguments) {
  const auto clock = clock_of(arguments);
  if (!clock) return std::unexpected(clock.error());
  return Value::integer(part(*clock));
}

int64_t year(const Clock& clock) { return clock.year; }
int64_t month(const Clock& clock) { return clock.month - 1; }
int64_t day_of_year(const Clock& clock) { return clock.days - days_of_date(clock.year, 1, 1); }
int64_t day_of_month(const Clock& clock) { return clock.day - 1; }
int64_t date(const Clock& clock) { return clock.day; }
int64_t day_of_week(const Clock& clock) { return ((clock.days + 4) % 7 + 7) % 7; }  // 1970 began on a Thursday
int64_t hours(const Clock& clock) { return clock.second / 3600; }
int64_t minutes(const Clock& clock) { return clock.second / 60 % 60; }
int64_t seconds(const Clock& clock) { return clock.second % 60; }
int64_t milliseconds(const Clock& clock) { return clock.nanoseconds / 1'000'000; }

// How often the unit fits into a duration, worked out with doubles like upstream's.
template <int64_t unit>
Maybe<Value> units_of_duration(Arguments arguments) {
  const int64_t nanoseconds = arguments[0].as_nanoseconds();
  return Value::integer(static_cast<int64_t>(static_cast<double>(nanoseconds / unit) + static_cast<double>(nanoseconds % unit) / static_cast<double>(unit)));
}
Maybe<Value> milliseconds_of_duration(Arguments arguments) { return Value::integer(arguments[0].as_nanoseconds() / 1'000'000); }

struct Part {
  std::string_view function, id, id_with_zone;
  Function call;
  std::string_view duration_id = {};
  Function of_duration = nullptr;
};

constexpr Part kParts[] = {
    {"getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz", part_of_time<year>},
    {"getMonth", "timestamp_to_month", "timestamp_to_month_with_tz", part_of_time<month>},
    {"getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz", part_of_time<day_of_year>},
    {"getDayOfMonth", "timestamp_to_day_of_month", "timestamp_to_day_of_month_with_tz", part_of_time<day_of_month>},
    {"getDate", "timestamp_to_day_of_month_1_based", "timestamp_to_day_of_month_1_based_with_tz", part_of_time<date>},
    {"getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz", part_of_time<day_of_week>},
    {"getHours", "timestamp_to_hours", "timestamp_to_hours_with_tz", part_of_time<hours>, "duration_to_hours", units_of_duration<3600 * kNanosecondsOfSecond>},
    {"getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_with_tz", part_of_time<minutes>, "duration_to_minutes", units_of_duration<60 * kNanosecondsOfSecond>},
    {"getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz", part_of_time<seconds>, "duration_to_seconds", units_of_duration<kNanosecondsOfSecond>},
    {"getMilliseconds", "timestamp_to_milliseconds", "timestamp_to_milliseconds_with_tz", part_of_time<milliseconds>, "duration_to_milliseconds", milliseconds_of_duration},
};

}  // namespace

void add_times(Environment& environment) {
  for (const Part& part : kParts) {
    FunctionDeclaration declaration{std::string(part.function),
                                    {{.id = part.id, .parameters = {Kind::Timestamp}, .result = Kind::Int, .member = true, .call = part.call},
                                     {.id = part.id_with_zone, .parameters = {Kind::Timestamp, Kind::String}, .result = Kind::Int, .member = true, .call = part.call}}};
    if (part.of_duration)
      declaration.overloads.push_back({.id = part.duration_id, .parameters = {Kind::Duration}, .result = Kind::Int, .member = true, .call = part.of_duration});
    environment.declare(std::move(declaration));
  }
}

}  // namespace sampan::cel
