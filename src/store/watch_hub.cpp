#include "store/watch_hub.h"

#include "base/check.h"
#include "base/text.h"

namespace sampan::store {

// One watch. The mutex makes "not closed, so call" one step; recursive because a sink may close its own watch.
struct WatchHub::Member {
  KeyRange range;
  Revision next;
  std::recursive_mutex mutex;
  std::shared_ptr<WatchSink> sink;  // by mutex; empty: closed

  void deliver(std::span<const Change> changes) {
    std::vector<Change> mine;
    size_t first = 0;
    while (first < changes.size() && !wants(changes[first])) first++;
    size_t last = first;
    while (last < changes.size() && wants(changes[last])) last++;
    auto piece = changes.subspan(first, last - first);
    for (size_t i = last; i < changes.size(); i++) {
      if (!wants(changes[i])) continue;
      // The wanted ones are not side by side: gather them.
      if (mine.empty()) mine.assign(piece.begin(), piece.end());
      mine.push_back(changes[i]);
    }
    if (!mine.empty()) piece = mine;
    if (piece.empty()) return;
    std::lock_guard lock(mutex);
    if (!sink) return;
    auto keep = sink;
    keep->on_changes(piece);
  }

  void end(Error error) {
    std::lock_guard lock(mutex);
    if (auto keep = std::move(sink)) keep->on_end(std::move(error));
  }

  bool wants(const Change& change) const { return change.revision >= next && range.contains(change.key); }
};

struct WatchHub::List {
  std::mutex mutex;
  std::vector<std::shared_ptr<Member>> members;  // by mutex
};

class WatchHub::Handle : public Watch {
 public:
  Handle(std::shared_ptr<Member> member, std::weak_ptr<List> list)
      : member_(std::move(member)), list_(std::move(list)) {}
  ~Handle() override {
    {
      std::lock_guard lock(member_->mutex);
      member_->sink = nullptr;
    }
    if (auto list = list_.lock()) {
      std::lock_guard lock(list->mutex);
      std::erase(list->members, member_);
    }
  }

 private:
  std::shared_ptr<Member> member_;
  std::weak_ptr<List> list_;
};

WatchHub::WatchHub(Revision published) : list_(std::make_shared<List>()), delivered_(published), published_(published) {}
WatchHub::~WatchHub() = default;

void WatchHub::publish(std::span<const Change> changes) {
  if (changes.empty()) return;
  std::lock_guard publishing(publish_mutex_);
  check(changes.front().revision > published_);
  published_ = changes.back().revision;
  std::vector<std::shared_ptr<Member>> members = std::move(scratch_);  // its capacity, mostly
  {
    std::lock_guard lock(list_->mutex);
    members = list_->members;
  }
  for (auto& member : members) member->deliver(changes);
  delivered_ = published_;
  members.clear();
  scratch_ = std::move(members);
}

Result<std::unique_ptr<Watch>> WatchHub::add(KeyRange range, Revision from, std::shared_ptr<WatchSink> sink,
                                             const History& history) {
  auto member = std::make_shared<Member>();
  member->range = std::move(range);
  member->next = from;
  member->sink = std::move(sink);
  auto handle = std::make_unique<Handle>(member, list_);
  Deliver deliver = [&](std::span<const Change> changes) { member->deliver(changes); };

  // What is long past is read while writers go on; only the rest holds them up.
  for (int round = 0; round < 3 && from > 0; round++) {
    auto target = published();
    if (member->next > target) break;
    TRY(history(member->range, member->next, target, deliver));
    member->next = target + 1;
  }
  std::lock_guard publishing(publish_mutex_);
  if (from <= 0) member->next = published_ + 1;
  if (member->next <= published_) {
    TRY(history(member->range, member->next, published_, deliver));
    member->next = published_ + 1;
  }
  std::lock_guard lock(list_->mutex);
  list_->members.push_back(std::move(member));
  return handle;
}

void WatchHub::end_all(std::string_view why) {
  std::lock_guard publishing(publish_mutex_);
  std::vector<std::shared_ptr<Member>> members;
  {
    std::lock_guard lock(list_->mutex);
    members.swap(list_->members);
  }
  for (auto& member : members) member->end(Error(Reason::ServiceUnavailable, std::string(why)));
}

Revision WatchHub::published() const {
  std::lock_guard publishing(publish_mutex_);
  return published_;
}

}  // namespace sampan::store
