#include "registry/batch/job_spec.h"

#include "base/text.h"
#include "schema/json.h"

namespace sampan::registry {

namespace {

constexpr int64_t kParallelismMax = 100'000, kFailedIndexesMax = 100'000;
constexpr int64_t kManyCompletions = 100'000;  // beyond, fewer pods may run and fail at a time
constexpr int64_t kParallelismMaxOfMany = 10'000, kFailedIndexesMaxOfMany = 10'000;
constexpr int64_t kManagedByMax = 63;
constexpr std::string_view kOfMany = " when completions are above 100000 and used with backoff limit per index";

void validate_indexed(const At& spec) {
  At completions = spec["completions"], parallelism = spec["parallelism"], failed = spec["maxFailedIndexes"];
  if (!completions.present()) completions.required("when completion mode is Indexed");
  if (parallelism.number() > kParallelismMax)
    parallelism.invalid(concat("must be less than or equal to ", kParallelismMax, " when completion mode is Indexed"));
  if (completions.present() && failed.present() && failed.number() > completions.number())
    failed.invalid("must be less than or equal to completions");
  if (failed.number() > kFailedIndexesMax) failed.invalid(concat("must be less than or equal to ", kFailedIndexesMax));
  if (completions.number() <= kManyCompletions || !spec["backoffLimitPerIndex"].present()) return;
  if (!failed.present()) failed.required(concat("must be specified when completions is above ", kManyCompletions));
  if (parallelism.number() > kParallelismMaxOfMany)
    parallelism.invalid(concat("must be less than or equal to ", kParallelismMaxOfMany, kOfMany));
  if (failed.number() > kFailedIndexesMaxOfMany) failed.invalid(concat("must be less than or equal to ", kFailedIndexesMaxOfMany, kOfMany));
}

void validate_completion_mode(const At& spec) {
  At mode = spec["completionMode"];
  if (mode.present()) mode.one_of({"NonIndexed", "Indexed"});
  if (mode.text() == "Indexed") validate_indexed(spec);
  if (mode.present() && mode.text() != "NonIndexed") return;
  for (auto field : {"backoffLimitPerIndex", "maxFailedIndexes"})
    if (spec[field].present()) spec[field].invalid("requires indexed completion mode");
}

void validate_restart_policy(const At& spec) {
  At pod_template = spec["template"], pod_spec = pod_template["spec"], policy = pod_spec["restartPolicy"];
  auto text = policy.text();
  if (text == "Always" || text.empty())
    policy.required("valid values: \"OnFailure\", \"Never\"");
  else if (!policy.one_of({"OnFailure", "Never"}))
    return;
  else if (spec["podFailurePolicy"].present() && text != "Never")
    policy.invalid("only \"Never\" is supported when podFailurePolicy is specified");
}

// ---- updates ----

void require_pointer_unchanged(const At& spec, const AnyView& old_spec, std::string_view field) {
  AnyView now = spec[field].value();
  if (now.equals(old_spec[field])) return;
  bool is_struct = now.present() && now.kind() == schema::Kind::Struct;
  spec[field].invalid(is_struct ? Shown::internal(now) : Shown(now), "field is immutable");
}

void validate_completions_update(const At& spec, const AnyView& old_spec) {
  if (!is_indexed(spec.value())) return require_pointer_unchanged(spec, old_spec, "completions");
  At completions = spec["completions"];
  if (!completions.present() || completions.value().equals(old_spec["completions"])) return;
  if (completions.number() != spec["parallelism"].number())
    completions.invalid("can only be modified in tandem with spec.parallelism");
}

void take(Value to, Value from, std::string_view name) {
  if (Value value = from[name]; !value.is_missing())
    to.set(name, value);
  else
    to.remove(name);
}

void take_node_affinity(Value to, Value from) {
  Value now = from["affinity"], before = to["affinity"];
  if (now.is_object()) {
    take(to.ensure_object("affinity"), now, "nodeAffinity");
  } else if (before.is_object()) {
    before.remove("nodeAffinity");
    if (before.empty()) to.remove("affinity");
  }
}

void take_resources(Value to, Value from) {
  for (auto list : {"containers", "initContainers"}) {
    Value now = from[list], before = to[list];
    if (now.size() != before.size()) continue;
    for (uint32_t i = 0; i < now.size(); i++)
      if (now.at(i)["name"].as_string() == before.at(i)["name"].as_string()) take(before.at(i), now.at(i), "resources");
  }
}

// Of a job that is suspended: where its pods may go and what they may use can still be changed, nothing else.
void validate_suspended_template(const At& pod_template, const AnyView& old_template) {
  At now = pod_template["spec"];
  AnyView before = old_template["spec"];
  if (!now.present() || !before.present()) return require_unchanged(now.errors(), now.path(), now.value(), before);
  Arena arena;
  Value wanted = schema::thaw(now.value(), arena), allowed = schema::thaw(before, arena);
  take_node_affinity(allowed, wanted);
  for (auto field : {"nodeSelector", "tolerations", "schedulingGates"}) take(allowed, wanted, field);
  take_resources(allowed, wanted);
  if (!says_the_same(allowed, now.value(), now.value().type())) now.invalid(now.internal(), "field is immutable");
}

}  // namespace

void validate_job_spec_base(const At& spec, const PodSpecOptions& options) {
  require_not_negative(spec, {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
                              "backoffLimitPerIndex", "maxFailedIndexes"});
  if (spec["maxFailedIndexes"].present() && !spec["backoffLimitPerIndex"].present())
    spec["backoffLimitPerIndex"].required("when maxFailedIndexes is specified");
  if (At managed_by = spec["managedBy"]; managed_by.present()) {
    require_domain_prefixed_path(spec.errors(), managed_by.path(), managed_by.text());
    if (managed_by.text().size() > kManagedByMax) managed_by.too_long(kManagedByMax);
  }
  validate_completion_mode(spec);
  validate_failure_policy(spec);
  validate_success_policy(spec);
  At pod_template = spec["template"];
  validate_pod_template(pod_template.value(), pod_template.path(), spec.errors(), options);
  validate_restart_policy(spec);
}

void validate_job_spec_update(const At& spec, const AnyView& old_spec, bool may_change_template) {
  validate_completions_update(spec, old_spec);
  require_pointer_unchanged(spec, old_spec, "selector");
  At pod_template = spec["template"];
  AnyView old_template = old_spec["template"];
  if (may_change_template)
    validate_suspended_template(pod_template, old_template);
  else if (!pod_template.value().equals(old_template))
    pod_template.invalid(pod_template.internal(), "field is immutable");
  for (auto field : {"completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"})
    require_pointer_unchanged(spec, old_spec, field);
}

void warn_of_job_spec(const At& spec, const AnyView& old_spec, Warnings& out) {
  if (is_indexed(spec.value()) && spec["completions"].number() > kManyCompletions && spec["parallelism"].number() > kParallelismMaxOfMany)
    out.push_back(concat(spec.path().text(),
                         ": In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes "
                         "might not be able to track completedIndexes when a big number of indexes fail"));
  At pod_template = spec["template"];
  pod_template_warnings(pod_template.value(), pod_template.path(), old_spec["template"], out);
}

}  // namespace sampan::registry
