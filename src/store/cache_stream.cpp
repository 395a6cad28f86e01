// Snapshots, events and the streams of them: the reading half of the cache.
#include "base/check.h"
#include "base/text.h"
#include "store/cache_stream.h"

namespace sampan::store {

size_t Snapshot::size() const { return persistent_map::size(root_.get()); }

ObjectRef Snapshot::find(std::string_view key) const {
  auto found = persistent_map::find(root_.get(), key);
  return found ? *found : nullptr;
}

void Snapshot::each(std::string_view prefix, std::string_view from,
                    const std::function<bool(std::string_view key, const ObjectRef&)>& visit) const {
  persistent_map::each(root_.get(), prefix, from, visit);
}

size_t Snapshot::count(std::string_view prefix, std::string_view from) const {
  return persistent_map::count(root_.get(), prefix, from);
}

Event::~Event() {
  for (auto& slot : encoded_) delete slot.load(std::memory_order_relaxed);
}

const std::string& Event::encoded(unsigned slot, const std::function<std::string()>& make) const {
  check(slot < kEncodings);
  if (auto made = encoded_[slot].load(std::memory_order_acquire)) return *made;
  auto mine = std::make_unique<const std::string>(make());
  const std::string* there = nullptr;
  if (encoded_[slot].compare_exchange_strong(there, mine.get(), std::memory_order_acq_rel)) return *mine.release();
  return *there;  // another thread was faster
}

EventStream::EventStream(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

EventStream::~EventStream() {
  impl_->window->awake(*impl_->sleeper);
  impl_->sleeper->close();
}

Ref<Event> EventStream::next() {
  auto& self = *impl_;
  if (self.error) return nullptr;
  while (true) {
    if (self.sleeper->asleep()) return nullptr;  // since it took the last event nothing has come
    auto step = self.window->take(self.position, self.sleeper);
    if (step.expired) {
      self.error = Error(Reason::Expired, concat("too old resource version: ", self.given, " (", step.start, ")"));
      return nullptr;
    }
    if (!step.event && step.closed) {
      self.error = Error(Reason::ServiceUnavailable, "the cache is closed");
      return nullptr;
    }
    self.given = std::max(self.given, step.given);
    if (!step.event) return nullptr;
    self.position++;
    if (step.event->revision > self.after) return step.event;
  }
}

const Error* EventStream::error() const { return impl_->error ? &*impl_->error : nullptr; }

Revision EventStream::revision() const {
  auto& self = *impl_;
  if (self.error) return self.given;
  self.window->refresh();
  auto step = self.window->read(self.position, nullptr);
  if (!step.event && !step.expired) self.given = std::max(self.given, step.given);
  return self.given;
}

void EventStream::on_wake(std::function<void()> wake) {
  auto& self = *impl_;
  self.sleeper->set(std::move(wake));
  // What came since next() gave null has woken nobody.
  if (self.error) return;
  auto step = self.window->read(self.position, self.sleeper);
  if (step.event || step.expired || step.closed) self.sleeper->call();
}

}  // namespace sampan::store
