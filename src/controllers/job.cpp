#include "controllers/job.h"

#include <algorithm>

#include "base/held.h"
#include "base/text.h"

namespace sampan::controllers {

using schema::ObjectRef;

namespace {

constexpr int32_t kPodsPerLookMax = 500;

bool is_true(Job job, std::string_view type) { return find_condition(job.status().conditions(), type).status() == "True"; }

int sooner(int64_t a, int64_t b) { return a < 0 || (b >= 0 && b < a); }
void want_look(int64_t& at, int64_t in) {
  if (in >= 0 && sooner(at, in)) at = in;
}

bool has_known_index(const JobPicture& picture, Pod pod) {
  if (!is_indexed(picture.job())) return true;
  int index = completion_index(pod);
  return index >= 0 && index < picture.job().spec().completions().value_or(0);
}

}  // namespace

bool is_finished(Job job) { return is_true(job, "Complete") || is_true(job, "Failed"); }
bool is_of_other_controller(Job job) {
  auto name = job.spec().managed_by();
  return name && *name != "kubernetes.io/job-controller";
}
bool is_indexed(Job job) { return job.spec().completion_mode() == "Indexed"; }
bool replaces_failed_only(Job job) {
  return job.spec().pod_replacement_policy() == "Failed" || job.spec().has_pod_failure_policy();
}
bool has_tracking_finalizer(Pod pod) {
  for (auto finalizer : pod.metadata().finalizers())
    if (finalizer == kTrackingFinalizer) return true;
  return false;
}
int completion_index(Pod pod) {
  auto text = pod.metadata().annotations().get(kCompletionIndex);
  int index = -1;
  return text && parse_int(*text, index) && index >= 0 ? index : -1;
}
bool counts_as_failed(Pod pod, Job job) {
  if (pod.status().phase() == "Failed") return true;
  return !replaces_failed_only(job) && is_deleted(pod) && pod.status().phase() != "Succeeded";
}

namespace {

// Finished pods that are not in the status' counts yet.
Objects newly_finished(const JobPicture& picture, const std::set<std::string_view>& uncounted, bool (*finished)(Pod, Job)) {
  Objects out;
  for (const auto& object : picture.pods) {
    Pod pod = pod_of(*object);
    if (!has_tracking_finalizer(pod) || uncounted.contains(pod.metadata().uid()) || !has_known_index(picture, pod)) continue;
    if (finished(pod, picture.job())) out.push_back(object);
  }
  return out;
}

bool has_succeeded(Pod pod, Job) { return pod.status().phase() == "Succeeded"; }

bool past_limit_of_restarts(const JobPicture& picture) {
  Job job = picture.job();
  if (job.spec().template_().spec().restart_policy() != "OnFailure") return false;
  int64_t restarts = 0;
  for (const auto& object : picture.pods) {
    Pod pod = pod_of(*object);
    if (pod.status().phase() != "Running" && pod.status().phase() != "Pending") continue;
    for (auto status : pod.status().init_container_statuses()) restarts += status.restart_count();
    for (auto status : pod.status().container_statuses()) restarts += status.restart_count();
  }
  int32_t limit = job.spec().backoff_limit().value_or(6);
  return limit == 0 ? restarts > 0 : restarts >= limit;
}

// A policy that says that the job fails because of one of its pods.
std::string failing_policy(const JobPicture& picture) {
  Job job = picture.job();
  if (!job.spec().has_pod_failure_policy()) return {};
  for (const auto& pod : picture.pods) {
    if (!counts_as_failed(pod_of(*pod), job)) continue;
    auto verdict = judge_failure(job, pod_of(*pod));
    if (!verdict.job_message.empty()) return verdict.job_message;
  }
  return {};
}

// What the status says already, then what its pods, its limit and its deadline say.
std::optional<JobEnd> find_end(JobPicture& picture, int64_t now_us) {
  Job job = picture.job();
  auto conditions = job.status().conditions();
  if (auto met = find_condition(conditions, "SuccessCriteriaMet"); met.status() == "True")
    return JobEnd{"SuccessCriteriaMet", std::string(met.reason()), std::string(met.message())};
  if (auto target = find_condition(conditions, "FailureTarget"); target.status() == "True")
    return JobEnd{"Failed", std::string(target.reason()), std::string(target.message())};
  if (std::string message = failing_policy(picture); !message.empty()) return JobEnd{"FailureTarget", "PodFailurePolicy", std::move(message)};
  if (picture.failed > job.spec().backoff_limit().value_or(6) || past_limit_of_restarts(picture))
    return JobEnd{"FailureTarget", "BackoffLimitExceeded", "Job has reached the specified backoff limit"};
  auto deadline = job.spec().active_deadline_seconds();
  if (!deadline || is_suspended(job) || picture.start_time == 0) return {};
  int64_t left_us = picture.start_time * 1'000'000 + microseconds_of(*deadline) - now_us;
  if (left_us <= 0) return JobEnd{"FailureTarget", "DeadlineExceeded", "Job was active longer than specified deadline"};
  want_look(picture.look_again_us, left_us);
  return {};
}

void look_at_failed_indexes(JobPicture& picture) {
  Job job = picture.job();
  int32_t completions = job.spec().completions().value_or(0);
  Indexes failed = Indexes::parse(job.status().failed_indexes().value_or(""), completions);
  for (const auto& object : picture.pods) {
    Pod pod = pod_of(*object);
    if (!has_known_index(picture, pod) || !has_tracking_finalizer(pod) || !counts_as_failed(pod, job)) continue;
    auto verdict = judge_failure(job, pod);
    if (verdict.fails_index || (verdict.counts && index_failures(pod) >= *job.spec().backoff_limit_per_index()))
      failed.add(completion_index(pod));
  }
  if (!picture.end) {
    auto limit = job.spec().max_failed_indexes();
    if (limit && failed.count() > *limit)
      picture.end = JobEnd{"FailureTarget", "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes"};
    else if (!failed.empty() && failed.count() + picture.succeeded_indexes.count() >= completions)
      picture.end = JobEnd{"FailureTarget", "FailedIndexes", "Job has failed indexes"};
  }
  picture.failed_indexes = std::move(failed);
}

// The last pod that failed of each index that neither is settled nor runs again.
void find_last_failures(JobPicture& picture) {
  Job job = picture.job();
  std::set<int> running;
  for (const auto& pod : picture.active) running.insert(completion_index(pod_of(*pod)));
  for (const auto& object : picture.pods) {
    Pod pod = pod_of(*object);
    int index = completion_index(pod);
    if (!has_tracking_finalizer(pod) || !has_known_index(picture, pod) || !counts_as_failed(pod, job)) continue;
    if (picture.succeeded_indexes.has(index) || picture.failed_indexes->has(index) || running.contains(index)) continue;
    auto [at, is_new] = picture.last_failures.emplace(index, object);
    if (is_new) continue;
    Pod last = pod_of(*at->second);
    auto failures = [](Pod p) { return index_failures(p) + index_failures_ignored(p); };
    if (failures(last) <= failures(pod) && finished_at(pod) >= finished_at(last)) at->second = object;
  }
}

void look_at_indexes(JobPicture& picture) {
  Job job = picture.job();
  int32_t completions = job.spec().completions().value_or(0);
  picture.succeeded_before = picture.succeeded_indexes = Indexes::parse(job.status().completed_indexes(), completions);
  for (const auto& object : picture.pods) {
    Pod pod = pod_of(*object);
    if (has_succeeded(pod, job) && has_known_index(picture, pod) && has_tracking_finalizer(pod))
      picture.succeeded_indexes.add(completion_index(pod));
  }
  picture.succeeded = picture.succeeded_indexes.count();
  if (has_limit_per_index(job)) {
    look_at_failed_indexes(picture);
    find_last_failures(picture);
  }
  if (picture.end) return;
  if (std::string rule = met_success_rule(job, picture.succeeded_indexes); !rule.empty())
    picture.end = JobEnd{"SuccessCriteriaMet", "SuccessPolicy", std::move(rule)};
}

}  // namespace

JobPicture look_at_job(ObjectRef object, Objects pods, const Backoff& backoff, int64_t now_us) {
  JobPicture picture;
  picture.object = std::move(object);
  picture.pods = std::move(pods);
  Job job = picture.job();
  for (const auto& pod : picture.pods) {
    if (is_active(pod_of(*pod))) picture.active.push_back(pod);
    picture.ready += is_active(pod_of(*pod)) && is_ready(pod_of(*pod));
    picture.terminating += is_terminating(pod_of(*pod));
  }
  for (auto uid : job.status().uncounted_terminated_pods().succeeded()) picture.uncounted_succeeded.insert(uid);
  for (auto uid : job.status().uncounted_terminated_pods().failed()) picture.uncounted_failed.insert(uid);
  Objects succeeded = newly_finished(picture, picture.uncounted_succeeded, has_succeeded);
  Objects failed = newly_finished(picture, picture.uncounted_failed, counts_as_failed);
  int32_t failures = 0;
  for (const auto& pod : failed) failures += judge_failure(job, pod_of(*pod)).counts;
  auto size = [](const auto& list) { return static_cast<int32_t>(list.size()); };
  picture.succeeded = job.status().succeeded() + size(succeeded) + size(picture.uncounted_succeeded);
  picture.failed = job.status().failed() + failures + size(picture.uncounted_failed);
  picture.start_time = job.status().start_time().value_or(is_suspended(job) ? 0 : now_us / 1'000'000);
  picture.backoff = next_backoff(backoff, succeeded, failed);
  picture.end = find_end(picture, now_us);
  if (is_indexed(job)) look_at_indexes(picture);
  return picture;
}

namespace {

// Of an indexed job, first those without a place and all but the best of each index; then the least active ones.
Objects pods_to_remove(const JobPicture& picture, int32_t at_least) {
  Job job = picture.job();
  Objects remove, left;
  if (is_indexed(job)) {
    std::map<int, Objects> by_index;
    for (const auto& pod : picture.active)
      by_index[has_known_index(picture, pod_of(*pod)) ? completion_index(pod_of(*pod)) : -1].push_back(pod);
    for (auto& [index, pods] : by_index) {
      sort_by_activity(pods);
      if (index >= 0) {
        left.push_back(pods.back());
        pods.pop_back();
      }
      for (auto& pod : pods) remove.push_back(std::move(pod));
    }
  } else {
    left = picture.active;
  }
  auto missing = at_least - static_cast<int32_t>(remove.size());
  if (missing <= 0) return remove;
  sort_by_activity(left);
  for (int32_t i = 0; i < missing && i < static_cast<int32_t>(left.size()); i++) remove.push_back(left[i]);
  return remove;
}

// Indexes that nothing works on and that need not wait for their back-off.
void choose_indexes(const JobPicture& picture, JobPlan& plan, int64_t now_us) {
  Job job = picture.job();
  Indexes taken = picture.succeeded_indexes;
  for (const auto& pod : picture.pods) {
    bool counts = is_active(pod_of(*pod)) || (replaces_failed_only(job) && is_terminating(pod_of(*pod)));
    if (int index = completion_index(pod_of(*pod)); counts && index >= 0) taken.add(index);
  }
  if (picture.failed_indexes) taken.add(*picture.failed_indexes);
  int64_t soonest = -1;
  for (int index : taken.first_missing(plan.create, job.spec().completions().value_or(0))) {
    auto last = picture.last_failures.find(index);
    int64_t left = 0;
    if (last != picture.last_failures.end()) {
      Pod pod = pod_of(*last->second);
      left = backoff_left_us({index_failures(pod) + index_failures_ignored(pod) + 1, finished_at(pod)}, now_us);
    }
    if (left > 0) want_look(soonest, left);
    else plan.indexes.push_back(index);
  }
  plan.create = static_cast<int32_t>(plan.indexes.size());
  // Those that wait are looked at when the others are made, which changes the job.
  if (plan.indexes.empty()) plan.look_again_us = soonest;
}

}  // namespace

JobPlan plan_job_pods(const JobPicture& picture, int64_t now_us) {
  JobPlan plan;
  Job job = picture.job();
  auto active = static_cast<int32_t>(picture.active.size());
  if (is_suspended(job)) {
    plan.remove = pods_to_remove(picture, active);
    return plan;
  }
  int32_t parallelism = job.spec().parallelism().value_or(1), wanted = parallelism;
  if (auto completions = job.spec().completions()) wanted = std::clamp(*completions - picture.succeeded, 0, parallelism);
  else if (picture.succeeded > 0) wanted = active;  // one success is enough; the others may end as they like
  plan.remove = pods_to_remove(picture, std::max(0, active - wanted));
  if (plan.remove.size() > kPodsPerLookMax) plan.remove.resize(kPodsPerLookMax);
  if (!plan.remove.empty()) return plan;

  int32_t missing = wanted - active - (replaces_failed_only(job) ? picture.terminating : 0);
  if (missing <= 0) return plan;
  if (!has_limit_per_index(job)) {
    plan.look_again_us = backoff_left_us(picture.backoff, now_us);
    if (plan.look_again_us > 0) return plan;
    plan.look_again_us = -1;
  }
  plan.create = std::min(missing, kPodsPerLookMax);
  if (is_indexed(job)) choose_indexes(picture, plan, now_us);
  return plan;
}

}  // namespace sampan::controllers
