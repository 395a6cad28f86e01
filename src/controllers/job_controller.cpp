// The job controller: looks at each job when it or its pods change, and frees pods whose job is gone from its finalizer.
#include <map>
#include <mutex>

#include "base/text.h"
#include "controllers/job_sync.h"

namespace sampan::controllers {

namespace {

// The key of a pod that may have lost its job: no job's name has a colon.
constexpr std::string_view kOrphan = "orphan:";

class JobController final : public Controller {
 public:
  explicit JobController(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    jobs_ = &watches.on("batch", "jobs", [this](const Change& change, const Watches::Enqueue& enqueue) {
      enqueue(key_of(change.any()));
      // What it leaves behind: its pods are not its business any more.
      bool over = !change.object || is_finished(change.object->as<Job>());
      if (!over) return;
      for (const auto& pod : pods_->owned_by(change.any()))
        if (has_tracking_finalizer(pod_of(*pod))) enqueue(orphan_key(*pod));
    });
    pods_ = std::make_unique<Dependents>(watches, kJobs, *jobs_, "", "pods");
    pod_informer_ = &watches.on("", "pods", [this](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.object || !has_tracking_finalizer(pod_of(*change.object))) return;
      if (!works_on(*change.object)) enqueue(orphan_key(*change.object));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    if (key.name.starts_with(kOrphan)) return free_orphan(key.name_space, key.name.substr(kOrphan.size()));
    ObjectRef object = jobs_->find(key.name_space, key.name);
    if (!object) return forget(key);
    Job job = object->as<Job>();
    if (is_of_other_controller(job)) return Again::never();
    if (is_finished(job)) return forget(key);
    if (auto mode = job.spec().completion_mode(); mode && *mode != "NonIndexed" && *mode != "Indexed") {
      environment_.events.tell(client::Reference::of(kJobs.served(), *object), client::kWarning, "UnknownCompletionMode",
                               "Skipped Job sync because completion mode is unknown");
      return Again::never();
    }
    auto selector = TRY(selector_of(*object));
    Claim owner{environment_.api, kJobs, *object, pods_->resource(), [&](const Object& pod) { return selector.matches(pod); }, kTrackingFinalizer};
    Objects pods = TRY(claim(owner, pods_->candidates(*object)));
    std::string id = concat(key.name_space, "/", key.name);
    JobSync sync(environment_, look_at_job(object, std::move(pods), backoff_of(id), environment_.clock.now_us()));
    auto again = sync.run();
    if (sync.backoff()) remember(id, *sync.backoff());
    return again;
  }

 private:
  static std::string orphan_key(const Object& pod) {
    return concat(metadata_of(pod).namespace_(), "/", kOrphan, metadata_of(pod).name());
  }

  // Whether there is an unfinished job, or another's, that takes care of the pod.
  bool works_on(const Object& pod) const {
    auto owner = controller_of(pod);
    if (!owner.present()) return false;
    if (owner.kind() != kJobs.kind || owner.api_version() != kJobs.api_version) return true;
    ObjectRef job = jobs_->find(metadata_of(pod).namespace_(), owner.name());
    if (!job || metadata_of(*job).uid() != owner.uid()) return false;
    return !is_finished(job->as<Job>()) || is_of_other_controller(job->as<Job>());
  }

  Result<Again> free_orphan(std::string_view name_space, std::string_view name) {
    ObjectRef pod = pod_informer_->find(name_space, name);
    if (pod && has_tracking_finalizer(pod_of(*pod)) && !works_on(*pod)) TRY(remove_tracking_finalizer(environment_.api, *pod));
    return Again::never();
  }

  Backoff backoff_of(const std::string& id) {
    std::lock_guard lock(mutex_);
    auto at = backoffs_.find(id);
    return at == backoffs_.end() ? Backoff{} : at->second;
  }
  void remember(const std::string& id, const Backoff& backoff) {
    std::lock_guard lock(mutex_);
    if (backoff.failures == 0) backoffs_.erase(id);
    else backoffs_[id] = backoff;
  }
  Again forget(const Key& key) {
    std::lock_guard lock(mutex_);
    backoffs_.erase(concat(key.name_space, "/", key.name));
    return Again::never();
  }

  Environment& environment_;
  Informer *jobs_ = nullptr, *pod_informer_ = nullptr;
  std::unique_ptr<Dependents> pods_;
  std::mutex mutex_;
  std::map<std::string, Backoff> backoffs_;
};

}  // namespace

std::unique_ptr<Controller> make_job_controller(Environment& environment) { return std::make_unique<JobController>(environment); }

}  // namespace sampan::controllers
