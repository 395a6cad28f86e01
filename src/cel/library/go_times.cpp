// Timestamps as Go reads and writes them.
#include "base/text.h"
#include "base/time_zone.h"
#include "cel/library/go_forms.h"

namespace sampan::cel {

namespace {

constexpr int64_t kSecondsOfDay = 86'400;

bool is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int days_of_month(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return kDays[month - 1] + (month == 2 && is_leap(year));
}

// Takes the parts of a time off the front of a text; what does not fit makes it bad.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool good() const { return good_; }
  bool at_end() const { return rest_.empty(); }

  int number(size_t digits) {
    int value = 0;
    for (size_t i = 0; i < digits; ++i) value = value * 10 + digit();
    return value;
  }
  // Of one digit or two.
  int short_number() {
    const int value = digit();
    return next_is_digit() ? value * 10 + digit() : value;
  }
  void expect(char c) {
    if (!take(c)) good_ = false;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Of a second: digits beyond the ninth are read over.
  uint32_t fraction() {
    if (rest_.size() < 2 || (rest_[0] != '.' && rest_[0] != ',') || rest_[1] < '0' || rest_[1] > '9') return 0;
    rest_.remove_prefix(1);
    uint32_t value = 0, scale = 1'000'000'000;
    while (next_is_digit()) {
      const auto next = static_cast<uint32_t>(digit());
      scale /= 10;
      value += next * scale;
    }
    return value;
  }

 private:
  bool next_is_digit() const { return !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; }
  int digit() {
    if (!next_is_digit()) {
      good_ = false;
      return 0;
    }
    const int value = rest_[0] - '0';
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view rest_;
  bool good_ = true;
};

std::string padded(int64_t value, size_t width) {
  std::string text = std::to_string(value);
  if (text.size() < width) text.insert(0, width - text.size(), '0');
  return text;
}

}  // namespace

// time.Parse takes an hour of one digit, a comma before the fraction and offsets up to 24:60.
std::optional<Instant> parse_timestamp(std::string_view text) {
  Reader reader(text);
  const int year = reader.number(4);
  reader.expect('-');
  const int month = reader.number(2);
  reader.expect('-');
  const int day = reader.number(2);
  reader.expect('T');
  const int hour = reader.short_number();
  reader.expect(':');
  const int minute = reader.number(2);
  reader.expect(':');
  const int second = reader.number(2);
  const uint32_t nanoseconds = reader.fraction();
  int offset = 0;
  if (!reader.take('Z')) {
    const bool west = reader.take('-');
    if (!west) reader.expect('+');
    const int hours = reader.number(2);
    reader.expect(':');
    const int minutes = reader.number(2);
    if (hours > 24 || minutes > 60) return {};
    offset = hours * 60 + minutes;
    if (west) offset = -offset;
  }
  if (!reader.good() || !reader.at_end()) return {};
  if (month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 || minute > 59 || second > 59) return {};
  return Instant{days_of_date(year, month, day) * kSecondsOfDay + hour * 3600 + minute * 60 + second - offset * 60, nanoseconds,
                 static_cast<int16_t>(offset)};
}

std::string text_of_timestamp(int64_t seconds, uint32_t nanoseconds, int zone_minutes) {
  seconds += int64_t{zone_minutes} * 60;
  int64_t days = seconds / kSecondsOfDay, rest = seconds % kSecondsOfDay, year;
  if (rest < 0) {
    rest += kSecondsOfDay;
    --days;
  }
  int month, day;
  date_of_days(days, year, month, day);
  std::string text = concat(padded(year, 4), "-", padded(month, 2), "-", padded(day, 2), "T", padded(rest / 3600, 2), ":", padded(rest / 60 % 60, 2), ":", padded(rest % 60, 2));
  if (nanoseconds != 0) {
    append(text, ".", padded(nanoseconds, 9));
    while (text.ends_with('0')) text.pop_back();
  }
  if (zone_minutes == 0) return text + 'Z';
  const int zone = std::abs(zone_minutes);
  return concat(text, zone_minutes < 0 ? "-" : "+", padded(zone / 60, 2), ":", padded(zone % 60, 2));
}

}  // namespace sampan::cel
