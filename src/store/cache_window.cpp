#include "store/cache_window.h"

#include <chrono>

#include "base/check.h"
#include "base/text.h"

namespace sampan::store {

namespace {
constexpr size_t kOldStatesMax = 4;
}

void Sleeper::call() {
  std::lock_guard lock(mutex_);
  if (!wake_) return;
  auto wake = wake_;  // the callee may replace it
  (*wake)();
}

void Sleeper::set(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_ = wake ? std::make_shared<const std::function<void()>>(std::move(wake)) : nullptr;
}

CacheState Window::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

Snapshot Window::snapshot() const {
  std::lock_guard lock(mutex_);
  return state_.snapshot();
}

Revision Window::start() const {
  std::lock_guard lock(mutex_);
  return start_;
}

Cache::Counts Window::counts() const {
  std::lock_guard lock(mutex_);
  return {persistent_map::size(state_.objects.get()), ring_.size(), events_total_};
}

void Window::begin(CacheState state) {
  std::vector<std::shared_ptr<Sleeper>> awake;
  std::deque<Entry> dropped;
  {
    std::lock_guard lock(mutex_);
    first_ = end() + 1;
    start_ = exact_from_ = state.revision;
    std::swap(state_, state);
    dropped.swap(ring_);
    old_.clear();
    changed_.notify_all();
    take_sleeping(awake);
  }
  for (auto& sleeper : awake) sleeper->call();
}

void Window::take_sleeping(std::vector<std::shared_ptr<Sleeper>>& out) {
  out.swap(sleeping_);
  for (auto& sleeper : out) {
    sleeper->place_ = Sleeper::kAwake;
    sleeper->asleep_.store(false, std::memory_order_release);
  }
}

void Window::publish(CacheState state, Events events, bool exact) {
  std::vector<std::shared_ptr<Sleeper>> awake;
  std::vector<Entry> dropped;  // destroyed after the lock is gone, as is the old tree
  int64_t now = clock_.monotonic_us();
  {
    std::lock_guard lock(mutex_);
    state.revision = std::max(state.revision, state_.revision);
    std::swap(state_, state);
    if (!exact) {
      exact_from_ = state_.revision;
      old_.clear();
    }
    for (auto& event : events) ring_.push_back({event, now});
    events_total_ += events.size();
    trim(dropped);
    if (waiters_) changed_.notify_all();
    if (!events.empty()) take_sleeping(awake);
  }
  for (auto& sleeper : awake) sleeper->call();
}

void Window::progress(Revision revision) {
  std::vector<Entry> dropped;
  std::lock_guard lock(mutex_);
  if (revision <= state_.revision) return;
  state_.revision = revision;
  trim(dropped);
  if (waiters_) changed_.notify_all();
}

void Window::trim(std::vector<Entry>& dropped) {
  int64_t oldest_us = ring_.empty() ? 0 : clock_.monotonic_us() - options_.window_age_us;
  while (ring_.size() > options_.window_events_max ||
         (ring_.size() > options_.window_events_min && ring_.front().at_us < oldest_us)) {
    start_ = ring_.front().event->revision;
    dropped.push_back(std::move(ring_.front()));
    ring_.pop_front();
    first_++;
  }
  while (!old_.empty() && old_.front().revision() < start_) old_.pop_front();
}

bool Window::extend_back(Revision from, Revision start, Events events) {
  int64_t now = clock_.monotonic_us();
  std::lock_guard lock(mutex_);
  if (start_ != start || ring_.size() + events.size() > options_.window_events_max) return false;
  for (auto i = events.rbegin(); i != events.rend(); ++i) ring_.push_front({std::move(*i), now});
  first_ -= events.size();
  start_ = from;
  return true;
}

void Window::close() {
  set_source(nullptr);
  std::vector<std::shared_ptr<Sleeper>> awake;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
    take_sleeping(awake);
  }
  for (auto& sleeper : awake) sleeper->call();
}

void Window::set_source(std::function<Revision()> source) {
  std::lock_guard lock(source_mutex_);
  source_ = std::move(source);
}

void Window::refresh() {
  Revision revision = 0;
  {
    std::lock_guard lock(source_mutex_);
    if (source_) revision = source_();
  }
  if (revision) progress(revision);
}

