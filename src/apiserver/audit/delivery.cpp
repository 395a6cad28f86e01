// How events get to a backend: errors forgiven, batches gathered, large events shortened. Each is a backend around another.
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "apiserver/audit/backend.h"
#include "base/log.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

using Steady = std::chrono::steady_clock;

class Forgiving final : public AuditBackend {
 public:
  explicit Forgiving(std::unique_ptr<AuditBackend> inner) : inner_(std::move(inner)) {}
  bool process(std::span<const AuditEventRef> events) override {
    inner_->process(events);
    return true;
  }
  bool waits() const override { return inner_->waits(); }
  bool keeps() const override { return inner_->keeps(); }
  void stop() override { inner_->stop(); }

 private:
  const std::unique_ptr<AuditBackend> inner_;
};

// So many at once and so many a second; who comes too early waits.
class Throttle {
 public:
  Throttle(double per_second, int burst) : per_second_(per_second), burst_(burst), left_(burst), at_(Steady::now()) {}
  std::chrono::microseconds take() {
    auto now = Steady::now();
    left_ = std::min<double>(burst_, left_ + per_second_ * std::chrono::duration<double>(now - at_).count());
    at_ = now;
    left_ -= 1;
    return std::chrono::microseconds(left_ >= 0 ? 0 : static_cast<int64_t>(-left_ / per_second_ * 1e6));
  }

 private:
  const double per_second_;
  const int burst_;
  double left_;  // below zero: others have taken what is still to come
  Steady::time_point at_;
};

class Batching final : public AuditBackend {
 public:
  Batching(std::unique_ptr<AuditBackend> inner, const AuditBatching& limits, AuditCounts& counts)
      : inner_(std::move(inner)), limits_(limits), counts_(counts), throttle_(limits.batches_per_second, limits.batches_burst) {
    for (unsigned i = 0; i < std::max(limits.senders, 1u); i++) senders_.emplace_back([this] { run(); });
  }
  ~Batching() override { stop(); }

  bool process(std::span<const AuditEventRef> events) override {
    size_t taken = 0;
    {
      std::lock_guard lock(mutex_);
      while (!stopping_ && taken < events.size() && waiting_.size() < limits_.events_waiting_max) waiting_.push_back(events[taken++]);
    }
    changed_.notify_all();
    if (taken < events.size()) counts_.lost("buffered", "audit buffer queue blocked", events.subspan(taken));
    return true;
  }
  bool waits() const override { return false; }
  bool keeps() const override { return true; }

  void stop() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    inner_->stop();
    for (auto& sender : senders_)
      if (sender.joinable()) sender.join();
  }

 private:
  void run() {
    while (true) {
      auto batch = collect();
      if (batch.empty()) return;
      inner_->process(batch);
    }
  }

  // Empty: it is over. One sender collects while others send.
  std::vector<AuditEventRef> collect() {
    std::lock_guard turn(collecting_);
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (limits_.batch_events_max > 1)
      changed_.wait_for(lock, std::chrono::microseconds(limits_.batch_wait_us),
                        [&] { return stopping_ || waiting_.size() >= limits_.batch_events_max; });
    if (limits_.throttled && !stopping_) changed_.wait_for(lock, throttle_.take(), [&] { return stopping_; });
    std::vector<AuditEventRef> batch;
    while (!waiting_.empty() && batch.size() < limits_.batch_events_max) {
      batch.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    return batch;
  }

  const std::unique_ptr<AuditBackend> inner_;
  const AuditBatching limits_;
  AuditCounts& counts_;
  std::mutex collecting_;  // taken before mutex_
  Throttle throttle_;      // by collecting_
  std::mutex mutex_;       // guards the rest
  std::condition_variable changed_;
  std::deque<AuditEventRef> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> senders_;
};

class Truncating final : public AuditBackend {
 public:
  Truncating(std::unique_ptr<AuditBackend> inner, const AuditTruncation& limits, AuditCounts& counts)
      : inner_(std::move(inner)), limits_(limits), counts_(counts) {}

  bool process(std::span<const AuditEventRef> events) override {
    std::vector<AuditEventRef> batch;
    int64_t batch_bytes = 0;
    bool good = true;
    for (AuditEventRef event : events) {
      auto bytes = size_of(*event);
      if (bytes > limits_.event_bytes_max && event->level >= AuditLevel::Request) {
        event = shortened(*event);
        bytes = size_of(*event);
      }
      if (bytes > limits_.event_bytes_max) {
        counts_.lost("truncate", "event is too large even after truncating", {&event, 1});
        continue;
      }
      if (!batch.empty() && batch_bytes + bytes > limits_.batch_bytes_max) {
        good &= inner_->process(batch);
        batch.clear();
        batch_bytes = 0;
      }
      batch_bytes += bytes;
      batch.push_back(std::move(event));
    }
    if (!batch.empty()) good &= inner_->process(batch);
    return good;
  }
  bool waits() const override { return inner_->waits(); }
  bool keeps() const override { return inner_->keeps(); }
  void stop() override { inner_->stop(); }

 private:
  static int64_t size_of(const AuditEvent& event) { return static_cast<int64_t>(event.json().size() + 1); }
  static AuditEventRef shortened(const AuditEvent& event) {
    auto copy = std::make_shared<AuditEvent>(event);
    copy->request_object = copy->response_object = nullptr;
    copy->annotations["audit.k8s.io/truncated"] = "true";
    return copy;
  }

  const std::unique_ptr<AuditBackend> inner_;
  const AuditTruncation limits_;
  AuditCounts& counts_;
};

constexpr std::string_view kPluginLabels[] = {"plugin"};
constexpr std::string_view kLevelLabels[] = {"level"};

}  // namespace

AuditCounts::AuditCounts()
    : events_({.name = "apiserver_audit_event_total", .help = "Audit events that were made."}),
      errors_({.name = "apiserver_audit_error_total", .help = "Audit events that were lost, by what lost them.", .labels = kPluginLabels}),
      levels_({.name = "apiserver_audit_level_total", .help = "Requests, by the level that the audit policy gives them.", .labels = kLevelLabels}),
      rejected_({.name = "apiserver_audit_requests_rejected_total", .help = "Requests that were refused because they could not be noted."}) {
  events_.with({});
  rejected_.with({});
}

void AuditCounts::lost(std::string_view plugin, std::string_view why, std::span<const AuditEventRef> events) {
  errors_.with({plugin}).add(static_cast<int64_t>(events.size()));
  std::string text = concat("Error in audit plugin '", plugin, "' affecting ", events.size(), " audit events: ", why, "\nImpacted events:\n");
  constexpr size_t kShownMax = 100;
  for (size_t i = 0; i < std::min(events.size(), kShownMax); i++) append(text, events[i]->legacy(), "\n");
  LOG_ERROR(text);
}

void AuditCounts::write(std::string& out) const {
  errors_.write(out);
  events_.write(out);
  levels_.write(out);
  rejected_.write(out);
}

std::unique_ptr<AuditBackend> audit_delivery(std::unique_ptr<AuditBackend> backend, const AuditDelivery& delivery, AuditCounts& counts) {
  if (delivery.mode == AuditMode::Batch)
    backend = std::make_unique<Batching>(std::move(backend), delivery.batching, counts);
  else if (delivery.mode == AuditMode::Blocking)
    backend = std::make_unique<Forgiving>(std::move(backend));
  if (delivery.truncation.enabled) backend = std::make_unique<Truncating>(std::move(backend), delivery.truncation, counts);
  return backend;
}

}  // namespace sampan::apiserver
