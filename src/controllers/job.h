// Decisions of the job controller, without the API: what a job's pods amount to, whether it is finished, which pods to make and to remove.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/batch_v1.h"
#include "controllers/job_indexes.h"
#include "controllers/pods.h"

namespace sampan::controllers {

using Job = api::batch_v1::Job;

inline constexpr std::string_view kTrackingFinalizer = "batch.kubernetes.io/job-tracking";
inline constexpr std::string_view kCompletionIndex = "batch.kubernetes.io/job-completion-index";
inline constexpr std::string_view kIndexFailureCount = "batch.kubernetes.io/job-index-failure-count";
inline constexpr std::string_view kIndexIgnoredFailureCount = "batch.kubernetes.io/job-index-ignored-failure-count";

bool is_finished(Job job);             // Complete or Failed
bool is_of_other_controller(Job job);  // spec.managedBy
bool is_indexed(Job job);
inline bool is_suspended(Job job) { return job.spec().suspend().value_or(false); }
inline bool has_limit_per_index(Job job) { return job.spec().backoff_limit_per_index().has_value(); }
// A pod that is being deleted counts as failed only once it has failed.
bool replaces_failed_only(Job job);
bool has_tracking_finalizer(Pod pod);
int completion_index(Pod pod);  // -1: none
bool counts_as_failed(Pod pod, Job job);

// ---- policies ----

struct FailureVerdict {
  bool counts = true;       // against the back-off limit
  bool fails_index = false;
  std::string job_message;  // not empty: the job fails, for this reason
};
FailureVerdict judge_failure(Job job, Pod pod);
// "Matched rules at index 0", or "" if no rule of the success policy is met.
std::string met_success_rule(Job job, const Indexes& succeeded);

// ---- back-off ----

int64_t finished_at(Pod pod);  // seconds
struct Backoff {
  int32_t failures = 0;  // since the last success
  int64_t last_failure = 0;
};
Backoff next_backoff(Backoff before, const Objects& succeeded, const Objects& failed);
int64_t backoff_left_us(const Backoff& backoff, int64_t now_us);
int32_t index_failures(Pod pod);           // of its index before it, those that count
int32_t index_failures_ignored(Pod pod);

// ---- the whole ----

struct JobEnd {
  std::string_view type;  // FailureTarget, Failed, SuccessCriteriaMet, Complete
  std::string reason, message;
};

struct JobPicture {
  schema::ObjectRef object;
  Objects pods, active;
  int32_t ready = 0, terminating = 0, succeeded = 0, failed = 0;
  std::set<std::string_view> uncounted_succeeded, uncounted_failed;  // uids, of the status
  Indexes succeeded_before, succeeded_indexes;
  std::optional<Indexes> failed_indexes;           // with a limit per index
  std::map<int, schema::ObjectRef> last_failures;  // of indexes that are to be tried again; their pods stay until they are replaced
  Backoff backoff;
  int64_t start_time = 0;  // 0: not started
  std::optional<JobEnd> end;
  int64_t look_again_us = -1;

  Job job() const { return object->as<Job>(); }
};

JobPicture look_at_job(schema::ObjectRef job, Objects pods, const Backoff& backoff, int64_t now_us);

struct JobPlan {
  Objects remove;
  int32_t create = 0;
  std::vector<int> indexes;     // of an indexed job, as many as are created
  int64_t look_again_us = -1;
};
JobPlan plan_job_pods(const JobPicture& picture, int64_t now_us);

}  // namespace sampan::controllers
