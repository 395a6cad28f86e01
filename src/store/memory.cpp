// The store in memory: all versions of a key side by side, a log of all changes, both cut by compaction.
#include "store/memory.h"

#include <deque>
#include <set>

#include "base/check.h"
#include "store/errors.h"
#include "store/watch_hub.h"

namespace sampan::store {

namespace {

struct Version {
  std::string key, value;
  Revision created = 0, revision = 0;
  bool deleted = false;
  int64_t expires_us = 0;
  Ref<Shared> attachment;
  std::shared_ptr<const Version> previous_live;  // for watches; cut when it is compacted
};
using VersionRef = std::shared_ptr<Version>;

Change change_of(const Version& version) {
  Change change;
  change.deleted = version.deleted;
  change.key = version.key;
  change.value = version.value;
  change.created = version.created;
  change.revision = version.revision;
  change.attachment = version.attachment;
  if (version.previous_live) {
    change.previous_value = version.previous_live->value;
    change.previous_revision = version.previous_live->revision;
  }
  return change;
}

Entry entry_of(const Version& version, bool keys_only) {
  return {version.key, keys_only ? std::string() : version.value, version.created, version.revision};
}

// The timer may fire while the store goes away, so it reaches the store through this.
struct Lifeline {
  std::mutex mutex;
  MemoryStore* store;
};

class Memory : public MemoryStore {
 public:
  Memory(Clock& clock, MemoryOptions options) : clock_(clock), options_(options) {
    check(options_.history > 0);
    lifeline_->store = this;
  }

  ~Memory() override {
    {
      std::lock_guard lock(lifeline_->mutex);
      lifeline_->store = nullptr;
    }
    if (timer_) options_.executor->cancel(timer_);
    hub_.end_all("the store is closed");
  }

  Result<Written> write(Write write) override {
    std::lock_guard writing(write_mutex_);
    expire_locked(clock_.now_us());
    return apply(std::move(write));
  }

  Result<Range> range(const RangeOptions& options) override {
    expire(clock_.now_us());
    std::lock_guard lock(mutex_);
    auto at = options.revision == 0 ? current_ : options.revision;
    if (at > current_) return fail(revision_in_future(at, current_));
    if (at < oldest_) return fail(revision_compacted(at, oldest_));
    KeyRange range{options.start, options.end};
    Range result;
    result.revision = current_;
    if (options.revision != 0) result.revision = at;
    for (auto i = keys_.lower_bound(range.start); i != keys_.end() && range.contains(i->first); ++i) {
      auto* version = version_at(i->second, at);
      if (!version || version->deleted) continue;
      result.count++;
      if (options.count_only || (options.limit && result.entries.size() >= options.limit)) continue;
      result.entries.push_back(entry_of(*version, options.keys_only));
    }
    return result;
  }

  Result<std::unique_ptr<Watch>> watch(std::string start, std::string end, Revision from,
                                       std::shared_ptr<WatchSink> sink) override {
    return hub_.add({std::move(start), std::move(end)}, from, std::move(sink),
                    [this](const KeyRange& range, Revision first, Revision last, const WatchHub::Deliver& deliver) {
                      return history(range, first, last, deliver);
                    });
  }

  Result<Revision> current_revision() override {
    std::lock_guard lock(mutex_);
    return current_;
  }

  Revision delivered_revision() override { return hub_.delivered(); }

  Result<Revision> oldest_revision() override { return oldest_known(); }
  Revision oldest_known() override {
    std::lock_guard lock(mutex_);
    return oldest_;
  }

  Result<void> compact(Revision revision) override {
    std::lock_guard lock(mutex_);
    if (revision > current_) return fail(revision_in_future(revision, current_));
    if (revision < oldest_) return fail(revision_compacted(revision, oldest_));
    compact_to(revision);
    return {};
  }

