#include "controllers/job_indexes.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::controllers {

Indexes Indexes::parse(std::string_view text, int completions) {
  Indexes out;
  if (text.empty()) return out;
  for (auto part : split(text, ',')) {
    size_t dash = part.find('-');
    Range range{};
    if (!parse_int(part.substr(0, dash), range.first)) continue;
    if (range.first >= completions) break;
    range.last = range.first;
    if (dash != std::string_view::npos && !parse_int(part.substr(dash + 1), range.last)) continue;
    range.last = std::min(range.last, completions - 1);
    if (range.last >= range.first) out.merge(range);
  }
  return out;
}

std::string Indexes::text() const {
  std::string out;
  for (const auto& range : ranges_) {
    append(out, out.empty() ? "" : ",", range.first);
    if (range.last > range.first) append(out, range.last == range.first + 1 ? "," : "-", range.last);
  }
  return out;
}

void Indexes::merge(Range range) {
  // The first that touches the new one, and the first that is behind it.
  auto begin = std::lower_bound(ranges_.begin(), ranges_.end(), range, [](const Range& a, const Range& b) { return a.last + 1 < b.first; });
  auto end = begin;
  for (; end != ranges_.end() && end->first <= range.last + 1; ++end) {
    range.first = std::min(range.first, end->first);
    range.last = std::max(range.last, end->last);
  }
  if (begin == end) {
    ranges_.insert(begin, range);
    return;
  }
  *begin = range;
  ranges_.erase(begin + 1, end);
}

void Indexes::add(const Indexes& others) {
  for (const auto& range : others.ranges_) merge(range);
}

bool Indexes::has(int index) const {
  auto at = std::lower_bound(ranges_.begin(), ranges_.end(), index, [](const Range& range, int i) { return range.last < i; });
  return at != ranges_.end() && at->first <= index;
}

int Indexes::count() const {
  int count = 0;
  for (const auto& range : ranges_) count += range.last - range.first + 1;
  return count;
}

int Indexes::count_common(const Indexes& others) const {
  int count = 0;
  for (auto a = ranges_.begin(), b = others.ranges_.begin(); a != ranges_.end() && b != others.ranges_.end();) {
    count += std::max(0, std::min(a->last, b->last) - std::max(a->first, b->first) + 1);
    if (a->last < b->last) ++a;
    else ++b;
  }
  return count;
}

std::vector<int> Indexes::first_missing(int count, int completions) const {
  std::vector<int> out;
  int candidate = 0;
  auto take_until = [&](int end) {
    for (; candidate < end && candidate < completions && static_cast<int>(out.size()) < count; candidate++) out.push_back(candidate);
  };
  for (const auto& range : ranges_) {
    take_until(range.first);
    candidate = std::max(candidate, range.last + 1);
  }
  take_until(completions);
  return out;
}

}  // namespace sampan::controllers
