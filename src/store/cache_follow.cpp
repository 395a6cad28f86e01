#include "store/cache_follow.h"

#include <chrono>

#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::store {

namespace {

constexpr int64_t kBackoffFirstUs = 50'000, kBackoffMaxUs = 5'000'000;
constexpr int64_t kStableUs = 10'000'000;  // a watch that lasted so long starts the back-off anew

Ref<Event> make_event(Event::Type type, Revision revision, std::string_view key, ObjectRef object, ObjectRef previous) {
  auto event = new Event;
  event->type = type;
  event->revision = revision;
  event->key = key;
  event->object = std::move(object);
  event->previous = std::move(previous);
  return Ref<Event>(event);
}

Ref<Event> change_event(Revision revision, std::string_view key, ObjectRef object, ObjectRef previous) {
  auto type = previous ? Event::Type::Modified : Event::Type::Added;
  return make_event(type, revision, key, std::move(object), std::move(previous));
}

Ref<Event> delete_event(Revision revision, std::string_view key, ObjectRef previous) {
  auto last = with_revision(*previous, revision);
  return make_event(Event::Type::Deleted, revision, key, std::move(last), std::move(previous));
}

void leave_out(std::string_view key, const Error& error) { LOG_ERROR("cache: left out ", key, ": ", error.message()); }

std::string index_key(std::string_view value, std::string_view key) { return concat(value, '\0', key); }

}  // namespace

ObjectRef with_revision(const Object& object, Revision revision) {
  return Object::make(object.type(), {object.data(), object.size()}, object.root(), revision);
}

Follower::Follower(Store& store, CachedResource resource, CacheOptions options, Clock& clock, std::shared_ptr<Window> window)
    : store_(store), resource_(std::move(resource)), options_(options), end_(end_of_prefix(resource_.prefix)), clock_(clock),
      window_(std::move(window)) {}

Result<void> Follower::start() {
  auto loaded = TRY(load(0, Unreadable::Error));
  {
    std::lock_guard lock(apply_mutex_);
    seen_ = loaded.revision;
    window_->begin(state_of(loaded));
  }
  window_->set_source([this] {
    // In this order: what was delivered while the watch was there has been applied.
    auto delivered = store_.delivered_revision();
    return connected_.load() ? delivered : 0;
  });
  TRY(watch_from(loaded.revision + 1));
  std::lock_guard lock(mutex_);
  recovering_ = false;
  if (!ended_) return {};
  auto error = std::move(*ended_);
  return fail(std::move(error));
}

void Follower::stop() {
  std::unique_ptr<Watch> watch;
  std::thread thread;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    connected_ = false;
    watch = std::move(watch_);
    thread = std::move(thread_);
  }
  stop_.notify_all();
  if (thread.joinable()) thread.join();
  watch.reset();
  std::lock_guard lock(mutex_);
  watch_.reset();  // of a recover() that was just through
}

// ---- reading the store ----

Result<Follower::Loaded> Follower::load(Revision revision, Unreadable unreadable) {
  Loaded loaded;
  loaded.revision = revision;
  RangeOptions options{.start = resource_.prefix, .end = end_, .limit = options_.page, .revision = revision};
  while (true) {
    auto range = TRY(store_.range(options));
    if (!loaded.revision) loaded.revision = range.revision;
    options.revision = loaded.revision;  // the other pages show the same moment
    for (auto& entry : range.entries) {
      auto object = resource_.decode(entry.value);
      if (!object && unreadable == Unreadable::Error) return fail(std::move(object).error().context(entry.key));
      if (!object) {
        leave_out(entry.key, object.error());
        continue;
      }
      (*object)->set_revision(entry.modified);
      loaded.items.push_back({entry.key.substr(resource_.prefix.size()), *std::move(object), entry.created});
    }
    if (range.entries.size() < options_.page) return loaded;
    options.start = concat(range.entries.back().key, '\0');
  }
}

CacheState Follower::state_of(const Loaded& loaded) const {
  CacheState state;
  state.revision = loaded.revision;
  std::vector<std::pair<std::string, ObjectRef>> objects, index;
  for (auto& item : loaded.items) {
    objects.emplace_back(item.key, item.object);
    if (!resource_.index) continue;
    auto value = resource_.index(*item.object);
    if (!value.empty()) index.emplace_back(index_key(value, item.key), item.object);
  }
  std::sort(index.begin(), index.end(), [](auto& a, auto& b) { return a.first < b.first; });
  state.objects = persistent_map::build(objects);
  state.index = persistent_map::build(index);
  return state;
}

