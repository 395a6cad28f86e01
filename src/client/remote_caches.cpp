// The store's interface over another server's list and watch: with it the very cache that serves the API follows one from afar.
#include <condition_variable>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "client/https.h"
#include "client/paths.h"
#include "client/wire.h"

namespace sampan::client {

namespace {

constexpr int64_t kWatchSeconds = 480;           // then it is asked for anew, from where it was
constexpr int64_t kSilenceMs = 90'000;           // bookmarks come every minute: who says nothing for longer is gone
constexpr int64_t kBackoffFirstMs = 100, kBackoffMaxMs = 10'000;

std::string key_of(const Object& object) {
  auto metadata = object["metadata"];
  auto space = metadata["namespace"].as_string(), name = metadata["name"].as_string();
  return space.empty() ? std::string(name) : concat(space, "/", name);
}

class RemoteWatch final : public store::Watch {
 public:
  RemoteWatch(std::shared_ptr<Remote> remote, const Resource& resource, std::string query, store::Revision after,
              std::shared_ptr<store::WatchSink> sink)
      : remote_(std::move(remote)), resource_(resource), query_(std::move(query)), revision_(after), sink_(std::move(sink)),
        thread_([this] { run(); }) {}

  ~RemoteWatch() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      if (stream_) stream_->cancel();
    }
    stop_.notify_all();
    thread_.join();
  }

 private:
  void run() {
    int64_t backoff = 0;
    while (true) {
      int64_t began = real_clock().monotonic_us();
      auto ended = follow();
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      if (!ended && (ended.error().is(Reason::Expired) || ended.error().is(Reason::Gone))) {
        lock.unlock();
        return sink_->on_end(Error(Reason::Expired, ended.error().message()));
      }
      if (!ended) LOG_V(1, "watch of ", resource_.resource, ": ", ended.error().message());
      bool lasted = real_clock().monotonic_us() - began > 5'000'000;
      backoff = ended || lasted ? kBackoffFirstMs : std::clamp(backoff * 2, kBackoffFirstMs, kBackoffMaxMs);
      stop_.wait_for(lock, std::chrono::milliseconds(backoff), [this] { return stopping_; });
      if (stopping_) return;
    }
  }

