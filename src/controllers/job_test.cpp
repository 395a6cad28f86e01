// Jobs.
#include "controllers/job.h"

#include "controllers/scenario_for_test.h"
#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using registry::testing::make;
using testing::Scenario;

TEST(JobIndexes, Sets) {
  const struct {
    std::string_view text;
    int completions;
    std::string_view want;
    int count;
  } cases[] = {
      {"", 5, "", 0},          {"1,3-5,7", 10, "1,3-5,7", 5}, {"1,2", 10, "1,2", 2},   {"1,2,3", 10, "1-3", 3},
      {"3-9", 5, "3,4", 2},    {"1,x,4", 10, "1,4", 2},       {"7,1", 10, "1,7", 2},   {"0-2,3", 10, "0-3", 4},
      {"5", 5, "", 0},
  };
  for (const auto& c : cases) {
    auto indexes = Indexes::parse(c.text, c.completions);
    EXPECT_EQ(indexes.text(), c.want) << c.text;
    EXPECT_EQ(indexes.count(), c.count) << c.text;
  }
  auto some = Indexes::parse("1,3-5,7", 10);
  some.add(2);
  EXPECT_EQ(some.text(), "1-5,7");
  some.add(6);
  EXPECT_EQ(some.text(), "1-7");
  EXPECT_TRUE(some.has(1) && some.has(7) && !some.has(0) && !some.has(8));
  EXPECT_EQ(some.first_missing(3, 10), (std::vector<int>{0, 8, 9}));
  EXPECT_EQ(some.first_missing(1, 10), (std::vector<int>{0}));
  EXPECT_EQ(some.count_common(Indexes::parse("0-1,5-9", 10)), 4);
}

ObjectRef job_of(std::string_view spec, std::string_view status = "{}") {
  return make("batch/v1", "Job", concat("{'metadata':{'name':'j','namespace':'n','uid':'j'},'spec':{'backoffLimit':6,'parallelism':2,", spec,
                                        "},'status':", status, "}"));
}
ObjectRef pod_with(std::string_view name, std::string_view phase, std::string_view more = {}, std::string_view metadata = {}) {
  return make("v1", "Pod", concat("{'metadata':{'name':'", name, "','namespace':'n','uid':'", name,
                                  "','creationTimestamp':'2026-01-01T00:00:00Z','finalizers':['batch.kubernetes.io/job-tracking']", metadata,
                                  "},'status':{'phase':'", phase, "'", more, "}}"));
}
ObjectRef failed_pod(std::string_view name, int code, std::string_view ended = "2026-01-01T00:00:00Z", std::string_view metadata = {}) {
  return pod_with(name, "Failed", concat(",'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':", code, ",'finishedAt':'", ended, "'}}}]"),
                  metadata);
}

TEST(Job, FailurePolicy) {
  constexpr std::string_view kRules =
      "'podFailurePolicy':{'rules':[{'action':'FailJob','onExitCodes':{'containerName':'c','operator':'In','values':[42]}},"
      "{'action':'FailIndex','onExitCodes':{'operator':'In','values':[7]}},"
      "{'action':'Count','onExitCodes':{'operator':'In','values':[8]}},"
      "{'action':'Ignore','onPodConditions':[{'type':'DisruptionTarget','status':'True'}]},"
      "{'action':'Ignore','onExitCodes':{'operator':'NotIn','values':[1]}}]}";
  const struct {
    ObjectRef pod;
    bool counts, fails_index;
    std::string_view message;
  } cases[] = {
      {failed_pod("p", 42), true, false, "Container c for pod n/p failed with exit code 42 matching FailJob rule at index 0"},
      {failed_pod("p", 7), true, true, ""},
      {failed_pod("p", 8), true, false, ""},
      {failed_pod("p", 1), true, false, ""},
      {failed_pod("p", 9), false, false, ""},
      {pod_with("p", "Failed", ",'conditions':[{'type':'DisruptionTarget','status':'True'}]"), false, false, ""},
      {pod_with("p", "Failed"), true, false, ""},
  };
  auto job = job_of(kRules);
  for (const auto& c : cases) {
    auto verdict = judge_failure(job->as<Job>(), pod_of(*c.pod));
    EXPECT_EQ(verdict.counts, c.counts);
    EXPECT_EQ(verdict.fails_index, c.fails_index);
    EXPECT_EQ(verdict.job_message, c.message);
  }
}

