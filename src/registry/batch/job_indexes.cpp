// Lists of indexes of indexed jobs, as status.completedIndexes has them.
#include "base/text.h"
#include "registry/batch/job_spec.h"

namespace sampan::registry {

namespace {

struct Interval {
  int64_t first = 0, last = 0;
};

bool parse_interval(std::string_view text, int64_t completions, Interval& out, std::string& complaint) {
  auto ends = split(text, '-');
  if (ends.size() > 2) {
    complaint = concat("the fragment ", quoted(text), " violates the requirement that an index interval can have at most two parts separated by '-'");
    return false;
  }
  int64_t numbers[2] = {};
  for (size_t i = 0; i < ends.size(); i++) {
    if (!parse_int(ends[i], numbers[i]))
      complaint = concat("cannot convert string to integer for index: ", quoted(ends[i]));
    else if (numbers[i] >= completions)
      complaint = concat("too large index: ", quoted(ends[i]));
    if (!complaint.empty()) return false;
  }
  out = {numbers[0], ends.size() == 2 ? numbers[1] : numbers[0]};
  if (ends.size() == 2 && out.first >= out.last) complaint = concat("non-increasing order, previous: ", out.first, ", current: ", out.last);
  return complaint.empty();
}

std::vector<Interval> good_intervals(std::string_view text, int64_t completions) {
  std::vector<Interval> out;
  for (auto part : split(text, ',')) {
    Interval interval;
    std::string complaint;
    if (parse_interval(part, completions, interval, complaint)) out.push_back(interval);
  }
  return out;
}

}  // namespace

int64_t count_indexes(std::string_view text, int64_t completions, std::string& complaint) {
  if (text.empty()) return 0;
  int64_t count = 0, last = -1;
  for (auto part : split(text, ',')) {
    Interval interval;
    if (!parse_interval(part, completions, interval, complaint)) return 0;
    if (last >= interval.first) {
      complaint = concat("non-increasing order, previous: ", last, ", current: ", interval.first);
      return 0;
    }
    count += interval.last - interval.first + 1;
    last = interval.last;
  }
  return count;
}

std::string overlap_complaint(std::string_view completed, std::string_view failed, int64_t completions) {
  if (completed.empty() || failed.empty()) return {};
  auto done = good_intervals(completed, completions), bad = good_intervals(failed, completions);
  for (size_t i = 0, j = 0; i < done.size() && j < bad.size();) {
    if (done[i].first <= bad[j].last && bad[j].first <= done[i].last)
      return concat("failedIndexes and completedIndexes overlap at index: ", std::max(done[i].first, bad[j].first));
    if (done[i].first <= bad[j].first)
      i++;
    else
      j++;
  }
  return {};
}

}  // namespace sampan::registry