  Result<int64_t> size_bytes() override {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

  Result<void> backup(const std::string&) override {
    return fail(Error(Reason::MethodNotAllowed, "a store in memory has no backup"));
  }

  void expire(int64_t now_us) override {
    {
      std::lock_guard lock(mutex_);
      if (expiries_.empty() || expiries_.begin()->first.first > now_us) return;
    }
    std::lock_guard writing(write_mutex_);
    expire_locked(now_us);
  }

 private:
  // By write_mutex_.
  Written apply(Write write) {
    Written written;
    VersionRef version;
    {
      std::lock_guard lock(mutex_);
      auto found = keys_.find(write.key);
      VersionRef before = found == keys_.end() ? nullptr : found->second.back();
      if (before && before->deleted) before = nullptr;
      if (before) written.previous = entry_of(*before, false);
      bool expected = !write.expected || *write.expected == (before ? before->revision : 0);
      if (!expected || (!write.value && !before)) {  // nothing to delete is nothing written
        written.revision = current_;
        return written;
      }
      version = std::make_shared<Version>();
      version->revision = ++current_;
      version->created = before ? before->created : version->revision;
      version->deleted = !write.value;
      if (write.value) version->value = std::move(*write.value);
      version->key = std::move(write.key);
      version->attachment = std::move(write.attachment);
      if (write.value && write.ttl_seconds > 0) version->expires_us = clock_.now_us() + write.ttl_seconds * 1'000'000;
      version->previous_live = before;
      if (before && before->expires_us) expiries_.erase({before->expires_us, before->revision});
      if (version->expires_us) expiries_.emplace(std::pair(version->expires_us, version->revision), version->key);
      keys_[version->key].push_back(version);
      log_.push_back(version);
      bytes_ += weight(*version);
      if (log_.size() > options_.history) compact_to(log_.front()->revision + 1);
    }
    written.applied = true;
    written.revision = version->revision;
    Change change = change_of(*version);
    hub_.publish({&change, 1});
    schedule();
    return written;
  }

  void expire_locked(int64_t now_us) {
    while (true) {
      Write deletion;
      {
        std::lock_guard lock(mutex_);
        if (expiries_.empty() || expiries_.begin()->first.first > now_us) return;
        deletion.key = expiries_.begin()->second;
      }
      apply(std::move(deletion));
    }
  }

  void schedule() {
    if (!options_.executor) return;
    std::lock_guard lock(mutex_);
    if (expiries_.empty() || (timer_ && timer_due_us_ <= expiries_.begin()->first.first)) return;
    if (timer_) options_.executor->cancel(timer_);
    timer_due_us_ = expiries_.begin()->first.first;
    timer_ = options_.executor->after(timer_due_us_ - clock_.now_us(), [lifeline = lifeline_] {
      std::lock_guard lock(lifeline->mutex);
      if (lifeline->store) static_cast<Memory*>(lifeline->store)->on_timer();
    });
  }

  void on_timer() {
    {
      std::lock_guard lock(mutex_);
      timer_ = 0;
    }
    expire(clock_.now_us());
    schedule();
  }

  // The newest version at or below `at`.
  static const Version* version_at(const std::vector<VersionRef>& versions, Revision at) {
    auto after =
        std::upper_bound(versions.begin(), versions.end(), at,
                         [](Revision revision, const VersionRef& version) { return revision < version->revision; });
    return after == versions.begin() ? nullptr : std::prev(after)->get();
  }

  Result<void> history(const KeyRange& range, Revision first, Revision last, const WatchHub::Deliver& deliver) {
    std::vector<VersionRef> kept;
    {
      std::lock_guard lock(mutex_);
      if (first < oldest_) return fail(revision_compacted(first, oldest_));
      auto i = std::lower_bound(log_.begin(), log_.end(), first, [](const VersionRef& version, Revision revision) {
        return version->revision < revision;
      });
      for (; i != log_.end() && (*i)->revision <= last; ++i)
        if (range.contains((*i)->key)) kept.push_back(std::make_shared<Version>(**i));
    }
    std::vector<Change> changes;
    for (auto& version : kept) changes.push_back(change_of(*version));
    if (!changes.empty()) deliver(changes);
    return {};
  }

  // Drops what only revisions below `revision` show. The change at `revision` itself stays whole, for a watch from
  // there.
  void compact_to(Revision revision) {
    oldest_ = revision;
    while (!log_.empty() && log_.front()->revision < revision) {
      auto version = log_.front();
      log_.pop_front();
      version->previous_live = nullptr;
      auto found = keys_.find(version->key);
      auto& versions = found->second;
      auto self = std::find(versions.begin(), versions.end(), version);
      for (auto i = versions.begin(); i != self; ++i) bytes_ -= weight(**i);
      self = versions.erase(versions.begin(), self);
      if (version->deleted) {
        bytes_ -= weight(*version);
        versions.erase(self);
        if (versions.empty()) keys_.erase(found);
      }
    }
  }

  static int64_t weight(const Version& version) {
    return static_cast<int64_t>(sizeof(Version) + version.key.size() + version.value.size());
  }

  Clock& clock_;
  MemoryOptions options_;
  std::shared_ptr<Lifeline> lifeline_ = std::make_shared<Lifeline>();
  std::mutex write_mutex_;  // one write at a time, published before the next
  std::mutex mutex_;        // guards everything below
  Revision current_ = 1, oldest_ = 1;
  std::map<std::string, std::vector<VersionRef>, std::less<>> keys_;  // ascending; only the last may be what is current
  std::deque<VersionRef> log_;
  std::map<std::pair<int64_t, Revision>, std::string> expiries_;
  int64_t bytes_ = 0;
  Executor::Timer timer_ = 0;
  int64_t timer_due_us_ = 0;
  WatchHub hub_{1};
};

}  // namespace

std::unique_ptr<MemoryStore> make_memory_store(Clock& clock, MemoryOptions options) {
  return std::make_unique<Memory>(clock, options);
}

}  // namespace sampan::store
