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

class Informer {
 public:
  Informer(const Resource& resource, store::Cache& cache, Executor& executor);
  ~Informer();  // no handler runs once it has returned
  const Resource& resource() const { return resource_; }

  // The newest that is known here. find("default", "web"); snapshot().each("default/", ...).
  store::Snapshot snapshot() const { return cache_.snapshot(); }
  ObjectRef find(std::string_view name_space, std::string_view name) const;
  std::vector<ObjectRef> all(std::string_view name_space = {}) const;  // of one namespace, or of all

  // Before start(). Handlers hear of all objects that are there (as new), then of every change, in order, one call at a time, on the executor. They must be
  // quick and must not block: put a key into a queue.
  void on_change(std::function<void(const Change&)> handler);
  Index& index(Index::Keys keys_of);
  void start();

  // Tells at once, on this thread, all that is known: after it handlers and indexes know whatever a write of this process has changed.
  void catch_up();
  store::Revision told() const { return told_.load(); }  // handlers and indexes know everything up to here

 private:
  void wake();
  void drain();                                 // under mutex_
  void tell(std::string_view key, Change change);
  void resync();

  const Resource& resource_;
  store::Cache& cache_;
  Executor& executor_;
  std::mutex mutex_;  // of who tells
  std::vector<std::function<void(const Change&)>> handlers_;
  std::vector<std::unique_ptr<Index>> indexes_;
  store::Snapshot last_;  // what has been told, to find the difference after the stream broke; empty otherwise
  std::unique_ptr<store::EventStream> stream_;
  std::atomic<store::Revision> told_{0};
  // Outlives this object in tasks that are posted and not run yet.
  struct Wakeup;
  std::shared_ptr<Wakeup> wakeup_;
};

// One informer a resource, shared by all components of a process.
class Informers {
 public:
  using Open = std::function<Result<store::Cache*>(const Resource&)>;
  Informers(Open open, Executor& executor) : open_(std::move(open)), executor_(executor) {}
  // Null: the resource is not served. Blocks until its objects are here.
  Result<Informer*> of(const Resource& resource);
  // Starts all that have been asked for so far; more may be asked for and started later.
  void start();

 private:
  const Open open_;
  Executor& executor_;
  std::mutex mutex_;
  std::map<const Resource*, std::unique_ptr<Informer>> informers_;
};

}  // namespace sampan::client