TEST(Job, SuccessPolicy) {
  const struct {
    std::string_view rules, succeeded, want;
  } cases[] = {
      {"[{'succeededCount':2}]", "1", ""},
      {"[{'succeededCount':2}]", "1,4", "Matched rules at index 0"},
      {"[{'succeededIndexes':'0'}]", "1,4", ""},
      {"[{'succeededIndexes':'0'},{'succeededIndexes':'1-4','succeededCount':2}]", "1,4", "Matched rules at index 1"},
      {"[{'succeededIndexes':'1,2'}]", "0-2", "Matched rules at index 0"},
  };
  for (const auto& c : cases) {
    auto job = job_of(concat("'completions':5,'successPolicy':{'rules':", c.rules, "}"));
    EXPECT_EQ(met_success_rule(job->as<Job>(), Indexes::parse(c.succeeded, 5)), c.want) << c.rules;
  }
}

TEST(Job, Backoff) {
  auto early = failed_pod("a", 1, "2026-01-01T00:00:10Z"), late = failed_pod("b", 1, "2026-01-01T00:00:20Z");
  auto good = pod_with("c", "Succeeded", ",'containerStatuses':[{'name':'c','state':{'terminated':{'exitCode':0,'finishedAt':'2026-01-01T00:00:15Z'}}}]");
  int64_t start = 1'767'225'600;
  EXPECT_EQ(next_backoff({1, 5}, {}, {early, late}).failures, 3);
  EXPECT_EQ(next_backoff({1, 5}, {}, {early, late}).last_failure, start + 20);
  EXPECT_EQ(next_backoff({4, 5}, {good}, {early, late}).failures, 1);
  EXPECT_EQ(next_backoff({4, 5}, {good}, {}).failures, 0);
  EXPECT_EQ(next_backoff({4, 5}, {}, {}).failures, 4);
  EXPECT_EQ(backoff_left_us({0, 0}, 100'000'000), 0);
  EXPECT_EQ(backoff_left_us({1, 100}, 104'000'000), 6'000'000);
  EXPECT_EQ(backoff_left_us({3, 100}, 104'000'000), 36'000'000);
  EXPECT_EQ(backoff_left_us({30, 100}, 100'000'000), 600'000'000);
  EXPECT_EQ(backoff_left_us({1, 100}, 200'000'000), 0);
}

constexpr int64_t kNow = 1'767'225'700'000'000;

TEST(Job, PlansPods) {
  auto indexed = [](std::string_view index) { return concat(",'annotations':{'batch.kubernetes.io/job-completion-index':'", index, "'}"); };
  const struct {
    std::string_view name;
    ObjectRef job;
    Objects pods;
    int32_t create;
    std::vector<std::string_view> remove;
    std::vector<int> indexes;
  } cases[] = {
      {"from nothing", job_of("'completions':5"), {}, 2, {}, {}},
      {"no more than are missing", job_of("'completions':5", "{'succeeded':4}"), {}, 1, {}, {}},
      {"one success ends a work queue", job_of("'completionMode':'NonIndexed'", "{'succeeded':1}"), {pod_with("a", "Running")}, 0, {}, {}},
      {"too many", job_of("'completions':5"), {pod_with("a", "Running"), pod_with("b", "Pending"), pod_with("c", "Running")}, 0, {"b"}, {}},
      {"suspended", job_of("'completions':5,'suspend':true"), {pod_with("a", "Running")}, 0, {"a"}, {}},
      {"indexes", job_of("'completions':5,'completionMode':'Indexed'", "{'completedIndexes':'0'}"), {pod_with("a", "Running", "", indexed("1"))}, 1, {}, {2}},
      {"an index twice", job_of("'completions':5,'completionMode':'Indexed'"),
       {pod_with("a", "Running", "", indexed("1")), pod_with("b", "Pending", "", indexed("1"))}, 0, {"b"}, {}},
      {"waits for those that go", job_of("'completions':5,'podReplacementPolicy':'Failed'"),
       {pod_with("a", "Running", "", ",'deletionTimestamp':'2026-01-01T00:00:00Z'")}, 1, {}, {}},
  };
  for (const auto& c : cases) {
    auto plan = plan_job_pods(look_at_job(c.job, c.pods, {}, kNow), kNow);
    EXPECT_EQ(plan.create, c.create) << c.name;
    std::vector<std::string_view> removed;
    for (const auto& pod : plan.remove) removed.push_back(pod_of(*pod).metadata().name());
    EXPECT_EQ(removed, c.remove) << c.name;
    EXPECT_EQ(plan.indexes, c.indexes) << c.name;
  }
}

