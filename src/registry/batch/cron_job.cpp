// CronJob: a job at every time of a schedule.
#include "base/cron.h"
#include "base/text.h"
#include "registry/batch/job_spec.h"
#include "registry/batch/time_zones.h"
#include "registry/columns.h"

namespace sampan::registry {

namespace {

constexpr size_t kNameMax = 63 - 11;  // a job's name is this and the minute it was due at

AnyView template_of(const Object& object) { return object["spec"]["jobTemplate"]["spec"]["template"]; }
Value template_of(Value object) { return object["spec"]["jobTemplate"]["spec"]["template"]; }

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  default_text(spec, "concurrencyPolicy", "Allow");
  default_value(spec, "suspend", false);
  default_value(spec, "successfulJobsHistoryLimit", 3);
  default_value(spec, "failedJobsHistoryLimit", 1);
  Value job_spec = spec.ensure_object("jobTemplate").ensure_object("spec");
  default_failure_policy(job_spec);
  default_pod_template(job_spec.ensure_object("template"));
}

void prepare_create(Value object, const CreateContext&) { drop_disabled_template_fields(template_of(object), {}); }
void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (subresource != "status") drop_disabled_template_fields(template_of(object), template_of(old));
}

void validate_schedule(const At& schedule, bool has_zone, bool zone_tolerated) {
  auto text = schedule.text();
  if (text.empty()) return schedule.required();
  CronSchedule parsed;
  std::string complaint;
  if (!CronSchedule::parse(text, is_time_zone, parsed, complaint)) schedule.invalid(complaint);
  if (text.find("TZ") == std::string_view::npos) return;
  if (!zone_tolerated)
    schedule.invalid("cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (has_zone)
    schedule.invalid("cannot use both timeZone field and TZ or CRON_TZ in schedule");
}

void validate_job_template(const At& job_template, const PodSpecOptions& options) {
  At spec = job_template["spec"], selector = spec["selector"], manual = spec["manualSelector"];
  validate_job_spec_base(spec, options);
  if (selector.present()) selector.invalid("`selector` will be auto-generated");
  if (!manual.truth()) return;
  constexpr std::string_view kSupported[] = {"nil", "false"};
  manual.errors().not_supported(manual.path(), Shown(true), kSupported);
}

void validate_spec(const Object& object, const Object* old, FieldErrors& errors) {
  Path path("spec");
  At spec(object["spec"], path, errors);
  At zone = spec["timeZone"], policy = spec["concurrencyPolicy"];
  AnyView before = old ? (*old)["spec"] : AnyView();
  bool zone_tolerated = before["schedule"].as_string().find("TZ") != std::string_view::npos;
  validate_schedule(spec["schedule"], zone.present(), zone_tolerated);
  if (!old || !zone.value().equals(before["timeZone"])) validate_time_zone(zone);
  if (policy.empty())
    policy.required();
  else
    policy.one_of({"Allow", "Forbid", "Replace"});
  validate_job_template(spec["jobTemplate"], old ? pod_template_options(template_of(*old)) : PodSpecOptions{});
  require_not_negative(spec, {"startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"});
}

void validate(const Object& object, FieldErrors& errors) {
  validate_spec(object, nullptr, errors);
  if (name_of(object).size() > kNameMax)
    errors.invalid(Path("metadata").child("name"), Shown(name_of(object)), concat("must be no more than ", kNameMax, " characters"));
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) { validate_spec(object, &old, errors); }

void validate_subresource(std::string_view, const Object&, const Object&, FieldErrors&) {}  // any status will do

void warn(const Object& object, const Object* old, Warnings& out) {
  if (!old) warn_of_pod_host_name(object, out);
  if (!old || object["metadata"]["generation"].as_int() != (*old)["metadata"]["generation"].as_int()) {
    Path spec_path("spec");
    FieldErrors none;
    At spec(object["spec"], spec_path, none);
    At job_template = spec["jobTemplate"];
    warn_of_job_spec(job_template["spec"], old ? (*old)["spec"]["jobTemplate"]["spec"] : AnyView(), out);
  }
  if (old && object["spec"]["schedule"].as_string().find("TZ") != std::string_view::npos)
    out.push_back("cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see "
                  "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details");
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Schedule", "string", "", "The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron."},
    {"Timezone", "string", "",
     "The time zone name for the given schedule, see https://en.wikipedia.org/wiki/List_of_tz_database_time_zones. If not specified, this "
     "will default to the time zone of the kube-controller-manager process. The set of valid time zone names and the time zone offset is "
     "loaded from the system-wide time zone database by the API server during CronJob validation and the controller manager during "
     "execution. If no system-wide time zone database can be found a bundled version of the database is used instead. If the time zone name "
     "becomes invalid during the lifetime of a CronJob or due to a change in host configuration, the controller will stop creating new new "
     "Jobs and will create a system event with the reason UnknownTimeZone. More information can be found in "
     "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#time-zones"},
    {"Suspend", "boolean", "",
     "This flag tells the controller to suspend subsequent executions, it does not apply to already started executions.  Defaults to false."},
    {"Active", "integer", "", "A list of pointers to currently running jobs."},
    {"Last Schedule", "string", "", "Information when was the last time the job was successfully scheduled."},
    kAgeColumn,
    kContainersColumn,
    kImagesColumn,
    {"Selector", "string", "",
     "A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: "
     "https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
     1},
};

void row(const Object& object, Row& row) {
  AnyView spec = object["spec"], status = object["status"];
  AnyView zone = spec["timeZone"], suspend = spec["suspend"], last = status["lastScheduleTime"];
  name_cell(object, row);
  row.text(spec["schedule"].as_string());
  row.text(zone.present() ? zone.as_string() : "<none>");
  row.text(!suspend.present() ? "<unset>" : suspend.as_bool() ? "True" : "False");
  row.number(status["active"].size());
  if (last.present())
    row.age(last.as_int());
  else
    row.text("<none>");
  age_cell(object, row);
  container_cells(template_of(object), row);
  row.text(format_label_selector(spec["jobTemplate"]["spec"]["selector"]));
}

}  // namespace

extern const Rules kCronJobRules{
    .group = "batch",
    .kind = "CronJob",
    .defaults = defaults,
    .prepare_create = prepare_create,
    .prepare_update = prepare_update,
    .validate = validate,
    .validate_update = validate_update,
    .validate_subresource = validate_subresource,
    .warnings = warn,
    .columns = kColumns,
    .row = row,
};

}  // namespace sampan::registry
