// How issues look: place, message, the line they are in and an arrow below it.
#include "cel/issues.h"

#include <algorithm>

#include "base/text.h"
#include "cel/code_points.h"

namespace sampan::cel {
namespace {

constexpr size_t kToldMax = 100;
constexpr size_t kSnippetMax = 16384;  // bytes of a line that is still shown
constexpr std::string_view kWideDot = "\uff0e", kWideArrow = "\uff3e";

// The lines of a text, found by code point.
class Lines {
 public:
  explicit Lines(std::string_view text) : points_(decode(text)) {
    starts_.push_back(0);
    for (size_t i = 0; i < points_.size(); ++i)
      if (points_[i] == '\n') starts_.push_back(static_cast<int32_t>(i + 1));
  }
  size_t line_of(int32_t at) const { return static_cast<size_t>(std::upper_bound(starts_.begin(), starts_.end(), at) - starts_.begin() - 1); }
  int32_t start(size_t line) const { return starts_[line]; }
  std::span<const char32_t> line(size_t line) const {
    size_t end = line + 1 < starts_.size() ? static_cast<size_t>(starts_[line + 1]) - 1 : points_.size();
    return std::span(points_).subspan(static_cast<size_t>(starts_[line]), end - static_cast<size_t>(starts_[line]));
  }
  bool empty() const { return points_.empty(); }

 private:
  std::vector<char32_t> points_;
  std::vector<int32_t> starts_;
};

void append_arrow(std::string& out, std::span<const char32_t> line, int32_t column) {
  out += "\n | ";
  size_t dots = std::min(line.size(), static_cast<size_t>(column));
  for (size_t i = 0; i < dots; ++i) out += line[i] < 0x80 ? std::string_view(".") : kWideDot;
  out += dots == line.size() || line[dots] < 0x80 ? std::string_view("^") : kWideArrow;
}

void append_issue(std::string& out, const Issue& issue, const Lines& lines) {
  if (issue.at < 0) {
    append(out, "ERROR: <input>:-1:0: ", issue.message);
    return;
  }
  size_t line = lines.line_of(issue.at);
  int32_t column = issue.at - lines.start(line);
  // Nothing has no first character.
  append(out, "ERROR: <input>:", line + 1, ":", lines.empty() ? 0 : column + 1, ": ", issue.message);
  if (lines.empty()) return;
  std::string snippet = encode(lines.line(line));
  if (snippet.size() > kSnippetMax) return;
  std::replace(snippet.begin(), snippet.end(), '\t', ' ');
  append(out, "\n | ", snippet);
  append_arrow(out, lines.line(line), column);
}

}  // namespace

void Issues::add(int32_t at, std::string message) {
  if (++count_ <= kToldMax) list_.push_back({at, std::move(message)});
}

std::string Issues::text(std::string_view expression) const {
  Lines lines(expression);
  std::vector<Issue> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Issue& a, const Issue& b) { return a.at < b.at; });
  std::string out;
  for (const Issue& issue : sorted) {
    if (!out.empty()) out += '\n';
    append_issue(out, issue, lines);
  }
  if (count_ > kToldMax) append(out, "\n", count_ - kToldMax, " more errors were truncated");
  return out;
}

}  // namespace sampan::cel
