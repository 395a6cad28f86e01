// What is wrong with an expression, told as cel-go tells it.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace sampan::cel {

struct Issue {
  int32_t at;  // in code points
  std::string message;
};

class Issues {
 public:
  void add(int32_t at, std::string message);  // beyond a hundred they are only counted
  bool empty() const { return list_.empty(); }
  size_t count() const { return count_; }  // of all that were added
  const std::vector<Issue>& list() const { return list_; }
  // "ERROR: <input>:1:5: message\n | the line\n | ....^", sorted by place, one after another.
  std::string text(std::string_view expression) const;

 private:
  std::vector<Issue> list_;
  size_t count_ = 0;
};

}  // namespace sampan::cel
