// All watches of an etcd store over one stream; see the header.
#include "store/etcd_watch.h"

#include "base/text.h"
#include "store/errors.h"
#include "store/etcd.pb.h"

namespace sampan::store {

namespace {

namespace pb = etcdserverpb;

constexpr int kRetryMsMax = 2000;
constexpr int64_t kProgressPatienceUs = 1'000'000;  // etcd does not answer while a watch is behind

Change change_of(const pb::Event& event) {
  Change change;
  auto& kv = event.kv();
  change.deleted = event.type() == pb::Event::DELETE;
  change.key = kv.key();
  change.revision = kv.mod_revision();
  if (!change.deleted) change.value = kv.value();
  change.created = change.deleted ? event.prev_kv().create_revision() : kv.create_revision();
  if (event.has_prev_kv()) {
    change.previous_value = event.prev_kv().value();
    change.previous_revision = event.prev_kv().mod_revision();
  }
  return change;
}

}  // namespace

// One watch. The mutex makes "not closed, so call" one step; recursive because a sink may close its own watch.
struct EtcdWatches::Member {
  int64_t id = 0;
  KeyRange range;
  Revision next = 0;  // by the reader's thread; 0: from the answer's revision on
  int64_t created_after =
      INT64_MAX;  // by the reader's thread: how many progress requests were sent before etcd had the watch
  std::vector<pb::Event> fragments;  // of an answer that comes in pieces
  std::recursive_mutex mutex;
  std::shared_ptr<WatchSink> sink;  // by mutex; empty: closed

  template <class F>
  void tell(F what) {
    std::lock_guard lock(mutex);
    if (auto keep = sink) what(*keep);
  }
  void end(Error error) {
    std::lock_guard lock(mutex);
    if (auto keep = std::move(sink)) keep->on_end(std::move(error));
  }
  pb::WatchRequest create() const {
    pb::WatchRequest request;
    auto& create = *request.mutable_create_request();
    create.set_key(range.start);
    create.set_range_end(range.end);
    create.set_start_revision(next);
    create.set_watch_id(id);
    create.set_prev_kv(true);
    create.set_progress_notify(true);
    create.set_fragment(true);
    return request;
  }
};

// What the watches and the reader share; a watch may outlive the store.
struct EtcdWatches::Shared {
  std::mutex write_mutex;  // taken first: held while a request is sent, which may take as long as etcd likes
  std::mutex mutex;        // guards everything below; never held over a call
  std::condition_variable wake;
  bool stopping = false;
  EtcdWatchStream* stream = nullptr;  // while it is up; goes away only under both
  std::map<int64_t, std::shared_ptr<Member>> members;
  int64_t last_id = 0;
  int64_t progress_sent = 0, progress_sent_us = 0;
  bool progress_waiting = false;  // for the answer to the last one sent

  // By write_mutex. A broken stream is noticed by its reader, who then creates all watches anew.
  void send(const pb::WatchRequest& request) {
    EtcdWatchStream* to;
    {
      std::lock_guard lock(mutex);
      to = stream;
    }
    if (to) to->write(request);
  }
};

class EtcdWatches::Handle : public Watch {
 public:
  Handle(std::shared_ptr<Member> member, std::shared_ptr<Shared> shared)
      : member_(std::move(member)), shared_(std::move(shared)) {}
  ~Handle() override {
    {
      std::lock_guard lock(member_->mutex);
      member_->sink = nullptr;
    }
    {
      std::lock_guard lock(shared_->mutex);
      if (shared_->members.erase(member_->id) == 0) return;
    }
    pb::WatchRequest request;
    request.mutable_cancel_request()->set_watch_id(member_->id);
    std::lock_guard writing(shared_->write_mutex);
    shared_->send(request);
  }

 private:
  std::shared_ptr<Member> member_;
  std::shared_ptr<Shared> shared_;
};

EtcdWatches::EtcdWatches(EtcdRpc& rpc) : rpc_(rpc), shared_(std::make_shared<Shared>()) {}

EtcdWatches::~EtcdWatches() {
  std::map<int64_t, std::shared_ptr<Member>> members;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    if (shared_->stream) shared_->stream->cancel();
  }
  shared_->wake.notify_all();
  if (thread_.joinable()) thread_.join();
  members.swap(shared_->members);
  for (auto& [id, member] : members) member->end(Error(Reason::ServiceUnavailable, "the store is closed"));
}

std::unique_ptr<Watch> EtcdWatches::add(KeyRange range, Revision from, std::shared_ptr<WatchSink> sink) {
  auto member = std::make_shared<Member>();
  member->range = std::move(range);
  member->next = std::max<Revision>(from, 0);
  member->sink = std::move(sink);
  std::lock_guard writing(shared_->write_mutex);
  {
    std::lock_guard lock(shared_->mutex);
    member->id = ++shared_->last_id;
    shared_->members.emplace(member->id, member);
  }
  shared_->send(member->create());
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  return std::make_unique<Handle>(std::move(member), shared_);
}

