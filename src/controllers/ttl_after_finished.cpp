// Removes jobs some time after they have finished, where they say so (spec.ttlSecondsAfterFinished).
#include "base/text.h"
#include "controllers/job.h"
#include "controllers/owners.h"

namespace sampan::controllers {

namespace {

class TtlAfterFinishedController final : public Controller {
 public:
  explicit TtlAfterFinishedController(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    jobs_ = &watches.on("batch", "jobs", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object && expires(*change.object)) enqueue(key_of(*change.object));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    ObjectRef job = jobs_->find(key.name_space, key.name);
    if (!job || !expires(*job)) return Again::never();
    if (int64_t left = left_us(*job); left > 0) return Again::in(left);
    // The informer may not know of a new time to live yet.
    auto fresh = environment_.api.get(kJobs.served(), key.name_space, key.name);
    if (!fresh) {
      if (fresh.error().is(Reason::NotFound)) return Again::never();
      return fail(std::move(fresh).error());
    }
    if (!expires(**fresh)) return Again::never();
    if (int64_t left = left_us(**fresh); left > 0) return Again::in(left);
    auto removed = environment_.api.remove(kJobs.served(), key.name_space, key.name,
                                           {.propagation = "Foreground", .uid = metadata_of(**fresh).uid()});
    if (!removed && !removed.error().is(Reason::NotFound)) return fail(std::move(removed).error());
    return Again::never();
  }

 private:
  static bool expires(const Object& object) {
    Job job = object.as<Job>();
    return job.spec().ttl_seconds_after_finished() && is_finished(job) && !job.metadata().deletion_timestamp();
  }

  int64_t left_us(const Object& object) const {
    Job job = object.as<Job>();
    int64_t finished = 0;
    for (auto condition : job.status().conditions())
      if ((condition.type() == "Complete" || condition.type() == "Failed") && condition.status() == "True") finished = condition.last_transition_time();
    return (finished + *job.spec().ttl_seconds_after_finished()) * 1'000'000 - environment_.clock.now_us();
  }

  Environment& environment_;
  Informer* jobs_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_ttl_after_finished_controller(Environment& environment) {
  return std::make_unique<TtlAfterFinishedController>(environment);
}

}  // namespace sampan::controllers
