// The status of a job. Controllers other than ours may manage a job (spec.managedBy), so what they write is held against what clients rely on;
// but only what a write changes, so that an odd status from before stays writable.
#include "base/text.h"
#include "registry/batch/job_spec.h"

namespace sampan::registry {

namespace {

struct Change {
  const Object& object;
  const Object& old;
  AnyView now, before;  // the statuses
  AnyView spec;
  const At& status;
  bool complete, failed, finished;

  bool changed(std::string_view field) const { return !now[field].equals(before[field]); }
  bool condition_changed(std::string_view type) const { return has_condition(now, type) != has_condition(before, type); }
  bool has(std::string_view type) const { return has_condition(now, type); }
  bool finished_changed() const {
    return (has_condition(before, "Complete") || has_condition(before, "Failed")) != finished;
  }
  void bad_conditions(std::string_view detail) const { status["conditions"].invalid(Shown::omitted(), detail); }
};

void validate_uncounted(const At& uncounted) {
  std::vector<std::string_view> seen;
  for (auto list : {"succeeded", "failed"}) {
    At uids = uncounted[list];
    for (uint32_t i = 0; i < uids.size(); i++) {
      At uid = uids.item(i);
      if (uid.text().empty())
        uid.invalid(Shown(""), "must not be empty");
      else if (std::find(seen.begin(), seen.end(), uid.text()) != seen.end())
        uid.duplicate();
      else
        seen.push_back(uid.text());
    }
  }
}

void validate_conditions_of(const Change& c) {
  bool target = c.has("FailureTarget"), criteria = c.has("SuccessCriteriaMet");
  bool complete_changed = c.condition_changed("Complete"), failed_changed = c.condition_changed("Failed");
  if ((complete_changed || failed_changed) && c.complete && c.failed) c.bad_conditions("cannot set Complete=True and Failed=true conditions");
  if ((complete_changed || c.condition_changed("FailureTarget")) && c.complete && target)
    c.bad_conditions("cannot set Complete=True and FailureTarget=true conditions");
  if ((failed_changed || c.changed("failedIndexes")) && c.failed && !target)
    c.bad_conditions("cannot set Failed=True condition without the FailureTarget=true condition");
  if ((complete_changed || c.condition_changed("SuccessCriteriaMet")) && c.complete && !criteria)
    c.bad_conditions("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  if (criteria && c.failed) c.bad_conditions("cannot set SuccessCriteriaMet=True and Failed=true conditions");
  if (criteria && target) c.bad_conditions("cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
  if (c.spec["successPolicy"].present() && !criteria && c.complete)
    c.bad_conditions("cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True");
  for (auto type : {"Failed", "Complete", "FailureTarget"})
    if (has_condition(c.before, type) && !c.has(type)) c.bad_conditions(concat("cannot disable the terminal ", type, "=True condition"));
  if (has_condition(c.before, "SuccessCriteriaMet") && !criteria) c.bad_conditions("cannot disable the SuccessCriteriaMet=True condition");
  if (has_condition(c.before, "Complete") && !has_condition(c.before, "SuccessCriteriaMet") && criteria)
    c.bad_conditions("cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
}

void validate_times(const Change& c) {
  At start = c.status["startTime"], completion = c.status["completionTime"];
  bool completion_changed = c.changed("completionTime"), start_changed = c.changed("startTime");
  if (completion_changed || c.condition_changed("Complete")) {
    if (completion.present() && !c.complete) completion.invalid("cannot set completionTime when there is no Complete=True condition");
    if (!completion.present() && c.complete) completion.required("completionTime is required for Complete jobs");
  }
  if ((start_changed || completion_changed) && start.present() && completion.present() && completion.number() < start.number())
    completion.invalid("must be equal to or after `startTime`");
  AnyView completions = c.spec["completions"], suspend = c.spec["suspend"];
  bool suspended = suspend.present() && suspend.as_bool();
  bool nothing_to_do = suspended && completions.present() && completions.as_int() == 0;
  if ((c.finished_changed() || start_changed) && !nothing_to_do && !start.present() && c.finished)
    start.required("startTime is required for finished job");
  if (completion.present() && c.before["completionTime"].present() && completion_changed) completion.invalid("field is immutable");
  bool resuming = has_condition(c.before, "Suspended") && has_condition(c.now, "Suspended", "False");
  if (start_changed && !resuming && c.before["startTime"].present() && !suspended)
    start.invalid(start.present() ? Shown(start.value()) : Shown::null(), "field is immutable for unsuspended job once set");
}

void validate_pods(const Change& c) {
  At active = c.status["active"], ready = c.status["ready"], terminating = c.status["terminating"];
  At uncounted = c.status["uncountedTerminatedPods"];
  bool finished_changed = c.finished_changed();
  if (c.finished && (finished_changed || c.changed("active")) && active.number() > 0) active.invalid("active>0 is invalid for finished job");
  if (c.finished && (finished_changed || c.changed("uncountedTerminatedPods")) &&
      uncounted["failed"].size() + uncounted["succeeded"].size() > 0)
    uncounted.invalid(uncounted.internal(), "must be empty for finished job");
  if (c.finished && (finished_changed || c.changed("terminating")) && terminating.number() > 0)
    terminating.invalid("terminating>0 is invalid for finished job");
  if ((c.changed("ready") || c.changed("active")) && ready.number() > active.number())
    ready.invalid("cannot set more ready pods than active");
  if (c.status["failed"].number() < c.before["failed"].as_int())
    c.status["failed"].invalid(Shown(c.status["failed"].number()), "cannot decrease the failed counter");
  // Indexed jobs can be made smaller.
  bool elastic = is_indexed(c.spec) && c.spec["completions"].equals(c.spec["parallelism"]);
  if (!elastic && c.status["succeeded"].number() < c.before["succeeded"].as_int())
    c.status["succeeded"].invalid(Shown(c.status["succeeded"].number()), "cannot decrease the succeeded counter");
}

void validate_indexes(const Change& c) {
  At completed = c.status["completedIndexes"], failed = c.status["failedIndexes"];
  AnyView completions = c.spec["completions"], per_index = c.spec["backoffLimitPerIndex"];
  bool completed_changed = c.changed("completedIndexes"), failed_changed = c.changed("failedIndexes");
  std::string complaint;
  if (completed_changed && completions.present()) {
    count_indexes(completed.text(), completions.as_int(), complaint);
    if (!complaint.empty()) completed.invalid(concat("error parsing completedIndexes: ", complaint));
  }
  complaint.clear();
  if (failed_changed && completions.present() && per_index.present() && failed.present()) {
    count_indexes(failed.text(), completions.as_int(), complaint);
    if (!complaint.empty()) failed.invalid(Shown(failed.text()), concat("error parsing failedIndexes: ", complaint));
  }
  if (completed_changed && !completed.text().empty() && !is_indexed(c.spec))
    completed.invalid("cannot set non-empty completedIndexes when non-indexed completion mode");
  if (failed_changed && !per_index.present() && failed.present())
    failed.invalid(Shown(failed.text()), "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
  if ((failed_changed || completed_changed) && completions.present() && failed.present()) {
    auto overlap = overlap_complaint(completed.text(), failed.text(), completions.as_int());
    if (!overlap.empty()) failed.invalid(Shown(failed.text()), overlap);
  }
}

}  // namespace

bool has_condition(const AnyView& status, std::string_view type, std::string_view truth) {
  AnyView conditions = status["conditions"];
  for (uint32_t i = 0; i < conditions.size(); i++)
    if (conditions.item(i)["type"].as_string() == type && conditions.item(i)["status"].as_string() == truth) return true;
  return false;
}

void validate_job_status_update(const Object& object, const Object& old, FieldErrors& errors) {
  Path path("status");
  At status(object["status"], path, errors);
  bool complete = has_condition(status.value(), "Complete"), failed = has_condition(status.value(), "Failed");
  Change change{object, old, status.value(), old["status"], object["spec"], status, complete, failed, complete || failed};
  require_not_negative(status, {"active", "succeeded", "failed", "ready", "terminating"});
  validate_uncounted(status["uncountedTerminatedPods"]);
  validate_conditions_of(change);
  validate_times(change);
  validate_pods(change);
  validate_indexes(change);
}

}  // namespace sampan::registry
