// Time zones of the machine's database (/usr/share/zoneinfo).
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sampan {

class TimeZone {
 public:
  // Null: there is none of this name. "" and "UTC" need no database. Kept for ever once read.
  static const TimeZone* find(std::string_view name);
  // Of a file's content (RFC 8536); null if it is none.
  static std::unique_ptr<TimeZone> parse(std::string_view content);

  int32_t offset_at(int64_t utc_seconds) const;  // seconds east of Greenwich

 private:
  struct Transition {
    int64_t at;
    int32_t offset;
  };
  // The day of a year on which a rule of the footer changes the clock: the `week`th (5: last) `day` (0: Sunday) of `month`.
  struct Change {
    int month = 0, week = 0, day = 0;
    int32_t seconds = 0;  // after midnight, by the clock before the change
  };
  bool parse_footer(std::string_view text);
  static int64_t day_of(const Change& change, int64_t year);

  std::vector<Transition> transitions_;
  int32_t first_offset_ = 0;
  // After the last transition.
  int32_t standard_ = 0, summer_ = 0;
  bool has_summer_ = false;
  Change to_summer_, to_standard_;
};

// Days since 1970 of a date, and back.
int64_t days_of_date(int64_t year, int month, int day);
void date_of_days(int64_t days, int64_t& year, int& month, int& day);

}  // namespace sampan