  Result<void> follow() {
    auto query = query_;
    add_query(query, "watch", "true");
    add_query(query, "allowWatchBookmarks", "true");
    add_query(query, "resourceVersion", concat(revision_));
    add_query(query, "timeoutSeconds", concat(kWatchSeconds));
    auto stream = TRY(remote_->open({.method = "WATCH", .path = concat(path_of(resource_, {}, {}), "?", query), .timeout_ms = 30'000}));
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return {};
      stream_ = stream.get();
    }
    struct Forget {
      RemoteWatch& watch;
      ~Forget() {
        std::lock_guard lock(watch.mutex_);
        watch.stream_ = nullptr;
      }
    } forget{*this};
    WatchReader reader(resource_, stream->head().header("content-type"));
    while (TRY(stream->read_some(reader.buffer(), net::deadline_in_ms(kSilenceMs))))
      while (auto frame = TRY(reader.next())) TRY(take(std::move(*frame)));
    return {};
  }

  Result<void> take(WatchFrame frame) {
    if (frame.error) return fail(std::move(*frame.error));
    store::Revision revision = frame.object->revision();
    if (frame.type == "BOOKMARK") {
      revision_ = std::max(revision_, revision);
      sink_->on_progress(revision_);
      return {};
    }
    auto key = key_of(*frame.object);
    store::Change change;
    change.deleted = frame.type == "DELETED";
    change.key = key;
    change.revision = revision;
    if (!change.deleted) change.attachment = frame.object;
    if (revision > revision_) {
      revision_ = revision;
      sink_->on_changes({&change, 1});
    }
    return {};
  }

  const std::shared_ptr<Remote> remote_;
  const Resource& resource_;
  const std::string query_;
  store::Revision revision_;
  const std::shared_ptr<store::WatchSink> sink_;
  std::mutex mutex_;
  std::condition_variable stop_;
  net::AnswerStream* stream_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;
};

// Only what a cache asks of a store: to read all, and to watch.
class RemoteStore final : public store::Store {
 public:
  RemoteStore(std::shared_ptr<Remote> remote, const Resource& resource, std::string field_selector)
      : remote_(std::move(remote)), resource_(resource) {
    if (!field_selector.empty()) add_query(query_, "fieldSelector", field_selector);
  }

  Result<store::Range> range(const store::RangeOptions&) override {
    auto path = path_of(resource_, {}, {});
    auto answer = TRY(remote_->send({.path = query_.empty() ? path : concat(path, "?", query_), .timeout_ms = 120'000}));
    auto list = TRY(read_list(answer, resource_));
    store::Range range;
    range.revision = list.revision;
    range.count = static_cast<int64_t>(list.items.size());
    for (auto& item : list.items) {
      auto& entry = range.entries.emplace_back();
      entry.key = key_of(*item);
      entry.modified = item->revision();
      entry.value = keep(std::move(item));
    }
    std::sort(range.entries.begin(), range.entries.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return range;
  }

  // The cache decodes what range() gave: here the value is the number of an object that is decoded already.
  Result<ObjectRef> decode(std::string_view value) {
    size_t number = 0;
    if (!parse_int(value, number) || number >= listed_.size()) return fail(internal_error("not an object of the last list"));
    return std::exchange(listed_[number], nullptr);
  }

  Result<std::unique_ptr<store::Watch>> watch(std::string, std::string, store::Revision from, std::shared_ptr<store::WatchSink> sink) override {
    listed_.clear();
    return std::make_unique<RemoteWatch>(remote_, resource_, query_, from - 1, std::move(sink));
  }

  Result<store::Revision> current_revision() override {
    auto answer = TRY(remote_->send({.path = concat(path_of(resource_, {}, {}), "?limit=1")}));
    return TRY(read_list(answer, resource_)).revision;
  }

  Result<store::Written> write(store::Write) override { return unsupported(); }
  Result<store::Revision> oldest_revision() override { return unsupported(); }
  Result<void> compact(store::Revision) override { return unsupported(); }
  Result<int64_t> size_bytes() override { return unsupported(); }
  Result<void> backup(const std::string&) override { return unsupported(); }

 private:
  static std::unexpected<Error> unsupported() { return fail(internal_error("a server that is followed cannot be asked this")); }

  std::string keep(ObjectRef object) {
    listed_.push_back(std::move(object));
    return concat(listed_.size() - 1);
  }

  const std::shared_ptr<Remote> remote_;
  const Resource& resource_;
  std::string query_;
  std::vector<ObjectRef> listed_;  // between range() and watch(), which a cache calls one after the other
};

}  // namespace

struct RemoteCaches::Impl {
  struct Followed {
    std::unique_ptr<RemoteStore> store;
    std::unique_ptr<store::Cache> cache;  // ends before its store
  };
  std::shared_ptr<Remote> remote;
  Clock& clock;
  std::mutex mutex;
  std::map<const Resource*, std::string> selectors;
  std::map<const Resource*, Followed> followed;

  Result<store::Cache*> open(const Resource& resource) {
    std::lock_guard lock(mutex);
    Followed& there = followed[&resource];
    if (there.cache) return there.cache.get();
    there.store = std::make_unique<RemoteStore>(remote, resource, selectors[&resource]);
    store::CachedResource cached;
    cached.namespaced = resource.namespaced;
    cached.decode = [store = there.store.get()](std::string_view value) { return store->decode(value); };
    // One page: the list comes whole.
    auto cache = store::Cache::open(*there.store, std::move(cached), clock, {.window_events_max = 4096, .page = SIZE_MAX});
    if (!cache) {
      bool unserved = cache.error().is(Reason::NotFound);
      followed.erase(&resource);
      if (unserved) return nullptr;
      return fail(std::move(cache).error().context(concat("list ", resource.resource, ": ")));
    }
    there.cache = std::move(*cache);
    return there.cache.get();
  }
};

RemoteCaches::RemoteCaches(std::shared_ptr<Remote> remote, Clock& clock) : impl_(new Impl{std::move(remote), clock, {}, {}, {}}) {}

RemoteCaches::~RemoteCaches() = default;

Informers::Open RemoteCaches::open() {
  return [impl = impl_](const Resource& resource) { return impl->open(resource); };
}

void RemoteCaches::narrow(const Resource& resource, std::string field_selector) {
  std::lock_guard lock(impl_->mutex);
  impl_->selectors[&resource] = std::move(field_selector);
}

}  // namespace sampan::client