bool Window::wait(Revision revision, int64_t timeout_us) {
  std::unique_lock lock(mutex_);
  waiters_++;
  changed_.wait_for(lock, std::chrono::microseconds(timeout_us), [&] { return closed_ || state_.revision >= revision; });
  waiters_--;
  return state_.revision >= revision;
}

bool Window::state_at(Revision revision, Snapshot& out) {
  persistent_map::Root objects;
  Events undo;
  {
    std::lock_guard lock(mutex_);
    if (revision >= state_.revision) {
      out = state_.snapshot();
      return true;
    }
    for (auto& old : old_) {
      if (old.revision() != revision) continue;
      out = old;
      return true;
    }
    if (revision < start_ || revision < exact_from_) return false;
    objects = state_.objects;
    for (auto i = ring_.rbegin(); i != ring_.rend() && i->event->revision > revision; ++i) undo.push_back(i->event);
  }
  for (auto& event : undo)
    objects = event->previous ? persistent_map::set(objects.get(), event->key, event->previous)
                              : persistent_map::erase(objects.get(), event->key);
  out = Snapshot(std::move(objects), revision);
  remember(out);
  return true;
}

void Window::remember(const Snapshot& old) {
  std::lock_guard lock(mutex_);
  auto at = old_.begin();
  while (at != old_.end() && at->revision() < old.revision()) ++at;
  if (at != old_.end() && at->revision() == old.revision()) return;
  old_.insert(at, old);
  if (old_.size() > kOldStatesMax) old_.pop_front();
}

Result<uint64_t> Window::position_after(Revision revision) const {
  std::lock_guard lock(mutex_);
  if (revision < start_) return fail(Error(Reason::Expired, concat("too old resource version: ", revision, " (", start_, ")")));
  auto at = std::upper_bound(ring_.begin(), ring_.end(), revision,
                             [](Revision wanted, const Entry& entry) { return wanted < entry.event->revision; });
  return first_ + static_cast<uint64_t>(at - ring_.begin());
}

uint64_t Window::position_at_end(CacheState& state) const {
  std::lock_guard lock(mutex_);
  state = state_;
  return end();
}

Window::Step Window::step_at(uint64_t position) const {
  Step step;
  step.closed = closed_;
  step.start = start_;
  step.expired = position < first_;
  if (step.expired) return step;
  step.given = state_.revision;
  if (position >= end()) return step;
  size_t at = position - first_;
  step.event = ring_[at].event;
  step.given = step.event->revision;
  // A transaction of the store can have several events of one revision: it is given with the last of them.
  if (at + 1 < ring_.size() && ring_[at + 1].event->revision == step.given) step.given--;
  return step;
}

void Window::fall_asleep(const std::shared_ptr<Sleeper>& sleeper) {
  if (!sleeper || closed_ || sleeper->place_ != Sleeper::kAwake) return;
  sleeper->place_ = sleeping_.size();
  sleeper->asleep_.store(true, std::memory_order_release);
  sleeping_.push_back(sleeper);
}

Window::Step Window::read(uint64_t position, const std::shared_ptr<Sleeper>& sleeper) {
  std::lock_guard lock(mutex_);
  auto step = step_at(position);
  if (!step.expired && position >= end()) fall_asleep(sleeper);
  return step;
}

Window::Step Window::take(uint64_t position, const std::shared_ptr<Sleeper>& sleeper) {
  std::lock_guard lock(mutex_);
  auto step = step_at(position);
  if (!step.expired && position + 1 >= end()) fall_asleep(sleeper);
  return step;
}

void Window::awake(Sleeper& sleeper) {
  std::lock_guard lock(mutex_);
  if (sleeper.place_ == Sleeper::kAwake) return;
  sleeping_.back()->place_ = sleeper.place_;
  std::swap(sleeping_[sleeper.place_], sleeping_.back());
  auto keep = std::move(sleeping_.back());
  sleeping_.pop_back();
  sleeper.place_ = Sleeper::kAwake;
  sleeper.asleep_.store(false, std::memory_order_release);
}

}  // namespace sampan::store
