// What a component knows of one resource: every object, and news of every change. In the API server's process this is the server's own watch
// cache, the very same objects; elsewhere a cache that follows the server by list and watch.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/environment.h"
#include "base/status.h"
#include "client/api.h"
#include "store/cache.h"

namespace sampan::client {

struct Change {
  ObjectRef object;    // the new state; null: it was deleted
  ObjectRef previous;  // the old one; null: it is new
  const Object& any() const { return object ? *object : *previous; }
};

// Objects by texts taken from them: pods by node, dependents by their owner's uid. Kept by the informer, as new as the changes it has told.
class Index {
 public:
  using Keys = std::function<void(const Object&, std::vector<std::string>& keys)>;
  explicit Index(Keys keys_of) : keys_of_(std::move(keys_of)) {}
  std::vector<ObjectRef> find(std::string_view key) const;  // in key order ("namespace/name")

 private:
  friend class Informer;
  void apply(std::string_view object_key, const Change& change);
  const Keys keys_of_;
  mutable std::mutex mutex_;
  std::map<std::string, std::map<std::string, ObjectRef, std::less<>>, std::less<>> objects_;
};

class Informer;

// A handler is told of changes as long as this lives. It must not outlive the informer.
class Subscription {
 public:
  Subscription() = default;
  Subscription(Informer& informer, uint64_t id) : informer_(&informer), id_(id) {}
  Subscription(Subscription&& other) noexcept : informer_(std::exchange(other.informer_, nullptr)), id_(other.id_) {}
  Subscription& operator=(Subscription&& other) noexcept {
    std::swap(informer_, other.informer_);
    std::swap(id_, other.id_);
    return *this;
  }
  ~Subscription();  // the handler does not run once this has returned

 private:
  Informer* informer_ = nullptr;
  uint64_t id_ = 0;
};

class Informer {
 public:
  // Without a cache (the resource is not served) there is nothing, and it stays so.
  Informer(const Resource& resource, store::Cache* cache, Executor& executor);
  ~Informer();  // no handler runs once it has returned
  const Resource& resource() const { return resource_; }

  // The newest that is known here. find("default", "web"); snapshot().each("default/", ...).
  store::Snapshot snapshot() const { return cache_ ? cache_->snapshot() : store::Snapshot(); }
  ObjectRef find(std::string_view name_space, std::string_view name) const;
  std::vector<ObjectRef> all(std::string_view name_space = {}) const;  // of one namespace, or of all

  // Handlers hear of all objects that are there (as new), then of every change, in order, one call at a time, on the executor. They must be quick and must not
  // block: put a key into a queue. A deletion tells the last state; an object that was deleted and made again while the watch was broken is a change of it.
  [[nodiscard]] Subscription on_change(std::function<void(const Change&)> handler);
  Index& index(Index::Keys keys_of);
  void start();
  // Begins anew from what is there now, as after a broken watch.
  void restart();

  // Tells at once, on this thread, all that is known: after it handlers and indexes know whatever a write of this process has changed.
  void catch_up();
  store::Revision told() const { return told_.load(); }  // handlers and indexes know everything up to here

 private:
  friend class Subscription;
  // Under mutex_:
  void begin();
  void drain();
  void tell(std::string_view key, Change change);

  const Resource& resource_;
  store::Cache* const cache_;
  Executor& executor_;
  std::mutex mutex_;  // of who tells
  std::map<uint64_t, std::function<void(const Change&)>> handlers_;
  uint64_t last_handler_ = 0;
  std::vector<std::unique_ptr<Index>> indexes_;
  store::Snapshot last_;  // told at least, to find the difference after the stream broke
  std::unique_ptr<store::EventStream> stream_;
  std::atomic<store::Revision> told_{0};
  // Outlives this object in tasks that are posted and not run yet.
  struct Wakeup;
  std::shared_ptr<Wakeup> wakeup_;
};

// One informer a resource, shared by all components of a process.
class Informers {
 public:
  using Open = std::function<Result<store::Cache*>(const Resource&)>;  // null: the resource is not served
  Informers(Open open, Executor& executor) : open_(std::move(open)), executor_(executor) {}
  // Made at the first call, which blocks until its objects are here.
  Result<Informer*> of(const Resource& resource);
  Informer* find(const Resource& resource);  // null: nobody has asked for it yet
  void each(const std::function<void(Informer&)>& visit);
  // Starts all that have been asked for so far; more may be asked for and started later.
  void start();

 private:
  const Open open_;
  Executor& executor_;
  std::mutex mutex_;
  std::map<const Resource*, std::unique_ptr<Informer>> informers_;
};

}  // namespace sampan::client
