#include "controllers/frame.h"

#include "base/log.h"
#include "base/text.h"
#include "client/work_queue.h"
#include "controllers/own_writes.h"

namespace sampan::controllers {

namespace {

constexpr int64_t kLookAgainUs = 10'000;         // whether own writes have been seen
constexpr int64_t kOwnWritesUs = 10'000'000;     // so long at most; then the controller looks at what there is

}  // namespace

struct Frame::Running final : Watches {
  Running(const Setup& s, const Entry& e)
      : setup(s),
        entry(e),
        api(s.connect({concat("system:serviceaccount:kube-system:", e.account),
                       {"system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated"},
                       "kube-controller-manager"}),
            *s.informers),
        events(api, *s.clock, *s.executor, std::string(e.source.empty() ? e.account : e.source)),
        environment{api, *s.informers, events, *s.clock, *s.random, *s.executor, s.settings},
        controller(e.make(environment)),
        queue(*s.clock, *s.executor, [this](const std::string& key) { work(key); }, {.workers = e.workers}) {}

  Informer& on(std::string_view group, std::string_view resource, std::function<void(const Change&, const Enqueue&)> keys) override {
    auto informer = setup.informers->of(client::builtin(group, resource));
    if (!informer) {
      problem = std::move(informer).error();
      return *nothing.emplace_back(std::make_unique<Informer>(client::builtin(group, resource), nullptr, *setup.executor));
    }
    if (keys) handlers.push_back({*informer, std::move(keys)});
    return **informer;
  }

  Result<void> follow(const schema::Resource& resource, std::function<void(const Change&, const Enqueue&)> keys) override {
    auto* informer = TRY(setup.informers->of(resource));
    auto subscription = informer->on_change([this, keys](const Change& change) { keys(change, [this](std::string_view key) { queue.add(key); }); });
    informer->start();
    std::lock_guard lock(mutex);
    subscriptions.push_back(std::move(subscription));
    return {};
  }

  void every(int64_t period_us, std::string_view key) override { periods.emplace_back(period_us, key); }

  void start() {
    for (auto& [informer, keys] : handlers)
      subscriptions.push_back(
          informer->on_change([this, keys](const Change& change) { keys(change, [this](std::string_view key) { queue.add(key); }); }));
    for (auto& [period, key] : periods) queue.add(key);
  }

  // On a worker.
  void work(const std::string& key) {
    if (!own_writes_seen(key)) return queue.add_after(key, kLookAgainUs);
    OwnWrites writes;
    own_writes() = &writes;
    auto again = controller->reconcile(Key::of(key));
    own_writes() = nullptr;
    remember(key, std::move(writes));
    if (!again) {
      if (!again.error().is(Reason::Conflict)) LOG_V(2, entry.name, " ", key, ": ", again.error().message());
      return queue.add_failed(key);
    }
    queue.forget(key);
    if (again->after_us >= 0) queue.add_after(key, again->after_us);
    for (auto& [period, periodic] : periods)
      if (periodic == key) queue.add_after(key, period);
  }

  struct Unseen {
    OwnWrites writes;
    int64_t since_us = 0;
  };

  bool own_writes_seen(const std::string& key) {
    std::unique_lock lock(mutex);
    auto it = unseen.find(key);
    if (it == unseen.end()) return true;
    Unseen waiting = it->second;
    lock.unlock();
    bool seen = waiting.writes.seen(*setup.informers) || setup.clock->monotonic_us() - waiting.since_us > kOwnWritesUs;
    lock.lock();
    if (seen) unseen.erase(key);
    return seen;
  }

  void remember(const std::string& key, OwnWrites writes) {
    if (writes.empty() || writes.seen(*setup.informers)) return;
    std::lock_guard lock(mutex);
    unseen[key] = {std::move(writes), setup.clock->monotonic_us()};
  }

  const Setup setup;
  const Entry entry;
  RememberingApi api;
  client::Events events;
  Environment environment;
  std::unique_ptr<Controller> controller;
  std::vector<std::pair<Informer*, std::function<void(const Change&, const Enqueue&)>>> handlers;
  std::vector<std::pair<int64_t, std::string>> periods;
  std::optional<Error> problem;
  std::vector<std::unique_ptr<Informer>> nothing;  // in place of informers that could not be opened, until the problem is told
  std::mutex mutex;
  std::map<std::string, Unseen> unseen;
  client::WorkQueue queue;
  std::vector<client::Subscription> subscriptions;  // last: they end first, then the queue
};

Result<std::unique_ptr<Frame>> Frame::create(const Setup& setup, std::span<const Entry* const> entries) {
  std::unique_ptr<Frame> frame(new Frame);
  for (const Entry* entry : entries) {
    auto& running = *frame->running_.emplace_back(std::make_unique<Running>(setup, *entry));
    running.controller->watch(running);
    if (running.problem) return fail(std::move(*running.problem).context(concat(entry->name, ": ")));
  }
  return frame;
}

Frame::~Frame() = default;

void Frame::start() {
  // Informers first: who reconciles finds everything there.
  if (!running_.empty()) running_.front()->setup.informers->start();
  for (auto& running : running_) running->start();
}

bool Frame::idle() const {
  return std::all_of(running_.begin(), running_.end(), [](const auto& running) { return running->queue.idle(); });
}

}  // namespace sampan::controllers
