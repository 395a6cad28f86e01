#include "registry/human_duration.h"

#include "base/text.h"

namespace sampan::registry {

namespace {
// "5m30s", or "5m" when nothing is left over.
std::string pair_of(int64_t whole, const char* unit, int64_t rest, const char* rest_unit) {
  return rest == 0 ? concat(whole, unit) : concat(whole, unit, rest, rest_unit);
}
}  // namespace

std::string human_duration(int64_t seconds) {
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 60 * 2) return concat(seconds, "s");
  int64_t minutes = seconds / 60;
  if (minutes < 10) return pair_of(minutes, "m", seconds % 60, "s");
  if (minutes < 60 * 3) return concat(minutes, "m");
  int64_t hours = minutes / 60;
  if (hours < 8) return pair_of(hours, "h", minutes % 60, "m");
  if (hours < 48) return concat(hours, "h");
  int64_t days = hours / 24;
  if (hours < 24 * 8) return pair_of(days, "d", hours % 24, "h");
  if (hours < 24 * 365 * 2) return concat(days, "d");
  if (hours < 24 * 365 * 8) return pair_of(days / 365, "y", days % 365, "d");
  return concat(days / 365, "y");
}

}  // namespace sampan::registry