TEST(Job, Ends) {
  const struct {
    ObjectRef job;
    Objects pods;
    std::string_view type, reason;
  } cases[] = {
      {job_of("'completions':5"), {failed_pod("a", 1)}, "", ""},
      {job_of("'completions':5", "{'failed':6}"), {failed_pod("a", 1)}, "FailureTarget", "BackoffLimitExceeded"},
      {job_of("'completions':5,'activeDeadlineSeconds':10", "{'startTime':'2026-01-01T00:00:00Z'}"), {}, "FailureTarget", "DeadlineExceeded"},
      {job_of("'completions':5,'activeDeadlineSeconds':1000", "{'startTime':'2026-01-01T00:00:00Z'}"), {}, "", ""},
      {job_of("'completions':5,'activeDeadlineSeconds':9223372036854775807", "{'startTime':'2026-01-01T00:00:00Z'}"), {}, "", ""},
      {job_of("'podFailurePolicy':{'rules':[{'action':'FailJob','onExitCodes':{'operator':'In','values':[3]}}]}"), {failed_pod("a", 3)},
       "FailureTarget", "PodFailurePolicy"},
      {job_of("'template':{'spec':{'restartPolicy':'OnFailure'}}"),
       {pod_with("a", "Running", ",'containerStatuses':[{'name':'c','restartCount':6}]")}, "FailureTarget", "BackoffLimitExceeded"},
      {job_of("'completions':5", "{'conditions':[{'type':'FailureTarget','status':'True','reason':'R'}]}"), {}, "Failed", "R"},
      {job_of("'completions':2,'completionMode':'Indexed','backoffLimitPerIndex':0"),
       {failed_pod("a", 1, "2026-01-01T00:00:00Z", ",'annotations':{'batch.kubernetes.io/job-completion-index':'0'}"),
        failed_pod("b", 1, "2026-01-01T00:00:00Z", ",'annotations':{'batch.kubernetes.io/job-completion-index':'1'}")},
       "FailureTarget", "FailedIndexes"},
      {job_of("'completions':5,'completionMode':'Indexed','backoffLimitPerIndex':0,'maxFailedIndexes':0"),
       {failed_pod("a", 1, "2026-01-01T00:00:00Z", ",'annotations':{'batch.kubernetes.io/job-completion-index':'0'}")}, "FailureTarget",
       "MaxFailedIndexesExceeded"},
  };
  for (const auto& c : cases) {
    auto picture = look_at_job(c.job, c.pods, {}, kNow);
    EXPECT_EQ(picture.end ? picture.end->type : "", c.type) << c.reason;
    EXPECT_EQ(picture.end ? picture.end->reason : "", c.reason);
  }
}

class Work : public Scenario {
 public:
  Work(uint64_t seed, std::string_view spec, std::string_view command, std::string_view restart = "Never") : Scenario(seed, {"job-controller"}) {
    world.apply(concat("{apiVersion: batch/v1, kind: Job, metadata: {name: work}, spec: {", spec, ", template: {spec: {restartPolicy: ", restart,
                       ", containers: [{name: c, image: i, command: ", command, "}]}}}}"));
  }
  std::string end(std::string_view type) { return condition("batch", "jobs", "work", type); }
  int64_t of_status(std::string_view field) { return status("batch", "jobs", "work", field); }
  std::string_view indexes() { return (*get("batch", "jobs", "work"))["status"]["completedIndexes"].as_string(); }
  // Whatever happens to writes and watches, each pod counts once.
  void expect_counted_once() {
    auto job = get("batch", "jobs", "work")->as<Job>();
    EXPECT_EQ(job.status().uncounted_terminated_pods().succeeded().size() + job.status().uncounted_terminated_pods().failed().size(), 0u);
    for (const auto& pod : pods()) EXPECT_FALSE(has_tracking_finalizer(pod_of(*pod)));
  }
};

