// One look at one job: makes and removes pods as planned, and accounts for each finished pod exactly once. A pod keeps a finalizer until the status
// says that it was counted; the status names pods that are counted but whose finalizer may still be there.
#pragma once
#include <optional>

#include "controllers/controller.h"
#include "controllers/job.h"
#include "controllers/pod_control.h"

namespace sampan::controllers {

// What is gone already is no error.
Result<void> remove_tracking_finalizer(client::Api& api, const Object& pod);

class JobSync {
 public:
  JobSync(Environment& environment, JobPicture picture);
  Result<Again> run();
  // What is to be remembered of failures; nothing if they were not written down.
  const std::optional<Backoff>& backoff() const { return backoff_; }

 private:
  Job job() const { return picture_.object->as<Job>(); }
  Value status() const { return tree_.ensure_object("status"); }
  Value uncounted() const { return status().ensure_object("uncountedTerminatedPods"); }
  void tell(std::string_view type, std::string_view reason, std::string message);
  bool put_condition(std::string_view type, std::string_view truth, std::string_view reason, std::string_view message);

  // job_sync.cpp: pods
  void end_active_pods();
  void manage_pods();
  void remove_pods(const Objects& pods);
  void create_pods(const JobPlan& plan);
  void name_index(Value pod, int index, Arena& arena) const;
  void note_suspension();

  // job_track.cpp: the status
  Result<void> track();
  void settle_counted(const std::set<std::string_view>& with_finalizer);
  bool may_let_go(const ObjectRef& object) const;
  bool count_pod(Pod pod);  // false: enough for now
  void write_indexes();
  void announce_end();
  bool finish();
  void tell_end();
  Result<bool> flush();  // whether something was written

  Environment& environment_;
  JobPicture picture_;
  ObjectRef written_;  // the job as it was last seen or written; picture_ keeps the one that was decided upon
  PodControl control_;
  Arena arena_;
  Value tree_;  // the job as it should be
  int32_t active_;
  Indexes new_indexes_;
  int32_t counted_ = 0;
  std::optional<Error> error_;  // of making and removing pods
  std::optional<Backoff> backoff_;
};

}  // namespace sampan::controllers
