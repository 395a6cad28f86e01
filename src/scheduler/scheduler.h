// The scheduler: hears of the cluster through informers, decides on one pod after the other, and has its decisions written beside it.
//
// One mutex guards all that deciding needs. Handlers hold it for as long as a change takes, the deciding for a few pods at a time; writes never do while
// they wait.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/events.h"
#include "client/informer.h"
#include "scheduler/algorithm.h"
#include "scheduler/lister.h"
#include "scheduler/queue.h"
#include "scheduler/writer.h"

namespace sampan::scheduler {

// Bindings and the like under way at once, on the executor's threads: enough for the store to take many in one commit. Upstream knows no limit.
inline constexpr unsigned kWritesAtOnce = 128;

struct Setup {
  std::function<std::unique_ptr<client::Api>(client::Identity)> connect;
  client::Informers* informers = nullptr;
  Clock* clock = nullptr;
  Random* random = nullptr;
  Executor* executor = nullptr;
  Config config = {};
  unsigned writes_at_once = kWritesAtOnce;
};

class Scheduler final : private Effects {
 public:
  // Opens the informers. An error says what in the configuration or the API cannot be.
  static Result<std::unique_ptr<Scheduler>> create(Setup setup);
  ~Scheduler() override;  // waits for what runs
  // Starts the informers and then to decide.
  void start();
  bool idle();  // nothing is being decided or written

  // For those who wait by a permit plug-in's word: let it go on, or not.
  void allow(std::string_view uid);
  void reject(std::string_view uid, std::string_view why);
  void write_metrics(std::string& out);

 private:
  using Kind = Lister::Kind;
  using PlacementRef = std::shared_ptr<Placement>;
  explicit Scheduler(Setup setup);
  Result<void> open();

  // scheduler.cpp: deciding, under the mutex
  void kick();
  void arm_timer();
  void run();
  void decide_one(QueuedPod queued);
  bool skip(const QueuedPod& queued);
  Status hold_place(QueuedPod& queued, Profile& profile, Cycle& cycle, NodeInfo& node);
  Profile* profile_of(const PodInfo& pod) const;
  struct Failure {
    Code code;
    std::string message;
    std::set<std::string_view> refused_by;
    std::optional<std::string> nominate = std::string();  // none: leave it as it is
    int64_t started_us = 0;
  };
  void failed(QueuedPod queued, Profile& profile, Failure failure);

  // placement.cpp: carrying decisions out
  void carry_out(const PlacementRef& placement);
  void wait_for_permit(const PlacementRef& placement, const Status& status);
  void wait_for_volumes(const PlacementRef& placement, int64_t us);
  void resume(const std::string& uid);
  void placed(const Placement& placement);
  void give_up(const PlacementRef& placement, const Status& status);

  // writes.cpp
  void preempt(const PodRef& preemptor, const std::vector<PodRef>& victims, std::string_view node) override;
  bool is_preempting(std::string_view uid) const override { return preempting_.contains(std::string(uid)); }
  void write_status(const PodRef& pod, std::string reason, std::string message, std::optional<std::string> nominate);
  void clear_nomination(const PodRef& pod);
  bool evict(const PodInfo& preemptor, const PodInfo& victim, std::string_view node);
  void later(std::string_view key, std::function<void()> write) override { writer_->post(key, std::move(write)); }
  void tell(const PodInfo& pod, std::string_view reason, std::string_view action, std::string note) override {
    tell(pod, nullptr, client::kNormal, reason, action, std::move(note));
  }
  void tell(const PodInfo& pod, const PodInfo* related, std::string_view type, std::string_view reason, std::string_view action, std::string note);

  // handlers.cpp
  void subscribe();
  void on_pod(const client::Change& change);
  void on_pod_states(const ObjectRef& before, const ObjectRef& after);
  void pod_assigned(const ObjectRef& before, const ObjectRef& after);
  void pod_waits(const ObjectRef& before, const ObjectRef& after);
  void pod_gone(const ObjectRef& before);
  void on_node(const client::Change& change);
  void on_other(EventResource resource, const client::Change& change);

  const Setup setup_;
  std::unique_ptr<client::Api> api_;
  std::unique_ptr<InformerLister> lister_;
  client::Informer* nodes_ = nullptr;
  client::Informer* namespaces_ = nullptr;

  std::mutex mutex_;
  State state_;
  std::map<std::string, std::unique_ptr<Profile>, std::less<>> profiles_;
  std::map<std::string, std::unique_ptr<client::Events>, std::less<>> events_;  // by profile
  std::unique_ptr<Queue> queue_;
  std::unique_ptr<Algorithm> algorithm_;
  bool started_ = false, posted_ = false, closing_ = false;
  Executor::Timer timer_ = 0;
  int64_t timer_due_us_ = -1;
  std::map<std::string, PlacementRef> waiting_;         // for their volumes and devices, by uid
  std::map<std::string, PlacementRef> awaiting_permit_;
  std::map<std::string, QueuedPod> being_placed_;       // what the queue knew of pods that are being carried out
  std::set<std::string> preempting_;

  std::vector<client::Subscription> subscriptions_;
  Scope scope_;
  std::unique_ptr<Writer> writer_;
};

}  // namespace sampan::scheduler
