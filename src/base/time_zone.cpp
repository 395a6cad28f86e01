#include "base/time_zone.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/text.h"

namespace sampan {

int64_t days_of_date(int64_t year, int month, int day) {
  // Years that begin in March have the leap day at their end.
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400;
  int64_t of_era = year - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

void date_of_days(int64_t days, int64_t& year, int& month, int& day) {
  days += 719'468;
  int64_t era = (days >= 0 ? days : days - 146'096) / 146'097, of_era = days - era * 146'097;
  int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100), shifted = (5 * of_year + 2) / 153;
  day = static_cast<int>(of_year - (153 * shifted + 2) / 5 + 1);
  month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  year = year_of_era + era * 400 + (month <= 2);
}

namespace {

// Big-endian numbers out of a file.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool good() const { return good_; }
  std::string_view rest() const { return text_; }
  std::string_view take(size_t size) {
    if (size > text_.size()) return good_ = false, std::string_view();
    auto taken = text_.substr(0, size);
    text_.remove_prefix(size);
    return taken;
  }
  int64_t number(size_t size) {
    auto bytes = take(size);
    uint64_t value = !bytes.empty() && (bytes[0] & 0x80) ? ~uint64_t{0} : 0;
    for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return static_cast<int64_t>(value);
  }

 private:
  std::string_view text_;
  bool good_ = true;
};

struct Counts {
  int64_t version = 0, is_utc = 0, is_standard = 0, leap = 0, times = 0, types = 0, letters = 0;
};

bool read_header(Reader& reader, Counts& counts) {
  if (reader.take(4) != "TZif") return false;
  counts.version = reader.number(1);
  reader.take(15);
  for (int64_t* count : {&counts.is_utc, &counts.is_standard, &counts.leap, &counts.times, &counts.types, &counts.letters})
    *count = reader.number(4);
  return reader.good() && counts.types > 0 && counts.times >= 0 && counts.leap >= 0 && counts.letters >= 0 && counts.is_utc >= 0 && counts.is_standard >= 0;
}

// Parts of a rule as POSIX writes TZ: "CET-1CEST,M3.5.0,M10.5.0/3".
bool take_name(std::string_view& text) {
  size_t end = 0;
  if (text.starts_with('<')) end = text.find('>') == std::string_view::npos ? 0 : text.find('>') + 1;
  else
    while (end < text.size() && ((text[end] | 0x20) >= 'a' && (text[end] | 0x20) <= 'z')) end++;
  text.remove_prefix(end);
  return end > 0;
}

bool take_number(std::string_view& text, int32_t& number) {
  size_t end = 0;
  while (end < text.size() && text[end] >= '0' && text[end] <= '9') end++;
  if (!parse_int(text.substr(0, end), number)) return false;
  text.remove_prefix(end);
  return true;
}

// [+-]hh[:mm[:ss]]
bool take_time(std::string_view& text, int32_t& seconds) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int32_t part = 0, unit = 3600;
  constexpr int32_t kMost = 167;  // hours, by the RFC
  if (!take_number(text, part) || part > kMost) return false;
  seconds = part * unit;
  while (text.starts_with(':') && unit > 1) {
    text.remove_prefix(1);
    if (!take_number(text, part) || part > kMost) return false;
    seconds += part * (unit /= 60);
  }
  if (negative) seconds = -seconds;
  return true;
}

}  // namespace

bool TimeZone::parse_footer(std::string_view text) {
  int32_t west = 0;
  if (!take_name(text) || !take_time(text, west)) return false;
  standard_ = -west;
  if (text.empty()) return true;
  if (!take_name(text)) return false;
  summer_ = standard_ + 3600;
  if (!text.starts_with(',')) {
    if (!take_time(text, west)) return false;
    summer_ = -west;
  }
  for (Change* change : {&to_summer_, &to_standard_}) {
    if (!text.starts_with(",M")) return false;
    text.remove_prefix(2);
    change->seconds = 2 * 3600;
    if (!take_number(text, change->month) || !text.starts_with('.')) return false;
    text.remove_prefix(1);
    if (!take_number(text, change->week) || !text.starts_with('.')) return false;
    text.remove_prefix(1);
    if (!take_number(text, change->day)) return false;
    if (change->month < 1 || change->month > 12 || change->week < 1 || change->week > 5 || change->day > 6) return false;
    if (!text.starts_with('/')) continue;
    text.remove_prefix(1);
    if (!take_time(text, change->seconds)) return false;
  }
  has_summer_ = true;
  return text.empty();
}