Result<Snapshot> Follower::read(Revision revision) {
  return state_of(TRY(load(revision, Unreadable::LeaveOut))).snapshot();
}

// ---- changes ----

Result<ObjectRef> Follower::object_of(const Change& change) const {
  if (auto object = dynamic_cast<const Object*>(change.attachment.get())) {
    // Nobody has seen it before its revision is known, which is here; only a replay finds it set.
    if (object->revision() != change.revision) object->set_revision(change.revision);
    return ObjectRef(object);
  }
  auto object = TRY(resource_.decode(change.value));
  object->set_revision(change.revision);
  return object;
}

void Follower::put(CacheState& state, std::string_view key, const ObjectRef& object, const ObjectRef& previous) const {
  state.objects = persistent_map::set(state.objects.get(), key, object);
  if (!resource_.index) return;
  auto value = resource_.index(*object);
  auto before = previous ? resource_.index(*previous) : std::string_view();
  if (!before.empty() && before != value) state.index = persistent_map::erase(state.index.get(), index_key(before, key));
  if (!value.empty()) state.index = persistent_map::set(state.index.get(), index_key(value, key), object);
}

void Follower::remove(CacheState& state, std::string_view key, const Object& previous) const {
  state.objects = persistent_map::erase(state.objects.get(), key);
  if (!resource_.index) return;
  auto value = resource_.index(previous);
  if (!value.empty()) state.index = persistent_map::erase(state.index.get(), index_key(value, key));
}

void Follower::apply(CacheState& state, const Change& change, Window::Events& events) const {
  auto key = change.key.substr(resource_.prefix.size());
  auto found = persistent_map::find(state.objects.get(), key);
  ObjectRef previous = found ? *found : nullptr;
  state.revision = change.revision;
  if (!change.deleted) {
    auto object = object_of(change);
    if (object) {
      put(state, key, *object, previous);
      events.push_back(change_event(change.revision, key, *std::move(object), std::move(previous)));
      return;
    }
    // What cannot be read must not stop the rest; its old state would be a lie.
    leave_out(change.key, object.error());
  }
  if (!previous) return;
  remove(state, key, *previous);
  events.push_back(delete_event(change.revision, key, std::move(previous)));
}

void Follower::on_changes(std::span<const Change> changes) {
  std::lock_guard lock(apply_mutex_);
  auto state = window_->state();
  Window::Events events;
  for (auto& change : changes)
    if (change.revision > seen_) apply(state, change, events);
  if (changes.empty() || changes.back().revision <= seen_) return;
  seen_ = changes.back().revision;
  window_->publish(std::move(state), std::move(events));
}

void Follower::on_progress(Revision revision) {
  std::lock_guard lock(apply_mutex_);
  seen_ = std::max(seen_, revision);
  window_->progress(revision);
}

// ---- when the watch ends ----

void Follower::on_end(Error error) {
  std::lock_guard lock(mutex_);
  connected_ = false;
  ended_ = std::move(error);
  if (recovering_ || stopping_) return;
  recovering_ = true;
  if (thread_.joinable()) thread_.join();  // the last one is through: it has said so under this lock
  thread_ = std::thread([self = shared_from_this()] { self->recover(); });
}

void Follower::recover() {
  while (true) {
    std::unique_ptr<Watch> old;
    std::optional<Error> why;
    {
      std::unique_lock lock(mutex_);
      if (clock_.monotonic_us() - connected_us_ > kStableUs) backoff_us_ = 0;
      stop_.wait_for(lock, std::chrono::microseconds(backoff_us_), [&] { return stopping_; });
      if (stopping_) return;
      backoff_us_ = std::clamp(backoff_us_ * 2, kBackoffFirstUs, kBackoffMaxUs);
      why.swap(ended_);
      old = std::move(watch_);
    }
    old.reset();
    auto result = why && why->is(Reason::Expired) ? reload() : resume();
    std::lock_guard lock(mutex_);
    if (result && !ended_) {
      recovering_ = false;
      return;
    }
    if (result) continue;
    LOG_WARNING("cache: watching ", resource_.prefix, ": ", result.error().message());
    ended_ = std::move(result).error();
  }
}

