#include "base/cron.h"

#include <vector>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan {

namespace {

struct Bounds {
  uint32_t low, high;
  std::string_view names;  // three letters each, from `low` on
};
constexpr Bounds kMinutes{0, 59, {}}, kHours{0, 23, {}}, kDays{1, 31, {}}, kMonths{1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    kWeekDays{0, 6, "sunmontuewedthufrisat"};

bool parse_number(std::string_view text, uint32_t& out, std::string& complaint) {
  int64_t number = 0;
  auto digits = text;
  if (digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.starts_with('+') || !parse_int(digits, number)) {
    bool numeric = !digits.empty();
    for (size_t i = digits.starts_with('-') && digits.size() > 1; i < digits.size(); i++) numeric &= digits[i] >= '0' && digits[i] <= '9';
    complaint = concat("failed to parse int from ", text, ": strconv.Atoi: parsing ", quoted(text), ": ",
                       numeric ? "value out of range" : "invalid syntax");
    return false;
  }
  if (number < 0) {
    complaint = concat("negative number (", number, ") not allowed: ", text);
    return false;
  }
  out = static_cast<uint32_t>(std::min<int64_t>(number, UINT32_MAX));
  return true;
}

bool parse_value(std::string_view text, const Bounds& bounds, uint32_t& out, std::string& complaint) {
  if (text.size() == 3)
    for (size_t i = 0; i < bounds.names.size(); i += 3)
      if (iequals(text, bounds.names.substr(i, 3))) {
        out = bounds.low + static_cast<uint32_t>(i / 3);
        return true;
      }
  return parse_number(text, out, complaint);
}

uint64_t bits_of(uint32_t low, uint32_t high, uint32_t step) {
  uint64_t bits = 0;
  for (uint64_t i = low; i <= high; i += step) bits |= uint64_t{1} << i;
  return bits;
}

// number | number-number [/number], "*" and "?" standing for all
bool parse_range(std::string_view text, const Bounds& bounds, uint64_t& out, std::string& complaint) {
  auto range_and_step = split(text, '/');
  auto ends = split(range_and_step[0], '-');
  uint32_t low = bounds.low, high = bounds.high, step = 1;
  uint64_t star = 0;
  if (ends[0] == "*" || ends[0] == "?") {
    star = CronSchedule::kStar;
  } else {
    if (!parse_value(ends[0], bounds, low, complaint)) return false;
    if (ends.size() > 2) return complaint = concat("too many hyphens: ", text), false;
    high = low;
    if (ends.size() == 2 && !parse_value(ends[1], bounds, high, complaint)) return false;
  }
  if (range_and_step.size() > 2) return complaint = concat("too many slashes: ", text), false;
  if (range_and_step.size() == 2) {
    if (!parse_number(range_and_step[1], step, complaint)) return false;
    if (ends.size() == 1) high = bounds.high;
    if (step > 1) star = 0;
  }
  if (low < bounds.low)
    complaint = concat("beginning of range (", low, ") below minimum (", bounds.low, "): ", text);
  else if (high > bounds.high)
    complaint = concat("end of range (", high, ") above maximum (", bounds.high, "): ", text);
  else if (low > high)
    complaint = concat("beginning of range (", low, ") beyond end of range (", high, "): ", text);
  else if (step == 0)
    complaint = concat("step of range should be a positive number: ", text);
  if (!complaint.empty()) return false;
  out |= bits_of(low, high, step) | star;
  return true;
}

bool parse_field(std::string_view text, const Bounds& bounds, uint64_t& out, std::string& complaint) {
  for (auto range : split(text, ','))
    if (!range.empty() && !parse_range(range, bounds, out, complaint)) return false;
  return true;
}

bool parse_descriptor(std::string_view text, CronSchedule& out, std::string& complaint) {
  constexpr std::string_view kEvery = "@every ";
  constexpr struct {
    std::string_view name, fields;
  } kDescriptors[] = {{"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"}, {"@weekly", "0 0 * * 0"},
                      {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@hourly", "0 * * * *"}};
  for (const auto& descriptor : kDescriptors)
    if (descriptor.name == text) return CronSchedule::parse(descriptor.fields, nullptr, out, complaint);
  if (!text.starts_with(kEvery)) return complaint = concat("unrecognized descriptor: ", text), false;
  text.remove_prefix(kEvery.size());
  int64_t nanoseconds = 0;
  if (!parse_duration(text, nanoseconds))
    return complaint = concat("failed to parse duration ", text, ": time: invalid duration ", quoted(text)), false;
  out.every_seconds = std::max<int64_t>(nanoseconds / 1'000'000'000, 1);
  return true;
}

}  // namespace

bool CronSchedule::parse(std::string_view text, bool (*zone_known)(std::string_view name), CronSchedule& out, std::string& complaint) {
  if (text.empty()) return complaint = "empty spec string", false;
  if (text.starts_with("TZ=") || text.starts_with("CRON_TZ=")) {
    auto space = text.find(' '), equals = text.find('=');
    if (space == std::string_view::npos)
      return complaint = concat("invalid schedule format: runtime error: slice bounds out of range [:-1]"), false;
    auto zone = text.substr(equals + 1, space - equals - 1);
    if (zone_known && !zone_known(zone)) return complaint = concat("provided bad location ", zone, ": unknown time zone ", zone), false;
    text = trim(text.substr(space));
  }
  if (text.starts_with('@')) return parse_descriptor(text, out, complaint);
  std::vector<std::string> fields;
  for (auto field : split(text, ' '))
    if (auto trimmed = trim(field); !trimmed.empty()) fields.emplace_back(trimmed);
  if (fields.size() != 5)
    return complaint = concat("expected exactly 5 fields, found ", fields.size(), ": [", join(fields, " "), "]"), false;
  return parse_field(fields[0], kMinutes, out.minutes, complaint) && parse_field(fields[1], kHours, out.hours, complaint) &&
         parse_field(fields[2], kDays, out.days_of_month, complaint) && parse_field(fields[3], kMonths, out.months, complaint) &&
         parse_field(fields[4], kWeekDays, out.days_of_week, complaint);
}

std::string_view CronSchedule::zone_of(std::string_view text) {
  if (!text.starts_with("TZ=") && !text.starts_with("CRON_TZ=")) return {};
  text.remove_prefix(text.find('=') + 1);
  return text.substr(0, text.find(' '));
}

int64_t CronSchedule::next(int64_t after, const TimeZone& zone) const {
  if (every_seconds > 0) return after + every_seconds;
  constexpr int64_t kMinute = 60, kHour = 3600, kDay = 86'400, kHorizon = 5 * 366 * kDay;
  auto has = [](uint64_t field, int64_t value) { return field >> value & 1; };
  for (int64_t at = after - (after % kMinute + kMinute) % kMinute + kMinute; at < after + kHorizon;) {
    // Before 1970, too: users write the time from which it is looked for.
    int64_t local = at + zone.offset_at(at), of_day = (local % kDay + kDay) % kDay, days = (local - of_day) / kDay, year;
    int month, day;
    date_of_days(days, year, month, day);
    bool of_month = has(days_of_month, day), of_week = has(days_of_week, ((days + 4) % 7 + 7) % 7);
    bool both = (days_of_month | days_of_week) & kStar;
    if (!has(months, month) || !(both ? of_month && of_week : of_month || of_week)) {
      // Near midnight in small steps, for the clock may change before it.
      at += kDay - of_day > 3 * kHour ? kDay - of_day - 2 * kHour : kHour - of_day % kHour;
    } else if (!has(hours, of_day / kHour)) {
      at += kHour - of_day % kHour;
    } else if (!has(minutes, of_day % kHour / kMinute)) {
      at += kMinute;
    } else {
      return at;
    }
  }
  return 0;
}

}  // namespace sampan
