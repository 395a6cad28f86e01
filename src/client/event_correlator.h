// Which of an endless flow of events are worth a write, and which are one event that happened again. The numbers are those of upstream's components.
#pragma once
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "client/events.h"

namespace sampan::client {

struct Happening {
  Reference about, related;
  bool has_related = false;
  std::string type, reason, action, message;
  bool modern = false;  // in the form of events.k8s.io
  int64_t at_us = 0;
};

// A map that forgets what was used longest ago.
template <class T>
class Recent {
 public:
  explicit Recent(size_t limit) : limit_(limit) {}
  T& operator[](const std::string& key) {
    auto it = where_.find(key);
    if (it != where_.end()) {
      items_.splice(items_.begin(), items_, it->second);
      return items_.front().second;
    }
    items_.emplace_front(key, T());
    where_[items_.front().first] = items_.begin();
    if (items_.size() > limit_) {
      where_.erase(items_.back().first);
      items_.pop_back();
    }
    return items_.front().second;
  }

 private:
  const size_t limit_;
  std::list<std::pair<std::string, T>> items_;
  std::unordered_map<std::string_view, typename std::list<std::pair<std::string, T>>::iterator> where_;  // by keys of items_: they hold a whole message
};

class EventCorrelator {
 public:
  // What has been written of an event, so that its repetition is a change of it.
  struct Written {
    std::string name, name_space;  // "" = nothing yet
    int64_t count = 0;
    int64_t first_us = 0, last_us = 0;
  };

  // Null: too much is said of this object. The message may become one that stands for many. The pointer is good until the next call.
  Written* admit(Happening& happening);

 private:
  struct Bucket {
    double tokens = 25;
    int64_t at_us = 0;
  };
  struct Similar {
    std::unordered_set<std::string> messages;
    int64_t at_us = 0;
  };
  bool has_token(const Happening& happening);
  std::string fold(Happening& happening);  // the key of what it is a repetition of

  static constexpr size_t kRemembered = 4096;
  Recent<Bucket> buckets_{kRemembered};
  Recent<Similar> similar_{kRemembered};
  Recent<Written> written_{kRemembered};
};

}  // namespace sampan::client
