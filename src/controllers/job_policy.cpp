// What a job's policies say of its pods, and how long it waits after failures.
#include <algorithm>

#include "base/text.h"
#include "controllers/job.h"

namespace sampan::controllers {

namespace {

using Rule = api::batch_v1::PodFailurePolicyRule;
using Statuses = schema::ListView<api::core_v1::ContainerStatus>;

// The first container that ended with a code (other than 0) that the rule is about; absent if there is none.
api::core_v1::ContainerStatus match_exit_code(Statuses statuses, Rule rule) {
  auto codes = rule.on_exit_codes();
  for (auto status : statuses) {
    auto terminated = status.state().terminated();
    if (!terminated.present() || terminated.exit_code() == 0) continue;
    if (codes.container_name() && *codes.container_name() != status.name()) continue;
    bool listed = false;
    for (int32_t code : codes.values()) listed |= code == terminated.exit_code();
    if ((codes.operator_() == "In" && listed) || (codes.operator_() == "NotIn" && !listed)) return status;
  }
  return {};
}

api::core_v1::PodCondition match_condition(Pod pod, Rule rule) {
  for (auto condition : pod.status().conditions())
    for (auto pattern : rule.on_pod_conditions())
      if (condition.type() == pattern.type() && condition.status() == pattern.status()) return condition;
  return {};
}

// What matched, as the message of a failed job says it; "" if nothing did.
std::string match_rule(Pod pod, Rule rule) {
  std::string name = concat(pod.metadata().namespace_(), "/", pod.metadata().name());
  if (rule.has_on_exit_codes()) {
    auto status = match_exit_code(pod.status().container_statuses(), rule);
    if (!status.present()) status = match_exit_code(pod.status().init_container_statuses(), rule);
    if (!status.present()) return {};
    return concat("Container ", status.name(), " for pod ", name, " failed with exit code ", status.state().terminated().exit_code());
  }
  auto condition = match_condition(pod, rule);
  if (!condition.present()) return {};
  return concat("Pod ", name, " has condition ", condition.type());
}

}  // namespace

FailureVerdict judge_failure(Job job, Pod pod) {
  FailureVerdict verdict;
  auto rules = job.spec().pod_failure_policy().rules();
  for (uint32_t i = 0; i < rules.size(); i++) {
    std::string what = match_rule(pod, rules[i]);
    if (what.empty()) continue;
    auto action = rules[i].action();
    if (action == "Ignore") verdict.counts = false;
    else if (action == "FailIndex") verdict.fails_index = true;
    else if (action == "FailJob") verdict.job_message = concat(what, " matching ", action, " rule at index ", i);
    else if (action != "Count") continue;
    return verdict;
  }
  return verdict;
}

std::string met_success_rule(Job job, const Indexes& succeeded) {
  if (succeeded.empty()) return {};
  auto rules = job.spec().success_policy().rules();
  for (uint32_t i = 0; i < rules.size(); i++) {
    auto count = rules[i].succeeded_count();
    bool met = count && succeeded.count() >= *count;
    if (auto text = rules[i].succeeded_indexes()) {
      Indexes required = Indexes::parse(*text, job.spec().completions().value_or(0));
      int have = required.count_common(succeeded);
      met = !required.empty() && (have == required.count() || (count && have >= *count));
    }
    if (met) return concat("Matched rules at index ", i);
  }
  return {};
}

namespace {

// The last of the containers' ends; 0 unless all have ended.
int64_t end_of_containers(Pod pod) {
  int64_t latest = 0;
  auto add = [&](api::core_v1::ContainerStatus status) {
    int64_t at = status.state().terminated().finished_at();
    latest = std::max(latest, at);
    return at != 0;
  };
  for (auto status : pod.status().container_statuses())
    if (!add(status)) return 0;
  for (auto container : pod.spec().init_containers()) {
    if (container.restart_policy() != "Always") continue;
    for (auto status : pod.status().init_container_statuses())
      if (status.name() == container.name() && !add(status)) return 0;
  }
  return latest;
}

int32_t count_annotation(Pod pod, std::string_view name) {
  auto text = pod.metadata().annotations().get(name);
  int32_t count = 0;
  return text && parse_int(*text, count) && count > 0 ? count : 0;
}

}  // namespace

int64_t finished_at(Pod pod) {
  if (int64_t at = end_of_containers(pod)) return at;
  auto ready = find_condition(pod.status().conditions(), "Ready");
  if (ready.status() == "False" && ready.last_transition_time() != 0) return ready.last_transition_time();
  auto metadata = pod.metadata();
  if (metadata.deletion_timestamp()) return *metadata.deletion_timestamp() - metadata.deletion_grace_period_seconds().value_or(0);
  return metadata.creation_timestamp();
}

Backoff next_backoff(Backoff before, const Objects& succeeded, const Objects& failed) {
  int64_t last_success = 0, last_failure = 0;
  for (const auto& pod : succeeded) last_success = std::max(last_success, finished_at(pod_of(*pod)));
  Backoff after = succeeded.empty() ? before : Backoff{};
  for (const auto& pod : failed) {
    int64_t at = finished_at(pod_of(*pod));
    if (!succeeded.empty() && at <= last_success) continue;
    after.failures++;
    last_failure = std::max(last_failure, at);
  }
  if (last_failure != 0) after.last_failure = last_failure;
  return after;
}

int64_t backoff_left_us(const Backoff& backoff, int64_t now_us) {
  constexpr int64_t kFirst = 10'000'000, kMax = 600'000'000;
  if (backoff.failures == 0) return 0;
  int64_t wait = kFirst;
  for (int32_t i = 1; i < backoff.failures && wait < kMax; i++) wait = std::min(2 * wait, kMax);
  return std::max<int64_t>(0, wait - (now_us - backoff.last_failure * 1'000'000));
}

int32_t index_failures(Pod pod) { return count_annotation(pod, kIndexFailureCount); }
int32_t index_failures_ignored(Pod pod) { return count_annotation(pod, kIndexIgnoredFailureCount); }

}  // namespace sampan::controllers