Result<void> Follower::watch_from(Revision revision) {
  auto watch = TRY(store_.watch(resource_.prefix, end_, revision, shared_from_this()));
  std::lock_guard lock(mutex_);
  watch_ = std::move(watch);
  connected_us_ = clock_.monotonic_us();
  connected_ = !ended_ && !stopping_;
  return {};
}

Result<void> Follower::resume() {
  Revision seen;
  {
    std::lock_guard lock(apply_mutex_);
    seen = std::max(seen_, window_->snapshot().revision());
  }
  // A store that was put back from a backup knows nothing of what we have seen.
  if (TRY(store_.current_revision()) < seen) return reload();
  return watch_from(seen + 1);
}

// The changes that were missed, as far as two states tell.
Result<void> Follower::reload() {
  auto loaded = TRY(load(0, Unreadable::LeaveOut));
  auto next = state_of(loaded);
  {
    std::lock_guard lock(apply_mutex_);
    auto before = window_->state();
    if (next.revision < before.revision) {
      window_->begin(std::move(next));
    } else {
      Window::Events events;
      auto item = loaded.items.begin();
      auto added = [&] { events.push_back(change_event(item->object->revision(), item->key, item->object, nullptr)); };
      persistent_map::each(before.objects.get(), "", "", [&](std::string_view key, const ObjectRef& old) {
        for (; item != loaded.items.end() && item->key < key; ++item) added();
        if (item == loaded.items.end() || item->key != key) {
          events.push_back(delete_event(loaded.revision, key, old));
          return true;
        }
        if (item->created > old->revision()) {  // another object of the same name
          events.push_back(delete_event(item->created - 1, key, old));
          added();
        } else if (item->object->revision() != old->revision()) {
          events.push_back(change_event(item->object->revision(), key, item->object, old));
        }
        ++item;
        return true;
      });
      for (; item != loaded.items.end(); ++item) added();
      std::stable_sort(events.begin(), events.end(), [](auto& a, auto& b) { return a->revision < b->revision; });
      window_->publish(std::move(next), std::move(events), /*exact=*/false);
    }
    seen_ = loaded.revision;
  }
  return watch_from(loaded.revision + 1);
}

// ---- history ----

namespace {

// Makes events of the changes up to a revision.
class HistorySink final : public WatchSink {
 public:
  using Decode = std::function<Result<ObjectRef>(const Change&)>;
  HistorySink(std::string_view prefix, Revision until, size_t events_max, Decode decode)
      : prefix_size_(prefix.size()), until_(until), events_max_(events_max), decode_(std::move(decode)) {}

  void on_changes(std::span<const Change> changes) override {
    for (auto& change : changes) {
      if (!good || change.revision > until_) return;
      if (events.size() == events_max_ || !add(change)) good = false;
    }
  }
  void on_end(Error) override {}

  Window::Events events;
  bool good = true;

 private:
  bool add(const Change& change) {
    std::string key(change.key.substr(prefix_size_));
    auto& latest = latest_[key];
    auto previous = latest;
    if (!previous && change.previous_revision) {
      auto decoded = decode_({.key = change.key, .value = change.previous_value, .revision = change.previous_revision});
      if (!decoded) return false;
      previous = *std::move(decoded);
    }
    latest = nullptr;
    if (change.deleted) {
      if (previous) events.push_back(delete_event(change.revision, key, std::move(previous)));
      return true;
    }
    auto decoded = decode_(change);
    if (!decoded) return false;
    latest = *decoded;
    events.push_back(change_event(change.revision, key, *std::move(decoded), std::move(previous)));
    return true;
  }

  size_t prefix_size_;
  Revision until_;
  size_t events_max_;
  Decode decode_;
  std::unordered_map<std::string, ObjectRef> latest_;
};

}  // namespace

bool Follower::extend_back(Revision revision) {
  if (!store_.delivered_revision()) return false;
  // One after the other: all clients come back at once after a restart, and each would find the window moved by another.
  std::lock_guard alone(history_mutex_);
  auto start = window_->start();
  if (revision >= start) return true;
  auto sink = std::make_shared<HistorySink>(resource_.prefix, start, options_.window_events_max,
                                            [this](const Change& change) { return object_of(change); });
  // A store in this process gives all that is past before watch() returns.
  auto watch = store_.watch(resource_.prefix, end_, revision + 1, sink);
  if (!watch) return false;
  watch->reset();
  return sink->good && window_->extend_back(revision, start, std::move(sink->events));
}

}  // namespace sampan::store
