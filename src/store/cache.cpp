#include "store/cache.h"

#include "base/text.h"
#include "store/cache_follow.h"
#include "store/cache_stream.h"

namespace sampan::store {

namespace {

constexpr int64_t kProgressEveryUs = 100'000;  // how often a store far away is asked how far it is, while somebody waits
constexpr int64_t kRefreshEveryUs = 10'000;    // and how often one in this process
constexpr int64_t kFreshTimeoutUs = 3'000'000;

Error too_large(Revision wanted, Revision current) {
  return Error(Reason::Timeout, concat("Timeout: Too large resource version: ", wanted, ", current: ", current))
      .cause("ResourceVersionTooLarge", "Too large resource version", "")
      .retry_after(1);
}

}  // namespace

struct Cache::Impl {
  Store& store;
  Clock& clock;
  std::shared_ptr<Window> window;
  std::shared_ptr<Follower> follower;

  bool embedded() { return store.delivered_revision() != 0; }
};

Cache::Cache(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Cache::~Cache() {
  impl_->window->close();
  impl_->follower->stop();
}

Result<std::unique_ptr<Cache>> Cache::open(Store& store, CachedResource resource, Clock& clock, CacheOptions options) {
  auto window = std::make_shared<Window>(options, clock);
  auto follower = std::make_shared<Follower>(store, std::move(resource), options, clock, window);
  std::unique_ptr<Cache> cache(new Cache(std::unique_ptr<Impl>(new Impl{store, clock, window, follower})));
  TRY(follower->start());
  return cache;
}

Snapshot Cache::snapshot() const { return impl_->window->snapshot(); }

Result<Snapshot> Cache::fresh() {
  impl_->window->refresh();
  if (impl_->embedded()) return snapshot();
  auto current = TRY(impl_->store.current_revision());
  if (auto newest = snapshot(); newest.revision() >= current) return newest;
  // An etcd that cannot be asked for progress (before 3.4.25 and 3.5.8) would let us wait in vain: it is read instead, as upstream does.
  if (auto asked = impl_->store.request_progress(); !asked && asked.error().is(Reason::MethodNotAllowed)) return impl_->follower->read(0);
  auto result = at_least(current, kFreshTimeoutUs);
  if (result || !result.error().is(Reason::Timeout)) return result;
  return impl_->follower->read(0);  // the watch hangs; what is asked for is still there
}

Result<Snapshot> Cache::at_least(Revision revision, int64_t timeout_us) {
  auto newest = snapshot();
  if (newest.revision() >= revision) return newest;
  bool embedded = impl_->embedded();
  int64_t left_us = timeout_us;  // counted in waits, not by the clock: a virtual one stands still while this thread waits
  while (true) {
    impl_->window->refresh();
    // A request that fails is made again; if none succeeds, that is a timeout.
    if (!embedded) (void)impl_->store.request_progress();
    int64_t step_us = std::clamp<int64_t>(left_us, 0, embedded ? kRefreshEveryUs : kProgressEveryUs);
    bool there = impl_->window->wait(revision, step_us);
    newest = snapshot();
    if (there) return newest;
    if (left_us <= 0) return fail(too_large(revision, newest.revision()));
    left_us -= step_us;
  }
}

Result<Snapshot> Cache::at(Revision revision) {
  auto newest = TRY(at_least(revision));
  auto too_old = [] { return fail(Error(Reason::Expired, "The resourceVersion for the provided list is too old.")); };
  // What the store has compacted is gone, also where the window of a quiet resource could be wound back to it: pages of a list are not kept for ever.
  if (revision < newest.revision() && revision < impl_->store.oldest_known()) return too_old();
  Snapshot result;
  if (impl_->window->state_at(revision, result)) return result;
  auto read = impl_->follower->read(revision);
  if (!read) {
    if (!read.error().is(Reason::Expired)) return read;
    return too_old();
  }
  impl_->window->remember(*read);
  return read;
}

std::vector<ObjectRef> Cache::indexed(std::string_view value, std::string_view prefix, Revision* revision) const {
  std::vector<ObjectRef> objects;
  auto state = impl_->window->state();
  if (revision) *revision = state.revision;
  persistent_map::each(state.index.get(), concat(value, '\0', prefix), "", [&](std::string_view, const ObjectRef& object) {
    objects.push_back(object);
    return true;
  });
  return objects;
}

Result<std::unique_ptr<EventStream>> Cache::events(Revision revision) {
  auto position = impl_->window->position_after(revision);
  if (!position && impl_->follower->extend_back(revision)) position = impl_->window->position_after(revision);
  if (!position) return fail(std::move(position).error());
  auto inside = std::make_unique<EventStream::Impl>();
  inside->window = impl_->window;
  inside->position = *position;
  inside->after = inside->given = revision;
  return std::unique_ptr<EventStream>(new EventStream(std::move(inside)));
}

std::pair<Snapshot, std::unique_ptr<EventStream>> Cache::snapshot_and_events() {
  impl_->window->refresh();
  auto inside = std::make_unique<EventStream::Impl>();
  inside->window = impl_->window;
  CacheState state;
  inside->position = impl_->window->position_at_end(state);
  inside->given = state.revision;
  return {state.snapshot(), std::unique_ptr<EventStream>(new EventStream(std::move(inside)))};
}

Cache::Counts Cache::counts() const { return impl_->window->counts(); }

}  // namespace sampan::store
