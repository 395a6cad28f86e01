// Jobs and cron jobs.
#include "registry/batch/job_spec.h"
#include "registry/batch/time_zones.h"
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kCronJobRules;
extern const Rules kJobRules;

using namespace testing;

namespace {

constexpr std::string_view kTemplate = "'template':{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'x'}]}}";

// A job as it is after a create.
ObjectRef job(std::string_view spec, std::string_view rest = {}, std::string_view name = "j") {
  Arena arena;
  Value object = tree(arena, concat("{'metadata':{'name':'", name, "','uid':'u-1','generation':1},'spec':{", spec, "}", rest, "}"));
  kJobRules.defaults(object, "v1");
  kJobRules.prepare_create(object, {});
  kJobRules.canonicalize(object);
  return frozen(object, type_of("batch/v1", "Job"));
}
std::string with_template(std::string_view spec) { return spec.empty() ? std::string(kTemplate) : concat(kTemplate, ",", spec); }
Errors job_errors(std::string_view spec) { return errors_of(kJobRules, *job(with_template(spec))); }

ObjectRef cron_job(std::string_view spec, std::string_view name = "x") {
  return make_defaulted(kCronJobRules, "batch/v1",
                        concat("{'metadata':{'name':'", name, "'},'spec':{'jobTemplate':{'spec':{", kTemplate, "}},", spec, "}}"));
}

struct Case {
  std::string_view spec;
  Errors want;
};

TEST(Job, Defaults) {
  auto object = job(kTemplate);
  auto spec = object->view()["spec"];
  EXPECT_EQ(spec["completions"].as_int(), 1);
  EXPECT_EQ(spec["parallelism"].as_int(), 1);
  EXPECT_EQ(spec["backoffLimit"].as_int(), 6);
  EXPECT_EQ(spec["completionMode"].as_string(), "NonIndexed");
  EXPECT_EQ(spec["podReplacementPolicy"].as_string(), "TerminatingOrFailed");
  EXPECT_TRUE(spec["suspend"].present());
  EXPECT_EQ(spec["selector"]["matchLabels"]["batch.kubernetes.io/controller-uid"].as_string(), "u-1");
  for (auto labels : {spec["template"]["metadata"]["labels"], object->view()["metadata"]["labels"]}) {
    EXPECT_EQ(labels["batch.kubernetes.io/job-name"].as_string(), "j");
    EXPECT_EQ(labels["job-name"].as_string(), "j");
    EXPECT_EQ(labels["controller-uid"].as_string(), "u-1");
  }
  // Labels of the pods become the job's, with those that the server adds; its own labels stay apart.
  constexpr std::string_view kLabelled =
      "'template':{'metadata':{'labels':{'a':'b'}},'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'x'}]}}";
  EXPECT_EQ(job(kLabelled)->view()["metadata"]["labels"].size(), 5u);
  Arena arena;
  Value own = tree(arena, concat("{'metadata':{'name':'j','uid':'u','labels':{'x':'y'}},'spec':{", kLabelled, "}}"));
  kJobRules.defaults(own, "v1");
  kJobRules.prepare_create(own, {});
  EXPECT_EQ(own["metadata"]["labels"].size(), 1u);
  EXPECT_FALSE(job(with_template("'parallelism':3"))->view()["spec"]["completions"].present());
  EXPECT_EQ(job(with_template("'backoffLimitPerIndex':3"))->view()["spec"]["backoffLimit"].as_int(), INT32_MAX);
}

TEST(Job, Spec) {
  const Case cases[] = {
      {"", {}},
      {"'completionMode':'Indexed'", {}},
      {"'managedBy':'example.com/ctl'", {}},
      {"'parallelism':-1", {"spec.parallelism: Invalid value: -1: must be greater than or equal to 0"}},
      {"'completionMode':'Bad'", {"spec.completionMode: Unsupported value: \"Bad\": supported values: \"NonIndexed\", \"Indexed\""}},
      {"'completionMode':'Indexed','completions':100001,'parallelism':100001",
       {"spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed"}},
      {"'backoffLimitPerIndex':1", {"spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"}},
      {"'podReplacementPolicy':'Bad'",
       {"spec.podReplacementPolicy: Unsupported value: \"Bad\": supported values: \"Failed\", \"TerminatingOrFailed\""}},
      {"'managedBy':'bad'", {"spec.managedBy: Invalid value: \"bad\": must be a domain-prefixed path (such as \"acme.io/foo\")"}},
      {"'successPolicy':{'rules':[{}]}",
       {"spec.successPolicy: Invalid value: {\"Rules\":[{\"SucceededIndexes\":null,\"SucceededCount\":null}]}: requires indexed completion mode"}},
      {"'podFailurePolicy':{'rules':[{'action':'Bad'}]}",
       {"spec.podFailurePolicy.rules[0].action: Unsupported value: \"Bad\": supported values: \"Count\", \"FailIndex\", \"FailJob\", \"Ignore\"",
        "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"}},
      {"'podFailurePolicy':{'rules':[{'action':'FailIndex','onExitCodes':{'operator':'In','values':[0,2,2]}}]}",
       {"spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set",
        "spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator",
        "spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 2"}},
      {"'completionMode':'Indexed','completions':5,'successPolicy':{'rules':[{'succeededIndexes':'1,3-9'},{'succeededIndexes':'0-1',"
       "'succeededCount':3}]}",
       {"spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"1,3-9\": error parsing succeededIndexes: too large index: \"9\"",
        "spec.successPolicy.rules[1].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified "
        "succeededIndexes field)"}},
  };
  for (const auto& c : cases) EXPECT_EQ(job_errors(c.spec), c.want) << c.spec;
  EXPECT_EQ(errors_of(kJobRules, *job("'template':{'spec':{'containers':[{'name':'c','image':'x'}]}}")),
            Errors{"spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\""});
}

TEST(Job, Selector) {
  EXPECT_EQ(job_errors("'selector':{'matchLabels':{'a':'b'}}"),
            (Errors{"spec.selector: Invalid value: {\"matchLabels\":{\"a\":\"b\",\"batch.kubernetes.io/controller-uid\":\"u-1\"}}: `selector` not "
                    "auto-generated",
                    "spec.template.metadata.labels: Invalid value: {\"batch.kubernetes.io/controller-uid\":\"u-1\",\"batch.kubernetes.io/"
                    "job-name\":\"j\",\"controller-uid\":\"u-1\",\"job-name\":\"j\"}: `selector` does not match template `labels`"}));
  EXPECT_EQ(job_errors("'manualSelector':true"),
            (Errors{"spec.selector: Required value",
                    "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"}));
}

TEST(Job, HostNamesOfIndexes) {
  std::string name(62, 'a');
  EXPECT_EQ(errors_of(kJobRules, *job(with_template("'completionMode':'Indexed','completions':1"), {}, name)),
            Errors{concat("metadata.name: Invalid value: \"", name, "\": will not able to create pod with invalid DNS label: ", name, "-0")});
}

TEST(Job, Update) {
  auto old = job(kTemplate);
  EXPECT_EQ(update_errors_of(kJobRules, *job(with_template("'parallelism':4,'completions':1")), *old), Errors{});
  EXPECT_EQ(update_errors_of(kJobRules, *job(with_template("'completions':9")), *old),
            Errors{"spec.completions: Invalid value: 9: field is immutable"});
  auto indexed = job(with_template("'completionMode':'Indexed','completions':2,'parallelism':2"));
  EXPECT_EQ(update_errors_of(kJobRules, *job(with_template("'completionMode':'Indexed','completions':3,'parallelism':3")), *indexed), Errors{});
  EXPECT_EQ(update_errors_of(kJobRules, *job(with_template("'completionMode':'Indexed','completions':3,'parallelism':2")), *indexed),
            Errors{"spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism"});
}

TEST(Job, SuspendedTemplate) {
  auto old = job(with_template("'suspend':true"));
  auto with_spec = [](std::string_view spec) {
    return job(concat("'suspend':true,'template':{'spec':{'restartPolicy':'Never','containers':[{'name':'c','image':'x'", spec, "}}"));
  };
  EXPECT_EQ(update_errors_of(kJobRules, *with_spec("}],'nodeSelector':{'a':'b'}"), *old), Errors{});
  EXPECT_EQ(update_errors_of(kJobRules, *with_spec(",'resources':{'requests':{'cpu':'1'}}}]"), *old), Errors{});
  EXPECT_EQ(update_errors_of(kJobRules, *with_spec("}],'affinity':{'nodeAffinity':{'requiredDuringSchedulingIgnoredDuringExecution':{"
                                                   "'nodeSelectorTerms':[{'matchExpressions':[{'key':'a','operator':'Exists'}]}]}}}"),
                             *old),
            Errors{});
  auto errors = update_errors_of(kJobRules, *with_spec("}],'hostNetwork':true"), *old);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].starts_with("spec.template.spec: Invalid value: {\"Volumes\":null,")) << errors[0];
  EXPECT_TRUE(errors[0].ends_with("field is immutable")) << errors[0];
  auto running = job(kTemplate);
  errors = update_errors_of(kJobRules, *job("'template':{'spec':{'restartPolicy':'OnFailure','containers':[{'name':'c','image':'x'}]}}"), *running);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_TRUE(errors[0].starts_with("spec.template: Invalid value: {\"labels\":{")) << errors[0];
}

