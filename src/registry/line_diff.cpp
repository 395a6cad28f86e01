#include "registry/line_diff.h"

#include "base/text.h"

namespace sampan::registry {

namespace {

using Lines = std::vector<std::string_view>;

struct Match {
  size_t a, b, size;
};

class Matcher {
 public:
  Matcher(const Lines& a, const Lines& b) : a_(a), b_(b) {
    constexpr size_t kLongText = 200;
    for (size_t i = 0; i < b.size(); i++) places_[b[i]].push_back(i);
    if (b.size() >= kLongText)
      std::erase_if(places_, [&](auto& entry) { return entry.second.size() > b.size() / 100 + 1; });
  }

  // How many pairs of equal lines there are to look at: what a search costs, at least once.
  size_t pairs() const {
    size_t sum = 0;
    for (auto line : a_)
      if (auto places = places_.find(line); places != places_.end()) sum += places->second.size();
    return sum;
  }

  // What the texts have in common at their ends.
  std::vector<Match> ends() const {
    size_t most = std::min(a_.size(), b_.size()), head = 0, tail = 0;
    while (head < most && a_[head] == b_[head]) head++;
    while (tail < most - head && a_[a_.size() - 1 - tail] == b_[b_.size() - 1 - tail]) tail++;
    return {{0, 0, head}, {a_.size() - tail, b_.size() - tail, tail}, {a_.size(), b_.size(), 0}};
  }

  // In order, adjacent ones joined, with an empty one at the end.
  std::vector<Match> matches() const {
    struct Range {
      size_t a_low, a_high, b_low, b_high;
    };
    std::vector<Range> ranges{{0, a_.size(), 0, b_.size()}};
    std::vector<Match> found, joined;
    while (!ranges.empty()) {
      Range range = ranges.back();
      ranges.pop_back();
      Match match = longest(range.a_low, range.a_high, range.b_low, range.b_high);
      if (match.size == 0) continue;
      found.push_back(match);
      ranges.push_back({range.a_low, match.a, range.b_low, match.b});
      ranges.push_back({match.a + match.size, range.a_high, match.b + match.size, range.b_high});
    }
    std::sort(found.begin(), found.end(), [](const Match& x, const Match& y) { return x.a < y.a; });
    for (const Match& match : found)
      if (!joined.empty() && joined.back().a + joined.back().size == match.a && joined.back().b + joined.back().size == match.b)
        joined.back().size += match.size;
      else
        joined.push_back(match);
    joined.push_back({a_.size(), b_.size(), 0});
    return joined;
  }

 private:
  Match longest(size_t a_low, size_t a_high, size_t b_low, size_t b_high) const {
    Match best{a_low, b_low, 0};
    std::unordered_map<size_t, size_t> runs, next;  // length of the run that ends at a place of b
    for (size_t i = a_low; i < a_high; i++) {
      next.clear();
      if (auto places = places_.find(a_[i]); places != places_.end())
        for (size_t j : places->second) {
          if (j < b_low) continue;
          if (j >= b_high) break;
          auto before = j > 0 ? runs.find(j - 1) : runs.end();
          size_t length = (before == runs.end() ? 0 : before->second) + 1;
          next[j] = length;
          if (length > best.size) best = {i + 1 - length, j + 1 - length, length};
        }
      std::swap(runs, next);
    }
    while (best.a > a_low && best.b > b_low && a_[best.a - 1] == b_[best.b - 1]) best.a--, best.b--, best.size++;
    while (best.a + best.size < a_high && best.b + best.size < b_high && a_[best.a + best.size] == b_[best.b + best.size])
      best.size++;
    return best;
  }

  const Lines &a_, &b_;
  std::unordered_map<std::string_view, std::vector<size_t>> places_;
};

// A stretch that is equal, or that was replaced (either side may be empty).
struct Edit {
  bool equal;
  size_t a, a_end, b, b_end;
};

std::vector<Edit> edits_of(const Lines& a, const Lines& b) {
  // A client chooses the texts: beyond this the search could take seconds, and only their ends are compared.
  constexpr size_t kPairsMax = 500'000;
  std::vector<Edit> edits;
  size_t i = 0, j = 0;
  Matcher matcher(a, b);
  for (const Match& match : matcher.pairs() > kPairsMax ? matcher.ends() : matcher.matches()) {
    if (i < match.a || j < match.b) edits.push_back({false, i, match.a, j, match.b});
    if (match.size) edits.push_back({true, match.a, match.a + match.size, match.b, match.b + match.size});
    i = match.a + match.size;
    j = match.b + match.size;
  }
  return edits;
}

std::string range_text(size_t start, size_t stop) {
  size_t length = stop - start;
  return length == 1 ? concat(start + 1) : concat(length ? start + 1 : start, ",", length);
}

void write_hunk(std::string& out, const std::vector<Edit>& hunk, const Lines& a, const Lines& b) {
  append(out, "@@ -", range_text(hunk.front().a, hunk.back().a_end), " +", range_text(hunk.front().b, hunk.back().b_end), " @@\n");
  for (const Edit& edit : hunk) {
    for (size_t i = edit.a; i < edit.a_end; i++) append(out, edit.equal ? " " : "-", a[i], "\n");
    for (size_t j = edit.b; j < edit.b_end && !edit.equal; j++) append(out, "+", b[j], "\n");
  }
}

}  // namespace

std::string line_diff(std::string_view before, std::string_view after) {
  constexpr size_t kContext = 3;
  Lines a = split(before, '\n'), b = split(after, '\n');
  std::vector<Edit> edits = edits_of(a, b), hunk;
  std::string out;
  if (edits.size() == 1 && edits[0].equal) return out;
  for (size_t i = 0; i < edits.size(); i++) {
    Edit edit = edits[i];
    bool first = i == 0, last = i + 1 == edits.size();
    size_t length = edit.a_end - edit.a;
    if (edit.equal && first && length > kContext) {
      edit.a = edit.a_end - kContext;
      edit.b = edit.b_end - kContext;
    } else if (edit.equal && last && length > kContext) {
      edit.a_end = edit.a + kContext;
      edit.b_end = edit.b + kContext;
    } else if (edit.equal && !first && !last && length > 2 * kContext) {
      // Far apart: one hunk ends and another begins.
      hunk.push_back({true, edit.a, edit.a + kContext, edit.b, edit.b + kContext});
      write_hunk(out, hunk, a, b);
      hunk.clear();
      edit.a = edit.a_end - kContext;
      edit.b = edit.b_end - kContext;
    }
    hunk.push_back(edit);
  }
  write_hunk(out, hunk, a, b);
  return out;
}

}  // namespace sampan::registry
