// One step in a pod's life; see pod_workers.h. What of a worker is its step's alone, and what everybody may look at, is said here.
#pragma once
#include "kubelet/pod_workers.h"
#include "kubelet/resize.h"
#include "kubelet/starter.h"
#include "kubelet/status.h"

namespace sampan::kubelet {

struct PodWorkers::Worker {
  explicit Worker(std::string id) : uid(std::move(id)) {}
  const std::string uid;

  std::mutex mutex;  // of all down to the next comment
  schema::ObjectRef pod;  // as it is wanted
  bool removed = false;
  std::optional<Eviction> eviction;
  bool queued = false, dirty = false;
  Executor::Timer timer = 0;
  int64_t timer_at = 0;
  std::vector<std::string> ended;  // ids the runtime said had stopped, but does not show as such yet
  schema::ObjectRef shown;
  std::shared_ptr<const PodRuntime> runtime = std::make_shared<PodRuntime>();
  PodLife life = PodLife::New;
  int64_t grace = 0;               // of its end, once that has begun
  std::atomic<bool> must_end{false}, refresh_wanted{false};
  std::atomic<bool> waits_for_room{false};  // for a resize

  // The step's alone
  StartFailures failures;
  int64_t failing_since = 0;
  unsigned failures_in_a_row = 0;
  unsigned stale_steps = 0;        // that did not see what the runtime had said
  int64_t volumes_missing_since = 0;
  unsigned volume_tries = 0;
  std::map<std::string, std::string> volume_errors;  // told last, by volume
  std::optional<int64_t> refresh_at;
  schema::ObjectRef granted, had;  // with the resources that the pod may use, and those it had before
  std::optional<ResizeNote> resize_pending, resize_in_progress;
  bool refused = false;            // the node does not take it
  bool prepared = false;           // folders and cgroup are made
  bool gone = false;               // nothing is left of it: the worker itself goes
};

class PodWorkers::Step {
 public:
  Step(PodWorkers& all, Worker& worker) : all_(all), parts_(all.parts_), worker_(worker) {}
  // When to look again (wall clock); 0: when something happens.
  int64_t run();

 private:
  int64_t decide();
  Result<void> look();
  int64_t begin();
  int64_t activate();
  void consider_resize();
  void take_granted();
  Result<void> carry_out_resize();
  int64_t terminate();
  int64_t finish();
  int64_t clean_up();
  int64_t retry(const Error& error, std::string_view what);
  int64_t retry_volumes(const std::vector<VolumeError>& errors);

  bool should_end() const;
  Result<void> prepare();
  void begin_end();
  void show(bool is_final, bool may_run);
  void show_finished();
  void refuse(const Parts::Refusal& refusal);
  void publish(schema::Value status, Arena& arena, bool finished);
  core_v1::PodStatus last() const { return (shown_ ? shown_ : pod_)->as<core_v1::Pod>().status(); }
  core_v1::Pod view() const { return pod_->as<core_v1::Pod>(); }
  bool has_more();
  void set_life(PodLife life);
  void prune();
  std::optional<int64_t> deadline() const;

  PodWorkers& all_;
  Parts& parts_;
  Worker& worker_;
  schema::ObjectRef pod_, shown_;  // with the resources that it was granted, whatever is asked for now
  schema::ObjectRef wanted_;
  bool removed_ = false;
  bool stale_ = false;  // `runtime_` is behind the runtime's news
  std::optional<Eviction> eviction_;
  PodLife life_ = PodLife::New;
  PodRuntime runtime_;
  std::string phase_;  // as last made
};

}  // namespace sampan::kubelet
