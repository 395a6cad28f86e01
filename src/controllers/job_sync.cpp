// Making and removing the pods of a job.
#include "controllers/job_sync.h"

#include "base/text.h"
#include "base/time_text.h"
#include "controllers/conditions.h"

namespace sampan::controllers {

JobSync::JobSync(Environment& environment, JobPicture picture)
    : environment_(environment),
      picture_(std::move(picture)),
      written_(picture_.object),
      control_(environment, kJobs, *picture_.object),
      tree_(schema::thaw(*picture_.object, arena_)),
      active_(static_cast<int32_t>(picture_.active.size())) {}

void JobSync::tell(std::string_view type, std::string_view reason, std::string message) {
  environment_.events.tell(client::Reference::of(kJobs.served(), *picture_.object), type, reason, std::move(message));
}

// In its place; a false condition is not worth to be said for the first time.
bool JobSync::put_condition(std::string_view type, std::string_view truth, std::string_view reason, std::string_view message) {
  Value before = condition_in(status(), type);
  if (!before.is_object()) {
    Condition first{type, truth, reason, std::string(message)};
    return truth != "False" && set_condition(status(), first, environment_.now_seconds(), {.probe_time = true});
  }
  if (before["status"].as_string() == truth && before["reason"].as_string() == reason && before["message"].as_string() == message) return false;
  Value now = arena_.copy(rfc3339(environment_.now_seconds()));
  before.set("status", arena_.copy(truth));
  before.set("reason", arena_.copy(reason));
  before.set("message", arena_.copy(message));
  before.set("lastProbeTime", now);
  before.set("lastTransitionTime", now);
  return true;
}

Result<Again> JobSync::run() {
  if (picture_.start_time != 0 && !job().status().start_time())
    status().set("startTime", arena_.copy(rfc3339(picture_.start_time)));
  if (picture_.end) end_active_pods();
  else manage_pods();
  status().set("active", active_);
  status().set("ready", picture_.ready);
  status().set("terminating", picture_.terminating);
  if (auto tracked = track(); !tracked) return fail(std::move(tracked).error().context("tracking status: "));
  if (error_) return fail(std::move(*error_));
  return Again{picture_.look_again_us};
}

void JobSync::end_active_pods() {
  for (const auto& pod : picture_.active) {
    if (auto removed = control_.remove(*pod); !removed) {
      error_ = std::move(removed).error();
      continue;
    }
    active_--;
    picture_.terminating++;
    picture_.ready -= is_ready(pod_of(*pod));
  }
  // It is over only when none is left to be told so.
  if (active_ > 0) picture_.end.reset();
}

void JobSync::manage_pods() {
  bool managed = !metadata_of(*picture_.object).deletion_timestamp();
  if (managed) {
    JobPlan plan = plan_job_pods(picture_, environment_.clock.now_us());
    if (plan.look_again_us >= 0 && (picture_.look_again_us < 0 || plan.look_again_us < picture_.look_again_us))
      picture_.look_again_us = plan.look_again_us;
    remove_pods(plan.remove);
    create_pods(plan);
  }
  auto completions = job().spec().completions();
  bool complete = active_ == 0 && (completions ? picture_.succeeded >= *completions : picture_.succeeded > 0);
  if (complete)
    picture_.end = JobEnd{"SuccessCriteriaMet", "CompletionsReached", "Reached expected number of succeeded pods"};
  else if (managed)
    note_suspension();
}

void JobSync::note_suspension() {
  if (is_suspended(job())) {
    if (!put_condition("Suspended", "True", "JobSuspended", "Job suspended")) return;
    tell(client::kNormal, "Suspended", "Job suspended");
    status().remove("startTime");
  } else {
    if (!put_condition("Suspended", "False", "JobResumed", "Job resumed")) return;
    tell(client::kNormal, "Resumed", "Job resumed");
    status().set("startTime", arena_.copy(rfc3339(environment_.now_seconds())));
  }
}

// Pods that are given up while the job goes on are not counted.
void JobSync::remove_pods(const Objects& pods) {
  for (const auto& pod : pods) {
    Result<void> removed;
    if (has_tracking_finalizer(pod_of(*pod))) removed = remove_tracking_finalizer(environment_.api, *pod);
    if (!removed) removed = fail(std::move(removed).error().context("removing completion finalizer: "));
    else removed = control_.remove(*pod);
    if (!removed) {
      error_ = std::move(removed).error();
      continue;
    }
    active_--;
    picture_.terminating++;
    picture_.ready -= is_ready(pod_of(*pod));
  }
}

namespace {

void add_index_variable(Value containers) {
  constexpr std::string_view kName = "JOB_COMPLETION_INDEX";
  for (Value container : containers.items()) {
    Value env = container.ensure_list("env");
    bool has = false;
    for (Value variable : env.items()) has |= variable["name"].as_string() == kName;
    if (has) continue;
    Arena& arena = container.arena();
    Value variable = Value::object(arena, 2);
    variable.set("name", kName);
    variable.ensure_object("valueFrom").ensure_object("fieldRef").set("fieldPath", "metadata.labels['batch.kubernetes.io/job-completion-index']");
    env.push(variable);
  }
}

}  // namespace

// A pod of an indexed job knows its index in every way there is.
void JobSync::name_index(Value pod, int index, Arena& arena) const {
  constexpr size_t kPrefixMax = 58;
  Value metadata = pod["metadata"], spec = pod["spec"], annotations = metadata.ensure_object("annotations");
  std::string_view text = arena.copy(concat(index)), name = metadata_of(*picture_.object).name();
  annotations.set(kCompletionIndex, text);
  metadata.ensure_object("labels").set(kCompletionIndex, text);
  add_index_variable(spec["initContainers"]);
  add_index_variable(spec["containers"]);
  spec.set("hostname", arena.copy(concat(name, "-", index)));
  std::string suffix = concat("-", index, "-");
  if (name.size() + suffix.size() > kPrefixMax) name = name.substr(0, kPrefixMax - suffix.size());
  metadata.set("generateName", arena.copy(concat(name, suffix)));
  if (!has_limit_per_index(job())) return;
  int32_t failures = 0, ignored = 0;
  if (auto last = picture_.last_failures.find(index); last != picture_.last_failures.end()) {
    Pod before = pod_of(*last->second);
    bool counts = judge_failure(job(), before).counts;
    failures = index_failures(before) + counts;
    ignored = index_failures_ignored(before) + !counts;
  }
  annotations.set(kIndexFailureCount, arena.copy(concat(failures)));
  if (ignored > 0) annotations.set(kIndexIgnoredFailureCount, arena.copy(concat(ignored)));
}

void JobSync::create_pods(const JobPlan& plan) {
  if (plan.create == 0) return;
  auto batch = slow_start(plan.create, [&](int i) -> Result<void> {
    Arena arena;
    Value pod = pod_from_template(kJobs, *picture_.object, (*picture_.object)["spec"]["template"], arena);
    Value finalizers = pod["metadata"].ensure_list("finalizers");
    bool has = false;
    for (Value finalizer : finalizers.items()) has |= finalizer.as_string() == kTrackingFinalizer;
    if (!has) finalizers.push(kTrackingFinalizer);
    if (!plan.indexes.empty()) name_index(pod, plan.indexes[i], arena);
    auto made = control_.create(pod);
    if (made) active_++;
    else if (!is_namespace_terminating(made.error())) return fail(std::move(made).error());
    return {};
  });
  if (batch.error) error_ = std::move(batch.error);
}

}  // namespace sampan::controllers