TEST(JobScenario, Completes) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    bool indexed = seed % 2;
    Work work(seed, concat("completions: 5, parallelism: 2, completionMode: ", indexed ? "Indexed" : "NonIndexed"), "[exit, '0']");
    ASSERT_TRUE(work.until([&] { return work.end("Complete") == "True CompletionsReached"; }));
    EXPECT_EQ(work.end("SuccessCriteriaMet"), "True CompletionsReached");
    EXPECT_EQ(work.of_status("succeeded"), 5);
    EXPECT_EQ(work.of_status("failed"), 0);
    if (indexed) {
      EXPECT_EQ(work.indexes(), "0-4");
    }
    work.expect_counted_once();
    EXPECT_TRUE(work.until([&] { return work.has_event("Completed", "Job completed"); }));
  }
}

TEST(JobScenario, FailsAtItsLimit) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Work work(seed, "backoffLimit: 2", "[exit, '3']");
    ASSERT_TRUE(work.until([&] { return work.end("Failed") == "True BackoffLimitExceeded"; }));
    EXPECT_EQ(work.end("FailureTarget"), "True BackoffLimitExceeded");
    EXPECT_GE(work.of_status("failed"), 3);
    EXPECT_EQ(work.of_status("active"), 0);
    work.expect_counted_once();
    // The second waits ten seconds after the first, the third twenty.
    if (seed == 1) {
      EXPECT_GE(work.world.time().monotonic_us(), 30'000'000);
    }
    EXPECT_TRUE(work.until([&] { return work.has_event("BackoffLimitExceeded", "Job has reached the specified backoff limit"); }));
  }
}

TEST(JobScenario, FailsByIndex) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Work work(seed, "completions: 3, parallelism: 3, completionMode: Indexed, backoffLimitPerIndex: 1", "[exit, '3']");
    ASSERT_TRUE(work.until([&] { return work.end("Failed") == "True FailedIndexes"; }));
    EXPECT_EQ((*work.get("batch", "jobs", "work"))["status"]["failedIndexes"].as_string(), "0-2");
    work.expect_counted_once();
  }
}

TEST(JobScenario, SuspendDeadlineAndDeletion) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Work work(seed, "parallelism: 2, activeDeadlineSeconds: 100", "[sleep, '1000']");
    ASSERT_TRUE(work.until([&] { return work.of_status("ready") == 2; }));
    work.merge("batch", "jobs", "work", "{'spec':{'suspend':true}}");
    ASSERT_TRUE(work.until([&] { return work.end("Suspended") == "True JobSuspended" && work.pods().empty() && work.of_status("active") == 0; }));
    work.merge("batch", "jobs", "work", "{'spec':{'suspend':false}}");
    ASSERT_TRUE(work.until([&] { return work.end("Suspended") == "False JobResumed" && work.of_status("ready") == 2; }));
    ASSERT_TRUE(work.until([&] { return work.end("Failed") == "True DeadlineExceeded" && work.pods().empty(); }));
    EXPECT_EQ(work.of_status("failed"), 2);
    work.expect_counted_once();
  }
}

TEST(JobScenario, PodsOfAJobThatIsGoneAreFreed) {
  for (uint64_t seed : simulate::seeds()) {
    SCOPED_TRACE(seed);
    Work work(seed, "parallelism: 2", "[sleep, '1000']");
    ASSERT_TRUE(work.until([&] { return work.of_status("ready") == 2; }));
    ASSERT_TRUE(work.world.api().remove(testing::builtin("batch", "jobs"), "default", "work", {.propagation = "Background"}).has_value());
    ASSERT_TRUE(work.until([&] {
      auto pods = work.pods();
      return std::none_of(pods.begin(), pods.end(), [](const ObjectRef& pod) { return has_tracking_finalizer(pod_of(*pod)); });
    }));
  }
}

}  // namespace
}  // namespace sampan::controllers
