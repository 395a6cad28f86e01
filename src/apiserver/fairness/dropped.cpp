#include "apiserver/fairness/dropped.h"

#include <algorithm>

namespace sampan::apiserver::fairness {

namespace {
constexpr int kLongest_s = 32;
}

int Dropped::record(int64_t now_s) {
  if (now_s == current_.at) {
    current_.count++;
    return retry_after_s_;
  }
  history_.push_back(current_);
  while (!history_.empty() && now_s - history_.front().at > std::min(2 * retry_after_s_, kLongest_s)) history_.pop_front();
  current_ = {now_s, 1};
  reconsider(now_s);
  return retry_after_s_;
}

// As TCP goes about it: doubled while much is dropped, one less when little is.
void Dropped::reconsider(int64_t now_s) {
  int64_t lately = 0;
  for (const Second& second : history_)
    if (now_s - second.at <= retry_after_s_) lately += second.count;
  if (lately >= 3 * retry_after_s_ && now_s - raised_at_s_ >= retry_after_s_) {
    retry_after_s_ = std::min(2 * retry_after_s_, kLongest_s);
    raised_at_s_ = now_s;
  } else if (lately < retry_after_s_ && retry_after_s_ > 1) {
    retry_after_s_--;
  }
}

}  // namespace sampan::apiserver::fairness
