// Pods that wait: to be decided on (active), for their back-off to end, or for something to happen that may let them be placed (unschedulable).
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/environment.h"
#include "scheduler/cluster_event.h"
#include "scheduler/profile.h"

namespace sampan::scheduler {

struct QueuedPod {
  PodRef pod;
  int64_t since_us = 0;            // of when it was put into the queue last
  int64_t first_attempt_us = -1;   // of when it could first be decided on
  unsigned attempts = 0, unschedulable_count = 0, errors = 0;  // errors: one after the other
  std::set<std::string_view> refused_by;  // plug-ins; none after an error
  std::string_view gate;                  // the plug-in that does not let it into the queue
  bool flushed = false;                   // came back for no reason but the time it waited
};

class Queue {
 public:
  using ProfileOf = std::function<Profile*(const PodInfo&)>;
  struct Options {
    int64_t initial_backoff_us = 1'000'000, max_backoff_us = 10'000'000;
    int64_t unschedulable_us = 5 * 60'000'000ll;  // after which a pod is tried again in any case
  };
  Queue(Clock& clock, ProfileOf profile_of, Options options) : clock_(clock), profile_of_(std::move(profile_of)), options_(options) {}

  void add(const PodRef& pod);
  // A pod that waits has changed.
  void update(const schema::Object& before, const PodRef& now);
  void remove(std::string_view uid);
  // The next to be decided on; it is no longer in the queue.
  std::optional<QueuedPod> pop();
  // It could not be placed: refused_by says by whom, or it was an error.
  void give_back(QueuedPod pod);
  // Pods that the event may help are tried again. `only`, where there is one, says which are looked at.
  void move(const ClusterEvent& event, const std::function<bool(const PodInfo&)>& only = {});
  void activate(std::string_view uid);  // at once
  void flush();                         // what is due by now
  int64_t next_due_us() const;          // on the clock that never goes back; -1: nothing waits for its time

  bool has_work() const { return !active_.empty() || !backoff_.empty(); }
  bool contains(std::string_view uid) const { return entries_.contains(std::string(uid)); }
  struct Counts {
    size_t active, backoff, unschedulable, gated;
  };
  Counts counts() const;
  void write_metrics() const;

 private:
  enum class Where : uint8_t { Active, Backoff, ErrorBackoff, Unschedulable };
  struct Entry {
    QueuedPod queued;
    Where where = Where::Unschedulable;
    int64_t due_us = 0;      // the end of its back-off
    uint64_t sequence = 0;
  };
  struct First {  // of the active
    const Queue* queue;
    bool operator()(const Entry* a, const Entry* b) const;
  };
  struct Sooner {  // of those that wait for their time
    First first;
    bool operator()(const Entry* a, const Entry* b) const { return a->due_us != b->due_us ? a->due_us < b->due_us : first(a, b); }
  };
  Profile* profile_of(const Entry& entry) const { return profile_of_(*entry.queued.pod); }
  void take_out(Entry& entry);
  void put(Entry& entry, Where where, std::string_view event);
  bool passes_gates(Entry& entry);
  void count_refusals(const QueuedPod& queued, int sign) const;
  int64_t backoff_end(const QueuedPod& queued) const;
  void requeue(Entry& entry, std::string_view event);
  bool is_interesting(const ClusterEvent& event) const;
  bool worth_it(const Entry& entry, const ClusterEvent& event) const;

  Clock& clock_;
  const ProfileOf profile_of_;
  const Options options_;
  uint64_t sequence_ = 0;
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;  // by uid
  std::set<Entry*, First> active_{First{this}};
  std::set<Entry*, Sooner> backoff_{Sooner{First{this}}}, error_backoff_{Sooner{First{this}}};
  std::set<Entry*, Sooner> unschedulable_{Sooner{First{this}}};  // due_us: when they are tried in any case
};

}  // namespace sampan::scheduler