TEST(Job, Status) {
  auto status = [](std::string_view json, std::string_view spec = "") { return job(with_template(spec), concat(",'status':", json)); };
  const struct {
    std::string_view now, before, spec;
    Errors want;
  } cases[] = {
      {"{'active':1,'ready':1,'startTime':'2026-01-01T00:00:00Z'}", "{}", "", {}},
      {"{'ready':1}", "{}", "", {"status.ready: Invalid value: 1: cannot set more ready pods than active"}},
      {"{'conditions':[{'type':'Complete','status':'True'}]}", "{}", "",
       {"status.completionTime: Required value: completionTime is required for Complete jobs",
        "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        "status.startTime: Required value: startTime is required for finished job"}},
      {"{}", "{'conditions':[{'type':'Failed','status':'True'}]}", "",
       {"status.conditions: Invalid value: cannot disable the terminal Failed=True condition"}},
      {"{'failed':1}", "{'failed':2}", "", {"status.failed: Invalid value: 1: cannot decrease the failed counter"}},
      {"{'completedIndexes':'1'}", "{}", "'completions':3",
       {"status.completedIndexes: Invalid value: \"1\": cannot set non-empty completedIndexes when non-indexed completion mode"}},
      {"{'completedIndexes':'0-2','failedIndexes':'2'}", "{}", "'completionMode':'Indexed','completions':5,'backoffLimitPerIndex':1",
       {"status.failedIndexes: Invalid value: \"2\": failedIndexes and completedIndexes overlap at index: 2"}},
      {"{'startTime':'2026-01-01T00:00:01Z'}", "{'startTime':'2026-01-01T00:00:00Z'}", "",
       {"status.startTime: Invalid value: \"2026-01-01T00:00:01Z\": field is immutable for unsuspended job once set"}},
      {"{'uncountedTerminatedPods':{'succeeded':['a',''],'failed':['a']}}", "{}", "",
       {"status.uncountedTerminatedPods.failed[0]: Duplicate value: \"a\"",
        "status.uncountedTerminatedPods.succeeded[1]: Invalid value: \"\": must not be empty"}},
  };
  for (const auto& c : cases)
    EXPECT_EQ(subresource_errors_of(kJobRules, "status", *status(c.now, c.spec), *status(c.before, c.spec)), c.want) << c.now;
}

TEST(Job, Row) {
  auto object = job(with_template("'completions':3"), ",'status':{'succeeded':1,'startTime':'1970-01-01T00:01:00Z'}");
  EXPECT_EQ(cells_of(kJobRules, *object, 90),
            (Cells{"j", "Running", "1/3", "30s", "<unknown>", "c", "x", "batch.kubernetes.io/controller-uid=u-1"}));
  object = job(with_template("'parallelism':2"), ",'status':{'conditions':[{'type':'Suspended','status':'True'}]}");
  auto cells = cells_of(kJobRules, *object);
  EXPECT_EQ(cells[1], "Suspended");
  EXPECT_EQ(cells[2], "0/1 of 2");
  EXPECT_EQ(cells[3], "");
}

TEST(JobIndexes, Count) {
  const struct {
    std::string_view text;
    int64_t want;
    std::string_view complaint;
  } cases[] = {
      {"", 0, ""},
      {"1,3-5", 4, ""},
      {"3,1", 0, "non-increasing order, previous: 3, current: 1"},
      {"5-3", 0, "non-increasing order, previous: 5, current: 3"},
      {"1-2-3", 0, "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'"},
      {"x", 0, "cannot convert string to integer for index: \"x\""},
      {"10", 0, "too large index: \"10\""},
  };
  for (const auto& c : cases) {
    std::string complaint;
    EXPECT_EQ(count_indexes(c.text, 10, complaint), c.want) << c.text;
    EXPECT_EQ(complaint, c.complaint) << c.text;
  }
}

TEST(CronJob, Spec) {
  const Case cases[] = {
      {"'schedule':'*/5 * * * *'", {}},
      {"'schedule':'@hourly','timeZone':'Europe/Berlin'", {}},
      {"'schedule':''", {"spec.schedule: Required value"}},
      {"'schedule':'@nope'", {"spec.schedule: Invalid value: \"@nope\": unrecognized descriptor: @nope"}},
      {"'schedule':'CRON_TZ=UTC * * * * *'",
       {"spec.schedule: Invalid value: \"CRON_TZ=UTC * * * * *\": cannot use TZ or CRON_TZ in schedule, use timeZone field instead"}},
      {"'schedule':'* * * * *','timeZone':''", {"spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string"}},
      {"'schedule':'* * * * *','timeZone':'Nope/Zone'", {"spec.timeZone: Invalid value: \"Nope/Zone\": unknown time zone Nope/Zone"}},
      {"'schedule':'* * * * *','timeZone':'Local'",
       {"spec.timeZone: Invalid value: \"Local\": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"}},
      {"'schedule':'* * * * *','concurrencyPolicy':'X'",
       {"spec.concurrencyPolicy: Unsupported value: \"X\": supported values: \"Allow\", \"Forbid\", \"Replace\""}},
      {"'schedule':'* * * * *','startingDeadlineSeconds':-1",
       {"spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kCronJobRules, *cron_job(c.spec)), c.want) << c.spec;
  std::string name(53, 'a');
  EXPECT_EQ(errors_of(kCronJobRules, *cron_job("'schedule':'* * * * *'", name)),
            Errors{concat("metadata.name: Invalid value: \"", name, "\": must be no more than 52 characters")});
  EXPECT_EQ(update_errors_of(kCronJobRules, *cron_job("'schedule':'TZ=UTC 1 * * * *'"), *cron_job("'schedule':'TZ=UTC 2 * * * *'")), Errors{});
}

TEST(CronJob, Row) {
  EXPECT_EQ(cells_of(kCronJobRules, *cron_job("'schedule':'* * * * *'")),
            (Cells{"x", "* * * * *", "<none>", "False", "0", "<none>", "<unknown>", "c", "x", "<none>"}));
}

TEST(TimeZones, Names) {
  for (auto name : {"UTC", "Europe/Berlin", "Africa/Abidjan", "Zulu", "America/Argentina/Buenos_Aires"}) EXPECT_TRUE(is_time_zone(name)) << name;
  for (auto name : {"Nope", "Berlin", "europe/berlin", "Europe", "UTC GMT"}) EXPECT_FALSE(is_time_zone(name)) << name;
}

}  // namespace
}  // namespace sampan::registry
