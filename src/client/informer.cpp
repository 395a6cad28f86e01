#include "client/informer.h"

#include "base/text.h"

namespace sampan::client {

std::vector<ObjectRef> Index::find(std::string_view key) const {
  std::lock_guard lock(mutex_);
  std::vector<ObjectRef> found;
  auto it = objects_.find(key);
  if (it == objects_.end()) return found;
  found.reserve(it->second.size());
  for (const auto& [name, object] : it->second) found.push_back(object);
  return found;
}

void Index::apply(std::string_view object_key, const Change& change) {
  std::vector<std::string> keys;
  if (change.previous) keys_of_(*change.previous, keys);
  std::lock_guard lock(mutex_);
  for (const auto& key : keys) {
    auto it = objects_.find(key);
    if (it == objects_.end()) continue;
    if (auto entry = it->second.find(object_key); entry != it->second.end()) it->second.erase(entry);
    if (it->second.empty()) objects_.erase(it);
  }
  if (!change.object) return;
  keys.clear();
  keys_of_(*change.object, keys);
  for (const auto& key : keys) objects_[key].insert_or_assign(std::string(object_key), change.object);
}

// What a posted task needs to know whether the informer is still there.
struct Informer::Wakeup {
  std::mutex mutex;
  Informer* informer = nullptr;
};

Informer::Informer(const Resource& resource, store::Cache* cache, Executor& executor)
    : resource_(resource), cache_(cache), executor_(executor), wakeup_(std::make_shared<Wakeup>()) {
  wakeup_->informer = this;
}

Informer::~Informer() {
  {
    std::lock_guard lock(wakeup_->mutex);
    wakeup_->informer = nullptr;
  }
  stream_.reset();
}

ObjectRef Informer::find(std::string_view name_space, std::string_view name) const {
  auto snapshot = this->snapshot();
  return resource_.namespaced ? snapshot.find(concat(name_space, "/", name)) : snapshot.find(name);
}

std::vector<ObjectRef> Informer::all(std::string_view name_space) const {
  std::vector<ObjectRef> objects;
  auto prefix = name_space.empty() ? std::string() : concat(name_space, "/");
  snapshot().each(prefix, {}, [&](std::string_view, const ObjectRef& object) {
    objects.push_back(object);
    return true;
  });
  return objects;
}

Subscription::~Subscription() {
  if (!informer_) return;
  std::lock_guard lock(informer_->mutex_);
  informer_->handlers_.erase(id_);
}

Subscription Informer::on_change(std::function<void(const Change&)> handler) {
  std::lock_guard lock(mutex_);
  // Who comes late hears of what the others know already.
  if (stream_)
    last_.each({}, {}, [&](std::string_view, const ObjectRef& object) {
      handler({object, nullptr});
      return true;
    });
  handlers_.emplace(++last_handler_, std::move(handler));
  return Subscription(*this, last_handler_);
}

Index& Informer::index(Index::Keys keys_of) {
  std::lock_guard lock(mutex_);
  auto& index = *indexes_.emplace_back(std::make_unique<Index>(std::move(keys_of)));
  if (stream_)
    last_.each({}, {}, [&](std::string_view key, const ObjectRef& object) {
      index.apply(key, {object, nullptr});
      return true;
    });
  return index;
}

void Informer::start() {
  std::lock_guard lock(mutex_);
  if (stream_ || !cache_) return;
  begin();
  drain();
}

void Informer::restart() {
  std::lock_guard lock(mutex_);
  if (stream_) begin();
}

void Informer::catch_up() {
  std::lock_guard lock(mutex_);
  if (stream_) drain();
}

// A new stream from a snapshot; told is how the snapshot differs from what was known before.
void Informer::begin() {
  auto [snapshot, stream] = cache_->snapshot_and_events();
  store::Snapshot before = std::exchange(last_, std::move(snapshot));
  stream_ = std::move(stream);
  before.each({}, {}, [&](std::string_view key, const ObjectRef& object) {
    if (!last_.find(key)) tell(key, {nullptr, object});
    return true;
  });
  last_.each({}, {}, [&](std::string_view key, const ObjectRef& object) {
    auto old = before.find(key);
    if (!old || old->revision() != object->revision()) tell(key, {object, old});
    return true;
  });
  told_.store(last_.revision());
  stream_->on_wake([wakeup = wakeup_, &executor = executor_] {
    executor.post([wakeup] {
      std::lock_guard lock(wakeup->mutex);
      if (wakeup->informer) wakeup->informer->catch_up();
    });
  });
}

void Informer::drain() {
  while (true) {
    while (auto event = stream_->next()) {
      using Type = store::Event::Type;
      tell(event->key, {event->type == Type::Deleted ? nullptr : event->object, event->type == Type::Deleted ? event->object : event->previous});
      told_.store(event->revision);
    }
    if (!stream_->error()) break;
    begin();
  }
  // Not newer than what has been told: the difference after a break must not lack anything.
  if (auto newest = cache_->snapshot(); newest.revision() <= told_.load() || newest.revision() <= stream_->revision()) last_ = std::move(newest);
}

void Informer::tell(std::string_view key, Change change) {
  for (auto& index : indexes_) index->apply(key, change);
  for (auto& [id, handler] : handlers_) handler(change);
}

Result<Informer*> Informers::of(const Resource& resource) {
  std::lock_guard lock(mutex_);
  auto& informer = informers_[&resource];
  if (informer) return informer.get();
  informer = std::make_unique<Informer>(resource, TRY(open_(resource)), executor_);
  return informer.get();
}

Informer* Informers::find(const Resource& resource) {
  std::lock_guard lock(mutex_);
  auto it = informers_.find(&resource);
  return it == informers_.end() ? nullptr : it->second.get();
}

void Informers::each(const std::function<void(Informer&)>& visit) {
  std::vector<Informer*> all;
  {
    std::lock_guard lock(mutex_);
    for (auto& [resource, informer] : informers_)
      if (informer) all.push_back(informer.get());
  }
  for (auto* informer : all) visit(*informer);
}

void Informers::start() {
  each([](Informer& informer) { informer.start(); });
}

}  // namespace sampan::client