// One request at a time, so that an answer is known to be to the last one.
void EtcdWatches::request_progress() {
  std::lock_guard writing(shared_->write_mutex);
  {
    std::lock_guard lock(shared_->mutex);
    auto now = real_clock().monotonic_us();
    bool answered = !shared_->progress_waiting || now - shared_->progress_sent_us > kProgressPatienceUs;
    if (!shared_->stream || !answered) return;
    shared_->progress_sent++;
    shared_->progress_sent_us = now;
    shared_->progress_waiting = true;
  }
  pb::WatchRequest request;
  request.mutable_progress_request();
  shared_->send(request);
}

void EtcdWatches::run() {
  int wait_ms = 0;
  while (true) {
    {
      std::unique_lock lock(shared_->mutex);
      shared_->wake.wait_for(lock, std::chrono::milliseconds(wait_ms), [this] { return shared_->stopping; });
      if (shared_->stopping) return;
    }
    auto began = real_clock().monotonic_us();
    if (auto stream = rpc_.watch()) serve(**stream);
    // One that held for a while is replaced at once, one that breaks again and again more and more slowly.
    bool held = real_clock().monotonic_us() - began > kRetryMsMax * 1000;
    wait_ms = held ? 0 : std::clamp(wait_ms * 2, 50, kRetryMsMax);
  }
}

void EtcdWatches::serve(EtcdWatchStream& stream) {
  std::vector<pb::WatchRequest> requests;
  {
    std::lock_guard writing(shared_->write_mutex);
    std::lock_guard lock(shared_->mutex);
    if (shared_->stopping) return;
    shared_->stream = &stream;
    shared_->progress_waiting = false;
    for (auto& [id, member] : shared_->members) {
      member->fragments.clear();
      member->created_after = INT64_MAX;
      requests.push_back(member->create());
    }
  }
  // Beside the reading: etcd takes no more requests while its answers are not read.
  std::thread creator([&] {
    for (auto& request : requests) {
      std::lock_guard writing(shared_->write_mutex);
      if (find(request.create_request().watch_id())) shared_->send(request);
    }
  });
  pb::WatchResponse response;
  while (stream.read(response)) dispatch(response);
  creator.join();
  std::lock_guard writing(shared_->write_mutex);
  std::lock_guard lock(shared_->mutex);
  shared_->stream = nullptr;
}

std::shared_ptr<EtcdWatches::Member> EtcdWatches::find(int64_t id) {
  std::lock_guard lock(shared_->mutex);
  auto found = shared_->members.find(id);
  return found == shared_->members.end() ? nullptr : found->second;
}

void EtcdWatches::dispatch(const pb::WatchResponse& response) {
  bool plain = !response.created() && !response.canceled() && response.events().empty() && !response.fragment();
  if (plain && response.watch_id() == -1) return progress(response.header().revision());
  auto member = find(response.watch_id());
  if (!member) return;  // closed meanwhile
  if (response.canceled()) {
    {
      std::lock_guard lock(shared_->mutex);
      shared_->members.erase(member->id);
    }
    if (response.compact_revision() > 0)
      return member->end(revision_compacted(member->next, response.compact_revision()));
    return member->end(Error(Reason::ServiceUnavailable, concat("etcd: ", response.cancel_reason())));
  }
  if (response.created()) {
    if (member->next == 0) member->next = response.header().revision() + 1;
    std::lock_guard lock(shared_->mutex);
    member->created_after = shared_->progress_sent;
    return;
  }
  take(member, response);
}

void EtcdWatches::take(const std::shared_ptr<Member>& member, const pb::WatchResponse& response) {
  auto& fragments = member->fragments;
  if (response.fragment() || !fragments.empty()) {
    fragments.insert(fragments.end(), response.events().begin(), response.events().end());
    if (response.fragment()) return;
  }
  std::vector<Change> changes;
  auto add = [&](const pb::Event& event) {
    auto change = change_of(event);
    if (change.revision >= member->next) changes.push_back(std::move(change));
  };
  if (fragments.empty())
    for (auto& event : response.events()) add(event);
  else
    for (auto& event : fragments) add(event);
  if (!changes.empty()) {
    member->next = changes.back().revision + 1;
    member->tell([&](WatchSink& sink) { sink.on_changes(changes); });
  } else if (response.events().empty()) {
    // etcd's periodic note that this watch is up to date.
    member->next = std::max(member->next, response.header().revision() + 1);
    member->tell([&](WatchSink& sink) { sink.on_progress(response.header().revision()); });
  }
  fragments.clear();
}

// The answer to a request of ours: every watch that etcd had when it was sent is up to date.
void EtcdWatches::progress(Revision revision) {
  std::vector<std::shared_ptr<Member>> members;
  int64_t sent = 0;
  {
    std::lock_guard lock(shared_->mutex);
    shared_->progress_waiting = false;
    sent = shared_->progress_sent;
    for (auto& [id, member] : shared_->members) members.push_back(member);
  }
  for (auto& member : members)
    if (member->created_after < sent) member->tell([&](WatchSink& sink) { sink.on_progress(revision); });
}

}  // namespace sampan::store