std::unique_ptr<TimeZone> TimeZone::parse(std::string_view content) {
  Reader reader(content);
  Counts counts;
  if (!read_header(reader, counts)) return nullptr;
  size_t width = 4;
  if (counts.version >= '2') {  // the same once more, in 64 bits
    reader.take(static_cast<size_t>(counts.times * 5 + counts.types * 6 + counts.letters + counts.leap * 8 + counts.is_standard + counts.is_utc));
    if (!reader.good() || !read_header(reader, counts)) return nullptr;
    width = 8;
  }
  auto size = [](int64_t count) { return static_cast<size_t>(count); };
  Reader times(reader.take(size(counts.times) * width));
  std::string_view kinds = reader.take(size(counts.times));
  std::vector<int32_t> offsets;
  for (int64_t i = 0; i < counts.types && reader.good(); i++) {
    offsets.push_back(static_cast<int32_t>(reader.number(4)));
    reader.take(2);
  }
  reader.take(size(counts.letters + counts.is_standard + counts.is_utc) + size(counts.leap) * (width + 4));
  if (!reader.good()) return nullptr;
  auto zone = std::make_unique<TimeZone>();
  zone->first_offset_ = offsets[0];
  for (char kind : kinds) {
    auto index = static_cast<unsigned char>(kind);
    if (index >= offsets.size()) return nullptr;
    zone->transitions_.push_back({times.number(width), offsets[index]});
  }
  zone->standard_ = zone->transitions_.empty() ? zone->first_offset_ : zone->transitions_.back().offset;
  std::string_view footer = trim(reader.rest());
  if (!footer.empty() && !zone->parse_footer(footer)) return nullptr;
  return zone;
}

int64_t TimeZone::day_of(const Change& change, int64_t year) {
  int64_t first = days_of_date(year, change.month, 1);
  int64_t week_day = ((first + 4) % 7 + 7) % 7;
  int64_t day = first + (change.day - week_day + 7) % 7 + 7 * (change.week - 1);
  int64_t next_month = change.month == 12 ? days_of_date(year + 1, 1, 1) : days_of_date(year, change.month + 1, 1);
  return day < next_month ? day : day - 7;
}

int32_t TimeZone::offset_at(int64_t utc) const {
  if (!transitions_.empty() && utc < transitions_.back().at) {
    auto after = std::upper_bound(transitions_.begin(), transitions_.end(), utc, [](int64_t at, const Transition& t) { return at < t.at; });
    return after == transitions_.begin() ? first_offset_ : (after - 1)->offset;
  }
  if (!has_summer_) return standard_;
  int64_t local = utc + standard_, days = (local >= 0 ? local : local - 86'399) / 86'400, year;
  int month, day;
  date_of_days(days, year, month, day);
  int64_t begin = day_of(to_summer_, year) * 86'400 + to_summer_.seconds - standard_;
  int64_t end = day_of(to_standard_, year) * 86'400 + to_standard_.seconds - summer_;
  bool is_summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
  return is_summer ? summer_ : standard_;
}

const TimeZone* TimeZone::find(std::string_view name) {
  static const TimeZone utc;
  if (name.empty() || name == "UTC") return &utc;
  bool safe = name.size() < 64 && name[0] != '/' && name.find("..") == std::string_view::npos;
  for (char c : name) safe &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/';
  if (!safe) return nullptr;
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<TimeZone>, std::less<>> zones;
  std::lock_guard lock(mutex);
  if (auto known = zones.find(name); known != zones.end()) return known->second.get();
  FILE* file = std::fopen(concat("/usr/share/zoneinfo/", name).c_str(), "re");
  if (!file) return nullptr;
  std::string content(64 * 1024, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file));
  std::fclose(file);
  auto zone = parse(content);
  if (!zone) return nullptr;
  return zones.emplace(std::string(name), std::move(zone)).first->second.get();
}

}  // namespace sampan
