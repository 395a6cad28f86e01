// Cron jobs and jobs' time to live.
#include "controllers/cron_job.h"

#include "controllers/scenario_for_test.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using testing::Scenario;

constexpr int64_t kStart = 1'767'225'600;  // 2026-01-01, a Thursday

TEST(CronJob, Due) {
  const struct {
    std::string_view name, schedule, last, more;
    int64_t after_minutes;
    int64_t due_minutes;  // 0: nothing
    bool many_missed;
    int64_t next_seconds;
  } cases[] = {
      {"not yet", "*/10 * * * *", "", "", 5, 0, false, 300},
      {"now", "*/10 * * * *", "", "", 10, 10, false, 600},
      {"one was missed", "*/10 * * * *", "", "", 25, 20, false, 300},
      {"many were missed", "* * * * *", "", "", 200, 200, true, 60},
      {"only as far as the deadline", "* * * * *", "", ",'startingDeadlineSeconds':90", 200, 200, false, 60},
      {"done already", "*/10 * * * *", "2026-01-01T00:10:00Z", "", 15, 0, false, 300},
      {"a deadline without an end", "*/10 * * * *", "", ",'startingDeadlineSeconds':9223372036854775807", 25, 20, false, 300},
      {"uneven, where the guess is too late", "0 1,2 * * *", "", "", 180, 0, false, 22 * 3600},
  };
  for (const auto& c : cases) {
    std::string status = c.last.empty() ? "{}" : concat("{'lastScheduleTime':'", c.last, "'}");
    auto object = registry::testing::make("batch/v1", "CronJob",
                                          concat("{'metadata':{'name':'c','creationTimestamp':'2026-01-01T00:00:00Z'},'spec':{'schedule':'", c.schedule, "'",
                                                 c.more, "},'status':", status, "}"));
    Timetable timetable;
    std::string complaint;
    ASSERT_TRUE(Timetable::of(object->as<CronJob>(), timetable, complaint)) << complaint;
    int64_t now = kStart + c.after_minutes * 60;
    auto due = due_time(object->as<CronJob>(), timetable, now);
    EXPECT_EQ(due.time, c.due_minutes ? kStart + c.due_minutes * 60 : 0) << c.name;
    EXPECT_EQ(due.many_missed, c.many_missed) << c.name;
    EXPECT_EQ(until_next_us(object->as<CronJob>(), timetable, now * 1'000'000), c.next_seconds * 1'000'000 + 100'000) << c.name;
  }
  EXPECT_EQ(cron_job_name("hello", kStart), "hello-29453760");
}

TEST(CronJobScenario, StartsRemembersAndForgets) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Scenario s(seed, {"cronjob-controller", "job-controller"});
    s.world.apply(R"(
apiVersion: batch/v1
kind: CronJob
metadata: {name: hello}
spec:
  schedule: "* * * * *"
  successfulJobsHistoryLimit: 2
  jobTemplate:
    metadata: {labels: {from: cron}}
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i, command: [exit, '0']}]}}}
)");
    s.world.run_for(5 * 60 + 30);
    ASSERT_TRUE(s.until([&] { return s.list("batch", "jobs").size() == 2; }, 30));
    auto cron_job = s.get("batch", "cronjobs", "hello");
    EXPECT_EQ(cron_job->as<CronJob>().status().active().size(), 0u);
    EXPECT_EQ(cron_job->as<CronJob>().status().last_schedule_time(), kStart + 300);
    EXPECT_TRUE(cron_job->as<CronJob>().status().last_successful_time().has_value());
    auto job = s.get("batch", "jobs", cron_job_name("hello", kStart + 300));
    ASSERT_TRUE(job);
    EXPECT_EQ((*job)["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"].as_string(), "2026-01-01T00:05:00Z");
    EXPECT_EQ((*job)["metadata"]["labels"]["from"].as_string(), "cron");
    s.merge("batch", "cronjobs", "hello", "{'spec':{'suspend':true}}");
    s.world.run_for(180);
    EXPECT_EQ(s.get("batch", "cronjobs", "hello")->as<CronJob>().status().last_schedule_time(), kStart + 300);
    EXPECT_TRUE(s.has_event("SuccessfulCreate", "Created job hello-") && s.has_event("SawCompletedJob", "condition: Complete"));
  }
}

TEST(CronJobScenario, PoliciesOfConcurrency) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    bool replace = seed % 2;
    Scenario s(seed, {"cronjob-controller", "job-controller"});
    s.world.apply(concat("{apiVersion: batch/v1, kind: CronJob, metadata: {name: slow}, spec: {schedule: '* * * * *', concurrencyPolicy: ",
                         replace ? "Replace" : "Forbid",
                         ", jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}}}}"));
    s.world.run_for(3 * 60 + 30);
    auto jobs = s.list("batch", "jobs");
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_EQ((*jobs[0])["metadata"]["name"].as_string(), cron_job_name("slow", kStart + (replace ? 180 : 60)));
    EXPECT_EQ(s.get("batch", "cronjobs", "slow")->as<CronJob>().status().active().size(), 1u);
  }
}

TEST(TtlAfterFinishedScenario, RemovesWhatHasEnded) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Scenario s(seed, {"job-controller", "ttl-after-finished-controller"});
    s.world.apply("{apiVersion: batch/v1, kind: Job, metadata: {name: brief}, spec: {ttlSecondsAfterFinished: 60, template: {spec: {restartPolicy: Never, "
                  "containers: [{name: c, image: i, command: [exit, '0']}]}}}}");
    ASSERT_TRUE(s.until([&] { return s.condition("batch", "jobs", "brief", "Complete") != ""; }));
    s.world.run_for(50);
    ASSERT_TRUE(s.get("batch", "jobs", "brief"));
    EXPECT_FALSE((*s.get("batch", "jobs", "brief"))["metadata"]["deletionTimestamp"].present());
    // Its pods go first; who collects them is not part of this test.
    ASSERT_TRUE(s.until([&] { return (*s.get("batch", "jobs", "brief"))["metadata"]["deletionTimestamp"].present(); }, 20));
  }
}

}  // namespace
}  // namespace sampan::controllers
