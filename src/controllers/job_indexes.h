// Sets of completion indexes, as status.completedIndexes writes them: "1,3-5,7".
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sampan::controllers {

class Indexes {
 public:
  // What is not below `completions` is left out; what is no number, too.
  static Indexes parse(std::string_view text, int completions);
  std::string text() const;

  void add(int index) { merge(Range{index, index}); }
  void add(const Indexes& others);
  bool has(int index) const;
  bool empty() const { return ranges_.empty(); }
  int count() const;
  int count_common(const Indexes& others) const;
  // The first `count` that are not here and below `completions`.
  std::vector<int> first_missing(int count, int completions) const;
  bool operator==(const Indexes&) const = default;

 private:
  struct Range {
    int first, last;
    bool operator==(const Range&) const = default;
  };
  void merge(Range range);
  std::vector<Range> ranges_;  // in order, with gaps between
};

}  // namespace sampan::controllers
