#include "base/encoding.h"

#include <array>

namespace sampan {

namespace {

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> make_base64_values() {
  std::array<int8_t, 256> values{};
  for (auto& v : values) v = -1;
  for (int i = 0; i < 64; i++) values[static_cast<unsigned char>(kBase64[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr auto kBase64Values = make_base64_values();

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar (Howard Hinnant's algorithm).
int64_t days_from_civil(int64_t y, unsigned m, unsigned d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  unsigned yoe = static_cast<unsigned>(y - era * 400);
  unsigned doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
  return era * 146097 + static_cast<int64_t>(doe) - 719468;
}

void civil_from_days(int64_t z, int64_t& y, unsigned& m, unsigned& d) {
  z += 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  unsigned doe = static_cast<unsigned>(z - era * 146097);
  unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  unsigned mp = (5 * doy + 2) / 153;
  d = doy - (153 * mp + 2) / 5 + 1;
  m = mp + (mp < 10 ? 3 : -9);
  y = static_cast<int64_t>(yoe) + era * 400 + (m <= 2);
}

void put_digits(char* at, uint64_t value, int width) {
  for (int i = width; i-- > 0; value /= 10) at[i] = static_cast<char>('0' + value % 10);
}

void append_digits(std::string& out, uint64_t value, int width) {
  char digits[20];
  put_digits(digits, value, width);
  out.append(digits, width);
}

void append_date_and_time(std::string& out, int64_t seconds) {
  int64_t days = seconds / 86400, rest = seconds % 86400;
  if (rest < 0) {
    rest += 86400;
    days--;
  }
  int64_t year;
  unsigned month, day;
  civil_from_days(days, year, month, day);
  char text[] = "0000-00-00T00:00:00";  // filled in and appended as one: lists are full of times
  put_digits(text, static_cast<uint64_t>(year), 4);
  put_digits(text + 5, month, 2);
  put_digits(text + 8, day, 2);
  put_digits(text + 11, static_cast<uint64_t>(rest / 3600), 2);
  put_digits(text + 14, static_cast<uint64_t>(rest / 60 % 60), 2);
  put_digits(text + 17, static_cast<uint64_t>(rest % 60), 2);
  out.append(text, sizeof text - 1);
}

// Reads exactly `width` digits.
bool take_digits(std::string_view& text, int width, unsigned& value) {
  if (text.size() < static_cast<size_t>(width)) return false;
  value = 0;
  for (int i = 0; i < width; i++) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

unsigned days_in_month(unsigned year, unsigned month) {
  constexpr uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  auto p = reinterpret_cast<const unsigned char*>(bytes.data());
  size_t left = bytes.size(), at = out.size();
  out.resize(at + (left + 2) / 3 * 4);
  char* to = out.data() + at;
  for (; left >= 3; left -= 3, p += 3) {
    *to++ = kBase64[p[0] >> 2];
    *to++ = kBase64[(p[0] & 3) << 4 | p[1] >> 4];
    *to++ = kBase64[(p[1] & 15) << 2 | p[2] >> 6];
    *to++ = kBase64[p[2] & 63];
  }
  if (left) {
    *to++ = kBase64[p[0] >> 2];
    *to++ = kBase64[(p[0] & 3) << 4 | (left == 2 ? p[1] >> 4 : 0)];
    *to++ = left == 2 ? kBase64[(p[1] & 15) << 2] : '=';
    *to++ = '=';
  }
}

bool decode_base64(std::string_view text, std::string& out) {
  out.clear();
  out.reserve(text.size() / 4 * 3 + 3);
  uint32_t bits = 0;
  int have = 0, padding = 0;
  for (unsigned char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      padding++;
      continue;
    }
    int value = kBase64Values[c];
    if (value < 0 || padding) return false;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++have == 4) {
      out += static_cast<char>(bits >> 16);
      out += static_cast<char>(bits >> 8);
      out += static_cast<char>(bits);
      have = 0;
      bits = 0;
    }
  }
  if (have == 0) return padding == 0;
  if (have == 1 || have + padding != 4) return false;
  bits <<= 6 * (4 - have);
  out += static_cast<char>(bits >> 16);
  if (have == 3) out += static_cast<char>(bits >> 8);
  return true;
}

void append_time(std::string& out, int64_t seconds) {
  append_date_and_time(out, seconds);
  out += 'Z';
}

void append_micro_time(std::string& out, int64_t microseconds) {
  int64_t seconds = microseconds / 1'000'000, rest = microseconds % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    seconds--;
  }
  append_date_and_time(out, seconds);
  out += '.';
  append_digits(out, static_cast<uint64_t>(rest), 6);
  out += 'Z';
}

bool parse_time(std::string_view text, int64_t& microseconds) {
  unsigned year, month, day, hour, minute, second;
  if (!take_digits(text, 4, year) || !take(text, '-') || !take_digits(text, 2, month) || !take(text, '-') ||
      !take_digits(text, 2, day) || !take(text, 'T') || !take_digits(text, 2, hour) || !take(text, ':') ||
      !take_digits(text, 2, minute) || !take(text, ':') || !take_digits(text, 2, second))
    return false;
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 59)
    return false;
  int64_t micro = 0;
  if (take(text, '.') || take(text, ',')) {
    int64_t scale = 100'000;
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; digits++, scale /= 10)
      micro += (text[digits] - '0') * scale;
    if (digits == 0) return false;
    text.remove_prefix(digits);
  }
  int64_t offset = 0;
  if (!take(text, 'Z')) {
    if (text.empty() || (text[0] != '+' && text[0] != '-')) return false;
    bool west = text[0] == '-';
    text.remove_prefix(1);
    unsigned zone_hour, zone_minute;
    if (!take_digits(text, 2, zone_hour) || !take(text, ':') || !take_digits(text, 2, zone_minute)) return false;
    if (zone_hour > 24 || zone_minute > 60) return false;
    offset = (zone_hour * 60 + zone_minute) * 60;
    if (west) offset = -offset;
  }
  if (!text.empty()) return false;
  int64_t seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset;
  microseconds = seconds * 1'000'000 + micro;
  return true;
}

void append_duration(std::string& out, int64_t nanoseconds) {
  if (nanoseconds == 0) {
    out += "0s";
    return;
  }
  uint64_t left = nanoseconds < 0 ? 0 - static_cast<uint64_t>(nanoseconds) : static_cast<uint64_t>(nanoseconds);
  if (nanoseconds < 0) out += '-';
  auto append_fraction = [&](uint64_t value, uint64_t unit, int width, std::string_view suffix) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, value / unit).ptr;
    out.append(digits, end);
    if (uint64_t fraction = value % unit) {
      std::string tail;
      append_digits(tail, fraction, width);
      tail.erase(tail.find_last_not_of('0') + 1);
      out += '.';
      out += tail;
    }
    out += suffix;
  };
  if (left < 1000) return append_fraction(left, 1, 0, "ns");
  if (left < 1'000'000) return append_fraction(left, 1000, 3, "\xc2\xb5s");
  if (left < 1'000'000'000) return append_fraction(left, 1'000'000, 6, "ms");
  uint64_t minutes = left / 60'000'000'000;
  if (minutes >= 60) {
    append_fraction(minutes / 60, 1, 0, "h");
  }
  if (minutes > 0) append_fraction(minutes % 60, 1, 0, "m");
  append_fraction(left % 60'000'000'000, 1'000'000'000, 9, "s");
}

namespace {

constexpr uint64_t kDurationMax = uint64_t{1} << 63;

// "1.5" of a unit of so many nanoseconds: whole units exactly, as Go reckons them. False: it is no number, or too large.
bool scaled_number(std::string_view text, uint64_t unit, uint64_t& out) {
  auto point = std::min(text.find('.'), text.size());
  auto whole = text.substr(0, point), fraction = text.substr(std::min(point + 1, text.size()));
  if (whole.empty() && fraction.empty()) return false;
  out = 0;
  if (!whole.empty()) {
    auto [end, error] = std::from_chars(whole.data(), whole.data() + whole.size(), out);
    if (error != std::errc() || end != whole.data() + whole.size() || out > kDurationMax / unit) return false;
  }
  out *= unit;
  uint64_t part = 0;
  double scale = 1;
  bool full = false;  // what comes behind is too fine to matter
  for (char c : fraction) {
    if (c < '0' || c > '9') return false;
    full |= part > (kDurationMax - 1) / 10 || part * 10 + static_cast<uint64_t>(c - '0') > kDurationMax;
    if (full) continue;
    part = part * 10 + static_cast<uint64_t>(c - '0');
    scale *= 10;
  }
  out += static_cast<uint64_t>(static_cast<double>(part) * (static_cast<double>(unit) / scale));
  return out <= kDurationMax;
}

}  // namespace

bool parse_duration(std::string_view text, int64_t& nanoseconds) {
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  nanoseconds = 0;
  if (text == "0") return true;
  if (text.empty()) return false;
  struct Unit {
    std::string_view name;
    uint64_t nanoseconds;
  };
  constexpr Unit units[] = {{"ns", 1}, {"us", 1'000}, {"\xc2\xb5s", 1'000}, {"\xce\xbcs", 1'000}, {"ms", 1'000'000}, {"s", 1'000'000'000},
                            {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};
  uint64_t total = 0;
  while (!text.empty()) {
    size_t digits = text.find_first_not_of("0123456789.");
    if (digits == 0 || digits == std::string_view::npos) return false;
    auto number = text.substr(0, digits);
    text.remove_prefix(digits);
    size_t letters = std::min(text.find_first_of("0123456789."), text.size());
    auto unit = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == text.substr(0, letters); });
    uint64_t part;
    if (unit == std::end(units) || !scaled_number(number, unit->nanoseconds, part) || part > kDurationMax - total) return false;
    total += part;
    text.remove_prefix(letters);
  }
  if (!negative && total == kDurationMax) return false;
  nanoseconds = static_cast<int64_t>(negative ? 0 - total : total);
  return true;
}

std::string hex(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (unsigned char c : bytes) {
    out += digits[c >> 4];
    out += digits[c & 15];
  }
  return out;
}

}  // namespace sampan
