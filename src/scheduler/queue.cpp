#include "scheduler/queue.h"

#include "scheduler/metrics.h"

namespace sampan::scheduler {

namespace {
constexpr int64_t kSecond = 1'000'000;
constexpr std::string_view kAttemptFailed = "ScheduleAttemptFailure", kBackoffComplete = "BackoffComplete", kPopped = "PopFromBackoffQ",
                           kForced = "ForceActivate", kTimeout = "UnschedulableTimeout";
}  // namespace

bool Queue::First::operator()(const Entry* a, const Entry* b) const {
  auto* profile = queue->profile_of(*a);
  auto &x = a->queued, &y = b->queued;
  if (profile->less(*x.pod, x.since_us, *y.pod, y.since_us)) return true;
  if (profile->less(*y.pod, y.since_us, *x.pod, x.since_us)) return false;
  return a->sequence < b->sequence;
}

void Queue::take_out(Entry& entry) {
  switch (entry.where) {
    case Where::Active: active_.erase(&entry); break;
    case Where::Backoff: backoff_.erase(&entry); break;
    case Where::ErrorBackoff: error_backoff_.erase(&entry); break;
    case Where::Unschedulable: unschedulable_.erase(&entry); break;
  }
}

// The entry is in no queue.
void Queue::put(Entry& entry, Where where, std::string_view event) {
  static constexpr std::string_view kNames[] = {"active", "backoff", "backoff", "unschedulable"};
  entry.where = where;
  switch (where) {
    case Where::Active:
      if (entry.queued.first_attempt_us < 0) entry.queued.first_attempt_us = clock_.monotonic_us();
      active_.insert(&entry);
      break;
    case Where::Backoff: backoff_.insert(&entry); break;
    case Where::ErrorBackoff: error_backoff_.insert(&entry); break;
    case Where::Unschedulable:
      entry.due_us = entry.queued.since_us + options_.unschedulable_us;
      unschedulable_.insert(&entry);
      break;
  }
  metrics().incoming.with({kNames[static_cast<int>(where)], event}).add();
}

bool Queue::passes_gates(Entry& entry) {
  auto status = profile_of(entry)->pre_enqueue(*entry.queued.pod);
  entry.queued.gate = status.ok() ? std::string_view() : status.plugin;
  if (!status.ok() && entry.queued.refused_by.insert(status.plugin).second)
    metrics().unschedulable.with({status.plugin, profile_of(entry)->name()}).add();
  return status.ok();
}

// Ends on whole seconds, so that among those which end together the order is that of the active queue.
int64_t Queue::backoff_end(const QueuedPod& queued) const {
  unsigned count = queued.errors ? queued.errors : queued.unschedulable_count;
  if (count == 0 || options_.max_backoff_us == 0) return 0;
  int64_t wait = options_.initial_backoff_us;
  for (unsigned i = 1; i < count && wait < options_.max_backoff_us; i++) wait *= 2;
  wait = std::min(wait, options_.max_backoff_us);
  return (queued.since_us + wait + kSecond - 1) / kSecond * kSecond;
}

void Queue::requeue(Entry& entry, std::string_view event) {
  if (!passes_gates(entry)) return put(entry, Where::Unschedulable, event);
  entry.due_us = backoff_end(entry.queued);
  auto wait = entry.queued.refused_by.empty() ? Where::ErrorBackoff : Where::Backoff;
  put(entry, entry.due_us > clock_.monotonic_us() ? wait : Where::Active, event);
}

void Queue::add(const PodRef& pod) {
  auto& entry = entries_[std::string(pod->uid)];
  if (entry) return;
  entry = std::make_unique<Entry>();
  entry->queued.pod = pod;
  entry->queued.since_us = clock_.monotonic_us();
  entry->sequence = ++sequence_;
  put(*entry, passes_gates(*entry) ? Where::Active : Where::Unschedulable, "UnschedulablePodAdd");
}

void Queue::update(const schema::Object& before, const PodRef& now) {
  auto at = entries_.find(std::string(now->uid));
  if (at == entries_.end()) return add(now);
  auto& entry = *at->second;
  take_out(entry);
  entry.queued.pod = now;
  switch (entry.where) {
    case Where::Active: return void(active_.insert(&entry));
    case Where::Backoff: return void(backoff_.insert(&entry));
    case Where::ErrorBackoff: return void(error_backoff_.insert(&entry));
    case Where::Unschedulable: unschedulable_.insert(&entry);
  }
  for (auto action : pod_changes(before, *now->object)) {
    ClusterEvent event{EventResource::UnscheduledPod, action, &before, now->object.get()};
    if (!worth_it(entry, event)) continue;
    take_out(entry);
    return requeue(entry, event.label());
  }
}

void Queue::remove(std::string_view uid) {
  auto at = entries_.find(std::string(uid));
  if (at == entries_.end()) return;
  take_out(*at->second);
  count_refusals(at->second->queued, -1);
  entries_.erase(at);
}

void Queue::count_refusals(const QueuedPod& queued, int sign) const {
  for (auto plugin : queued.refused_by) metrics().unschedulable.with({plugin, profile_of_(*queued.pod)->name()}).add(sign);
}

std::optional<QueuedPod> Queue::pop() {
  Entry* entry = nullptr;
  if (!active_.empty()) {
    entry = *active_.begin();
  } else if (!backoff_.empty()) {
    // With nothing else to do there is no reason to wait, but after an error.
    entry = *backoff_.begin();
    metrics().incoming.with({"active", kPopped}).add();
  }
  if (!entry) return std::nullopt;
  take_out(*entry);
  count_refusals(entry->queued, -1);
  QueuedPod queued = std::move(entry->queued);
  if (queued.first_attempt_us < 0) queued.first_attempt_us = clock_.monotonic_us();
  entries_.erase(std::string(queued.pod->uid));
  queued.attempts++;
  return queued;
}

void Queue::give_back(QueuedPod queued) {
  if (queued.refused_by.empty()) {
    queued.errors++;
  } else {
    queued.unschedulable_count++;
    queued.errors = 0;
  }
  queued.since_us = clock_.monotonic_us();
  queued.flushed = false;
  auto& entry = entries_[std::string(queued.pod->uid)];
  if (entry) return;
  count_refusals(queued, 1);
  entry = std::make_unique<Entry>();
  entry->queued = std::move(queued);
  entry->sequence = ++sequence_;
  if (entry->queued.refused_by.empty()) return requeue(*entry, kAttemptFailed);
  put(*entry, Where::Unschedulable, kAttemptFailed);
}

bool Queue::worth_it(const Entry& entry, const ClusterEvent& event) const {
  auto* profile = profile_of(entry);
  if (!entry.queued.gate.empty()) return !event.is_wildcard() && profile->may_help(*entry.queued.pod, {entry.queued.gate}, event);
  if (entry.queued.refused_by.empty() || event.is_wildcard()) return true;
  return profile->may_help(*entry.queued.pod, entry.queued.refused_by, event);
}

// Quickly: for most of what happens nobody waits.
bool Queue::is_interesting(const ClusterEvent& event) const {
  const Profile* last = nullptr;
  for (auto* entry : unschedulable_) {
    auto* profile = profile_of(*entry);
    if (profile != last && profile->is_interested(event)) return true;
    last = profile;
  }
  return false;
}

void Queue::move(const ClusterEvent& event, const std::function<bool(const PodInfo&)>& only) {
  if (unschedulable_.empty() || !is_interesting(event)) return;
  std::vector<Entry*> moved;
  for (auto* entry : unschedulable_)
    if ((!only || only(*entry->queued.pod)) && worth_it(*entry, event)) moved.push_back(entry);
  if (moved.empty()) return;
  auto label = event.label();
  for (auto* entry : moved) {
    take_out(*entry);
    requeue(*entry, label);
  }
}

void Queue::activate(std::string_view uid) {
  auto at = entries_.find(std::string(uid));
  if (at == entries_.end() || at->second->where == Where::Active) return;
  take_out(*at->second);
  put(*at->second, passes_gates(*at->second) ? Where::Active : Where::Unschedulable, kForced);
}

void Queue::flush() {
  int64_t now = clock_.monotonic_us();
  for (auto* waiting : {&backoff_, &error_backoff_})
    while (!waiting->empty() && (*waiting->begin())->due_us <= now) {
      auto* entry = *waiting->begin();
      take_out(*entry);
      put(*entry, Where::Active, kBackoffComplete);
    }
  std::vector<Entry*> leftover;
  for (auto* entry : unschedulable_) {
    if (entry->due_us > now) break;
    leftover.push_back(entry);
  }
  for (auto* entry : leftover) {
    take_out(*entry);
    entry->queued.flushed = true;
    if (entry->queued.gate.empty()) {
      requeue(*entry, kTimeout);
    } else {  // nobody but its gate can help it
      entry->queued.since_us = now;
      put(*entry, Where::Unschedulable, kTimeout);
    }
  }
}

int64_t Queue::next_due_us() const {
  int64_t due = -1;
  for (auto* waiting : {&backoff_, &error_backoff_, &unschedulable_})
    if (!waiting->empty() && (due < 0 || (*waiting->begin())->due_us < due)) due = (*waiting->begin())->due_us;
  return due;
}

Queue::Counts Queue::counts() const {
  size_t gated = 0;
  for (auto* entry : unschedulable_) gated += !entry->queued.gate.empty();
  return {active_.size(), backoff_.size() + error_backoff_.size(), unschedulable_.size() - gated, gated};
}

void Queue::write_metrics() const {
  auto now = counts();
  metrics().pending.with({"active"}).set(static_cast<int64_t>(now.active));
  metrics().pending.with({"backoff"}).set(static_cast<int64_t>(now.backoff));
  metrics().pending.with({"unschedulable"}).set(static_cast<int64_t>(now.unschedulable));
  metrics().pending.with({"gated"}).set(static_cast<int64_t>(now.gated));
}

}  // namespace sampan::scheduler
