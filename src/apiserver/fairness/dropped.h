// For how long who was rejected is asked to stay away: a second, and longer where that does not help.
#pragma once
#include <cstdint>
#include <deque>

namespace sampan::apiserver::fairness {

class Dropped {
 public:
  // One more; gives the seconds to stay away.
  int record(int64_t now_s);

 private:
  void reconsider(int64_t now_s);

  struct Second {
    int64_t at;
    int64_t count;
  };
  std::deque<Second> history_;  // without the current second
  Second current_{0, 0};
  int retry_after_s_ = 1;
  int64_t raised_at_s_ = 0;
};

}  // namespace sampan::apiserver::fairness
