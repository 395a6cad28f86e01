// Accounting for the finished pods of a job, and its end.
#include "base/text.h"
#include "base/time_text.h"
#include "controllers/conditions.h"
#include "controllers/job_sync.h"

namespace sampan::controllers {

namespace {

constexpr int32_t kUncountedMax = 500;  // in the status at once

}  // namespace

Result<void> remove_tracking_finalizer(client::Api& api, const Object& pod) {
  Arena arena;
  Value patch = Value::object(arena, 1), list = Value::list(arena, 1);
  list.push(kTrackingFinalizer);
  patch.ensure_object("metadata").set("$deleteFromPrimitiveList/finalizers", list);
  auto metadata = metadata_of(pod);
  auto written = api.patch(client::builtin("", "pods"), metadata.namespace_(), metadata.name(), client::PatchType::Strategic, patch);
  if (!written && !written.error().is(Reason::NotFound)) return fail(std::move(written).error());
  return {};
}

Result<bool> JobSync::flush() {
  ObjectRef wanted = TRY(schema::freeze(tree_, written_->type()));
  if ((*wanted)["status"].equals((*written_)["status"])) return false;
  written_ = TRY(environment_.api.update_status(kJobs.served(), tree_));
  tree_["metadata"].set("resourceVersion", arena_.copy(concat(written_->revision())));
  return true;
}

// Pods whose finalizer is gone move from the list of those that are counted into the count.
void JobSync::settle_counted(const std::set<std::string_view>& with_finalizer) {
  for (std::string_view list : {"succeeded", "failed"}) {
    Value uids = uncounted()[list];
    int32_t settled = 0;
    for (uint32_t i = uids.size(); i-- > 0;) {
      if (with_finalizer.contains(uids.at(i).as_string())) continue;
      uids.erase(i);
      settled++;
    }
    if (settled > 0) status().set(list, status()[list].as_int() + settled);
    if (uids.is_list() && uids.empty()) uncounted().remove(list);
  }
}

bool JobSync::may_let_go(const ObjectRef& object) const {
  Pod pod = pod_of(*object);
  if (job().metadata().deletion_timestamp() || picture_.end || pod.status().phase() == "Succeeded") return true;
  if (!counts_as_failed(pod, job())) return false;
  auto last = picture_.last_failures.find(completion_index(pod));
  return last == picture_.last_failures.end() || last->second != object;
}

bool JobSync::count_pod(Pod pod) {
  auto uid = pod.metadata().uid();
  int index = completion_index(pod);
  bool known_index = !is_indexed(job()) || (index >= 0 && index < job().spec().completions().value_or(0));
  bool ended_early = picture_.end && picture_.end->type != "SuccessCriteriaMet";
  if (pod.status().phase() == "Succeeded" && !picture_.uncounted_failed.contains(uid)) {
    if (is_indexed(job())) {
      if (known_index && !picture_.succeeded_before.has(index) && !new_indexes_.has(index)) new_indexes_.add(index), counted_++;
    } else if (!picture_.uncounted_succeeded.contains(uid)) {
      uncounted().ensure_list("succeeded").push(arena_.copy(uid));
      counted_++;
    }
  } else if ((counts_as_failed(pod, job()) || ended_early) && !picture_.uncounted_failed.contains(uid) && known_index &&
             judge_failure(job(), pod).counts) {
    uncounted().ensure_list("failed").push(arena_.copy(uid));
    counted_++;
  }
  return counted_ < kUncountedMax;
}

void JobSync::write_indexes() {
  if (!is_indexed(job())) return;
  Indexes succeeded = picture_.succeeded_before;
  succeeded.add(new_indexes_);
  status().set("succeeded", succeeded.count());
  if (succeeded.empty()) status().remove("completedIndexes");
  else status().set("completedIndexes", arena_.copy(succeeded.text()));
  if (picture_.failed_indexes) status().set("failedIndexes", arena_.copy(picture_.failed_indexes->text()));
}

// The end is announced with the counts that lead to it, and comes when all pods are accounted for.
void JobSync::announce_end() {
  if (!picture_.end) return;
  JobEnd& end = *picture_.end;
  if (end.type == "FailureTarget") {
    put_condition(end.type, "True", end.reason, end.message);
    end.type = "Failed";
  } else if (end.type == "SuccessCriteriaMet") {
    if (condition_in(status(), end.type)["status"].as_string() != "True") put_condition(end.type, "True", end.reason, end.message);
    end.type = "Complete";
  }
}

bool JobSync::finish() {
  if (!picture_.end || picture_.terminating > 0) return false;
  if (!uncounted()["succeeded"].empty() || !uncounted()["failed"].empty()) return false;
  const JobEnd& end = *picture_.end;
  put_condition(end.type, "True", end.reason, end.message);
  if (end.type == "Complete") status().set("completionTime", arena_.copy(rfc3339(environment_.now_seconds())));
  return true;
}

void JobSync::tell_end() {
  const JobEnd& end = *picture_.end;
  if (end.type != "Complete") return tell(client::kWarning, end.reason, end.message);
  auto completions = job().spec().completions();
  if (completions && status()["succeeded"].as_int() > *completions)
    tell(client::kWarning, "TooManySucceededPods", "Too many succeeded pods running after completion count reached");
  tell(client::kNormal, "Completed", "Job completed");
}

Result<void> JobSync::track() {
  uncounted();  // there from the first status on
  std::set<std::string_view> with_finalizer;
  for (const auto& pod : picture_.pods)
    if (has_tracking_finalizer(pod_of(*pod))) with_finalizer.insert(metadata_of(*pod).uid());
  settle_counted(with_finalizer);
  counted_ = static_cast<int32_t>(uncounted()["succeeded"].size() + uncounted()["failed"].size());
  Objects let_go;
  bool all = true;
  for (const auto& object : picture_.pods) {
    if (!has_tracking_finalizer(pod_of(*object)) || !may_let_go(object)) continue;
    let_go.push_back(object);
    if (!(all = count_pod(pod_of(*object)))) break;
  }
  write_indexes();
  announce_end();
  if (TRY(flush())) backoff_ = picture_.backoff;

  std::optional<Error> error;
  for (const auto& pod : let_go) {
    if (auto removed = remove_tracking_finalizer(environment_.api, *pod); removed) with_finalizer.erase(metadata_of(*pod).uid());
    else error = std::move(removed).error();
  }
  settle_counted(with_finalizer);
  bool finished = !error && all && finish();
  TRY(flush());
  if (finished) tell_end();
  if (error) return fail(std::move(*error));
  return {};
}

}  // namespace sampan::controllers
