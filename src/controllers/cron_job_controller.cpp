// The cron job controller: starts jobs when they are due, remembers those that run, throws old ones away.
#include <algorithm>
#include <map>
#include <mutex>

#include "base/held.h"
#include "base/text.h"
#include "base/time_text.h"
#include "controllers/cron_job.h"
#include "controllers/job.h"
#include "controllers/owners.h"
#include "controllers/pod_control.h"

namespace sampan::controllers {

using schema::AnyView;

namespace {

// "2026-01-31T12:00:00+01:00"
std::string local_time(int64_t time, const TimeZone& zone) {
  int32_t offset = zone.offset_at(time);
  std::string text = rfc3339(time + offset);
  if (offset == 0) return text;
  auto two = [](int32_t n) { return concat(n < 10 ? "0" : "", n); };
  text.pop_back();
  int32_t minutes = std::abs(offset) / 60;
  return concat(text, offset < 0 ? "-" : "+", two(minutes / 60), ":", two(minutes % 60));
}

// "Thu, 01 Jan 2026 12:00:00 UTC"
std::string long_time(int64_t time) {
  constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::string text = rfc3339(time);
  int64_t year;
  int month, day;
  date_of_days(time / 86'400, year, month, day);
  return concat(kDays[(time / 86'400 + 4) % 7], ", ", text.substr(8, 2), " ", kMonths[month - 1], " ", year, " ", text.substr(11, 8), " UTC");
}

class CronJobSync {
 public:
  CronJobSync(Environment& environment, ObjectRef cron_job, Objects jobs)
      : environment_(environment), object_(std::move(cron_job)), jobs_(std::move(jobs)), tree_(schema::thaw(*object_, arena_)) {}

  Result<Again> run() {
    drop_old_jobs();
    Result<Again> again = sync();
    // What was found out counts even if something failed.
    auto wanted = schema::freeze(tree_, object_->type());
    if (!wanted) return fail(std::move(wanted).error());
    if (!(**wanted)["status"].equals((*object_)["status"])) {
      auto written = environment_.api.update_status(kCronJobs.served(), tree_);
      if (!written) return fail(std::move(written).error());
    }
    if (!again && is_namespace_terminating(again.error())) return Again::never();
    return again;
  }

 private:
  CronJob cron_job() const { return object_->as<CronJob>(); }
  Value status() const { return tree_.ensure_object("status"); }
  Value active() const { return status()["active"]; }
  void tell(std::string_view type, std::string_view reason, std::string message) {
    environment_.events.tell(client::Reference::of(kCronJobs.served(), *object_), type, reason, std::move(message));
  }

  bool is_active(std::string_view field, std::string_view text) const {
    for (Value job : active().items())
      if (job[field].as_string() == text) return true;
    return false;
  }
  void forget_active(std::string_view uid) {
    Value list = active();
    for (uint32_t i = list.size(); i-- > 0;)
      if (list.at(i)["uid"].as_string() == uid) list.erase(i);
  }

  void drop_old_jobs();
  void drop_oldest(Objects jobs, std::optional<int32_t> limit);
  bool remove_job(std::string_view name, std::string_view uid);
  Result<void> look_at_jobs();
  void note_finished(const Object& object);
  Result<void> find_missing();
  Result<Again> sync();
  Result<Again> start_if_due(const Timetable& timetable);
  Result<bool> replace_active();
  Result<void> start(int64_t time);

  Environment& environment_;
  ObjectRef object_;
  Objects jobs_;
  Arena arena_;
  Value tree_;
};

void CronJobSync::drop_old_jobs() {
  Objects good, bad;
  for (const auto& job : jobs_) {
    if (!is_finished(job->as<Job>())) continue;
    bool complete = find_condition(job->as<Job>().status().conditions(), "Complete").status() == "True";
    (complete ? good : bad).push_back(job);
  }
  drop_oldest(std::move(good), cron_job().spec().successful_jobs_history_limit());
  drop_oldest(std::move(bad), cron_job().spec().failed_jobs_history_limit());
}

void CronJobSync::drop_oldest(Objects jobs, std::optional<int32_t> limit) {
  if (!limit || static_cast<int64_t>(jobs.size()) <= *limit) return;
  std::stable_sort(jobs.begin(), jobs.end(), [](const ObjectRef& a, const ObjectRef& b) {
    auto key = [](const ObjectRef& job) {
      return std::tuple(job->as<Job>().status().start_time().value_or(INT64_MAX), metadata_of(*job).name());
    };
    return key(a) < key(b);
  });
  jobs.resize(jobs.size() - static_cast<size_t>(*limit));
  for (const auto& job : jobs) {
    if (metadata_of(*job).deletion_timestamp()) continue;
    if (!remove_job(metadata_of(*job).name(), metadata_of(*job).uid())) continue;
    std::erase(jobs_, job);
  }
}

bool CronJobSync::remove_job(std::string_view name, std::string_view uid) {
  auto removed = environment_.api.remove(kJobs.served(), metadata_of(*object_).namespace_(), name, {.propagation = "Background"});
  if (!removed) {
    tell(client::kWarning, "FailedDelete", concat("Deleted job: ", removed.error().message()));
    return false;
  }
  std::string message = concat("Deleted job ", name);
  forget_active(uid);
  tell(client::kNormal, "SuccessfulDelete", std::move(message));
  return true;
}

void CronJobSync::note_finished(const Object& object) {
  Job job = object.as<Job>();
  auto uid = metadata_of(object).uid();
  bool complete = find_condition(job.status().conditions(), "Complete").status() == "True";
  if (is_active("uid", uid)) {
    forget_active(uid);
    tell(client::kNormal, "SawCompletedJob", concat("Saw completed job: ", metadata_of(object).name(), ", condition: ", complete ? "Complete" : "Failed"));
  }
  auto ended = job.status().completion_time();
  if (!complete || !ended) return;
  std::string text = rfc3339(*ended);
  if (text > status()["lastSuccessfulTime"].as_string()) status().set("lastSuccessfulTime", arena_.copy(text));
}

Result<void> CronJobSync::look_at_jobs() {
  for (const auto& job : jobs_) {
    auto metadata = metadata_of(*job);
    if (is_finished(job->as<Job>())) {
      note_finished(*job);
    } else if (!is_active("uid", metadata.uid())) {
      // The informer may be behind what this controller wrote.
      ObjectRef fresh = TRY(environment_.api.get(kCronJobs.served(), metadata.namespace_(), metadata_of(*object_).name()));
      bool known = false;
      for (auto reference : fresh->as<CronJob>().status().active()) known |= reference.uid() == metadata.uid();
      if (!known)
        tell(client::kWarning, "UnexpectedJob", concat("Saw a job that the controller did not create or forgot: ", metadata.name()));
    }
  }
  return {};
}

Result<void> CronJobSync::find_missing() {
  std::vector<std::pair<std::string, std::string>> missing;  // name, uid
  for (Value reference : active().items()) {
    auto uid = reference["uid"].as_string();
    bool known = std::any_of(jobs_.begin(), jobs_.end(), [uid](const ObjectRef& job) { return metadata_of(*job).uid() == uid; });
    if (!known) missing.emplace_back(reference["name"].as_string(), uid);
  }
  for (const auto& [name, uid] : missing) {
    auto job = environment_.api.get(kJobs.served(), metadata_of(*object_).namespace_(), name);
    if (job) continue;
    if (!job.error().is(Reason::NotFound)) return fail(std::move(job).error());
    tell(client::kNormal, "MissingJob", concat("Active job went missing: ", name));
    forget_active(uid);
  }
  return {};
}

Result<Again> CronJobSync::sync() {
  TRY(look_at_jobs());
  TRY(find_missing());
  auto spec = cron_job().spec();
  if (metadata_of(*object_).deletion_timestamp()) return Again::never();
  if (auto zone = spec.time_zone(); zone && !TimeZone::find(*zone)) {
    tell(client::kWarning, "UnknownTimeZone", concat("invalid timeZone: ", quoted(*zone), ": unknown time zone ", *zone));
    return Again::never();
  }
  if (spec.suspend().value_or(false)) return Again::never();
  if (spec.schedule().find("TZ") != std::string_view::npos)
    tell(client::kWarning, "UnsupportedSchedule",
         concat("CRON_TZ or TZ used in schedule ", quoted(spec.schedule()),
                " is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"));
  Timetable timetable;
  std::string complaint;
  if (!Timetable::of(cron_job(), timetable, complaint)) {
    tell(client::kWarning, "UnparseableSchedule", concat("unparseable schedule: ", quoted(spec.schedule()), " : ", complaint));
    return Again::never();
  }
  return start_if_due(timetable);
}

Result<Again> CronJobSync::start_if_due(const Timetable& timetable) {
  auto spec = cron_job().spec();
  int64_t now_us = environment_.clock.now_us(), now = now_us / 1'000'000;
  Due due = due_time(cron_job(), timetable, now);
  if (!due.error.empty()) {
    tell(client::kWarning, "InvalidSchedule", concat("invalid schedule: ", spec.schedule(), " : ", due.error));
    return Again::never();
  }
  Again next = Again{until_next_us(cron_job(), timetable, now_us)};
  if (due.time == 0) return next;
  if (due.many_missed)
    tell(client::kWarning, "TooManyMissedTimes",
         "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew");
  if (auto deadline = spec.starting_deadline_seconds(); deadline && due.time * 1'000'000 + microseconds_of(*deadline) < now_us) {
    tell(client::kWarning, "MissSchedule", concat("Missed scheduled time to start a job: ", long_time(due.time)));
    return next;
  }
  if (is_active("name", cron_job_name(metadata_of(*object_).name(), due.time)) || cron_job().status().last_schedule_time() == due.time) return next;
  if (spec.concurrency_policy() == "Forbid" && active().size() > 0) {
    tell(client::kNormal, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid");
    return next;
  }
  if (spec.concurrency_policy() == "Replace") TRY(replace_active());
  TRY(start(due.time));
  // Counted from the job that was just started.
  int64_t after = timetable.next(due.time);
  return after == 0 ? Again::never() : Again::in(std::max<int64_t>(after * 1'000'000 + 100'000 - now_us, 0));
}

Result<bool> CronJobSync::replace_active() {
  std::vector<std::pair<std::string, std::string>> running;
  for (Value reference : active().items()) running.emplace_back(reference["name"].as_string(), reference["uid"].as_string());
  auto name_space = metadata_of(*object_).namespace_();
  for (const auto& [name, uid] : running) {
    auto job = environment_.api.get(kJobs.served(), name_space, name);
    if (!job) {
      tell(client::kWarning, "FailedGet", concat("Get job: ", job.error().message()));
      return fail(std::move(job).error());
    }
    if (!remove_job(name, uid)) return fail(internal_error(concat("could not replace job ", name_space, "/", name)));
  }
  return true;
}

Result<void> CronJobSync::start(int64_t time) {
  auto metadata = metadata_of(*object_);
  AnyView content = (*object_)["spec"]["jobTemplate"];
  std::string name = cron_job_name(metadata.name(), time);
  Arena arena;
  Value job = Value::object(arena, 2), about = job.ensure_object("metadata");
  about.set("name", std::string_view(name));
  for (std::string_view field : {"labels", "annotations"})
    if (AnyView map = content["metadata"][field]; map.present()) about.set(field, schema::thaw(map, arena));
  const TimeZone* zone = TimeZone::find(cron_job().spec().time_zone().value_or(""));
  about.ensure_object("annotations").set("batch.kubernetes.io/cronjob-scheduled-timestamp", arena.copy(local_time(time, *zone)));
  about.ensure_list("ownerReferences").push(controller_reference(kCronJobs, *object_, arena));
  job.set("spec", schema::thaw(content["spec"], arena));
  auto made = environment_.api.create(kJobs.served(), metadata.namespace_(), job);
  if (made) {
    tell(client::kNormal, "SuccessfulCreate", concat("Created job ", name));
  } else if (made.error().is(Reason::AlreadyExists)) {
    made = environment_.api.get(kJobs.served(), metadata.namespace_(), name);
    if (!made) return fail(std::move(made).error());
    if (!is_controlled_by(**made, *object_) || is_active("uid", metadata_of(**made).uid())) return {};
  } else {
    if (!is_namespace_terminating(made.error())) tell(client::kWarning, "FailedCreate", concat("Error creating job: ", made.error().message()));
    return fail(std::move(made).error());
  }
  Value reference = Value::object(arena_, 6);
  reference.set("kind", kJobs.kind);
  reference.set("namespace", metadata.namespace_());
  reference.set("name", arena_.copy(name));
  reference.set("uid", arena_.copy(metadata_of(**made).uid()));
  reference.set("apiVersion", kJobs.api_version);
  reference.set("resourceVersion", arena_.copy(concat((*made)->revision())));
  status().ensure_list("active").push(reference);
  status().set("lastScheduleTime", arena_.copy(rfc3339(time)));
  return {};
}

class CronJobController final : public Controller {
 public:
  explicit CronJobController(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    cron_jobs_ = &watches.on("batch", "cronjobs", [this](const Change& change, const Watches::Enqueue& enqueue) {
      note_new_schedule(change);
      enqueue(key_of(change.any()));
    });
    jobs_ = std::make_unique<Dependents>(watches, kCronJobs, *cron_jobs_, "batch", "jobs", [](const Object&, const Object&) { return false; });
  }

  Result<Again> reconcile(const Key& key) override {
    ObjectRef cron_job = cron_jobs_->find(key.name_space, key.name);
    if (!cron_job) return Again::never();
    if (int64_t wait = new_schedule_wait_us(key_of(*cron_job)); wait > 0) return Again::in(wait);
    return CronJobSync(environment_, cron_job, jobs_->owned_by(*cron_job)).run();
  }

 private:
  // A schedule that has just been changed counts from now on: what it would have started before is not made up for.
  void note_new_schedule(const Change& change) {
    std::lock_guard lock(mutex_);
    std::string key = key_of(change.any());
    if (!change.object) waits_until_.erase(key);
    if (!change.object || !change.previous) return;
    auto now = change.object->as<CronJob>(), before = change.previous->as<CronJob>();
    if (now.spec().schedule() == before.spec().schedule() && now.spec().time_zone() == before.spec().time_zone()) return;
    Timetable timetable;
    std::string complaint;
    int64_t now_us = environment_.clock.now_us();
    if (!Timetable::of(now, timetable, complaint)) return;
    int64_t wait = until_next_us(now, timetable, now_us);
    if (wait >= 0) waits_until_[key] = now_us + wait;
  }

  int64_t new_schedule_wait_us(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto at = waits_until_.find(key);
    if (at == waits_until_.end()) return 0;
    int64_t wait = at->second - environment_.clock.now_us();
    if (wait <= 0) waits_until_.erase(at);
    return wait;
  }

  Environment& environment_;
  Informer* cron_jobs_ = nullptr;
  std::unique_ptr<Dependents> jobs_;
  std::mutex mutex_;
  std::map<std::string, int64_t> waits_until_;
};

}  // namespace

std::unique_ptr<Controller> make_cron_job_controller(Environment& environment) { return std::make_unique<CronJobController>(environment); }

}  // namespace sampan::controllers
