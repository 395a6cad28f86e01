#include "scheduler/config.h"

#include <set>

#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::scheduler {

namespace {

using schema::Value;

constexpr std::string_view kGroup = "kubescheduler.config.k8s.io/v1";

Result<int64_t> number(Value value, std::string_view field, int64_t low, int64_t high, int64_t otherwise) {
  if (value.is_missing()) return otherwise;
  if (!value.is_int() || value.as_int() < low || value.as_int() > high)
    return fail(bad_request(concat(field, ": must be a number from ", low, " to ", high)));
  return value.as_int();
}

Result<PluginSet> read_set(Value value, std::string_view path) {
  PluginSet set;
  for (auto plugin : value["enabled"].items()) {
    PluginSetting setting{std::string(plugin["name"].as_string()), 0};
    setting.weight = static_cast<int32_t>(TRY(number(plugin["weight"], concat(path, ".enabled.weight"), 0, INT32_MAX / 100, 0)));
    if (setting.name.empty()) return fail(bad_request(concat(path, ".enabled: a plug-in without a name")));
    set.enabled.push_back(std::move(setting));
  }
  for (auto plugin : value["disabled"].items()) set.disabled.emplace_back(plugin["name"].as_string());
  return set;
}

Result<ProfileConfig> read_profile(Value value, bool only) {
  static constexpr std::string_view kPoints[] = {"multiPoint", "preEnqueue", "queueSort", "preFilter", "filter", "postFilter", "preScore",
                                                 "score", "reserve", "permit", "preBind", "bind", "postBind"};
  ProfileConfig profile;
  if (auto name = value["schedulerName"]; name.is_string())
    profile.scheduler_name = name.as_string();
  else if (!only)
    return fail(bad_request("profiles.schedulerName: Required value"));
  profile.percentage_of_nodes_to_score =
      static_cast<int>(TRY(number(value["percentageOfNodesToScore"], "profiles.percentageOfNodesToScore", 0, 100, -1)));
  for (auto& [name, set] : value["plugins"].members()) {
    if (std::find(std::begin(kPoints), std::end(kPoints), name) == std::end(kPoints))
      return fail(bad_request(concat("profiles.plugins.", name, ": no such extension point")));
    profile.points[std::string(name)] = TRY(read_set(set, concat("profiles.plugins.", name)));
  }
  for (auto entry : value["pluginConfig"].items()) {
    std::string name(entry["name"].as_string());
    if (!profile.args.emplace(name, entry["args"]).second)
      return fail(bad_request(concat("profiles.pluginConfig: repeated config for plugin ", name)));
  }
  return profile;
}

}  // namespace

bool PluginSet::is_disabled(std::string_view name) const {
  return std::any_of(disabled.begin(), disabled.end(), [&](auto& one) { return one == "*" || one == name; });
}

Result<Config> parse_config(std::string_view text) {
  Config config;
  config.arena = std::make_shared<Arena>();
  auto documents = TRY(schema::parse_yaml(config.arena->copy(text), *config.arena));
  if (documents.size() != 1 || !documents[0].is_object()) return fail(bad_request("expected one KubeSchedulerConfiguration"));
  Value root = documents[0];
  if (root["apiVersion"].as_string() != kGroup || root["kind"].as_string() != "KubeSchedulerConfiguration")
    return fail(bad_request(concat("no kind \"", root["kind"].as_string(), "\" is registered for version \"", root["apiVersion"].as_string(),
                                   "\"; expected KubeSchedulerConfiguration of ", kGroup)));
  if (!root["extenders"].empty()) return fail(bad_request("extenders: not supported"));
  config.percentage_of_nodes_to_score =
      static_cast<int>(TRY(number(root["percentageOfNodesToScore"], "percentageOfNodesToScore", 0, 100, 0)));
  TRY(number(root["parallelism"], "parallelism", 1, 1024, 16));  // of upstream's filters; here one thread decides
  config.pod_initial_backoff_seconds = TRY(number(root["podInitialBackoffSeconds"], "podInitialBackoffSeconds", 1, 86'400, 1));
  config.pod_max_backoff_seconds =
      TRY(number(root["podMaxBackoffSeconds"], "podMaxBackoffSeconds", config.pod_initial_backoff_seconds, 86'400,
                 std::max<int64_t>(10, config.pod_initial_backoff_seconds)));
  auto profiles = root["profiles"];
  if (profiles.empty()) return config;
  config.profiles.clear();
  std::set<std::string> names;
  for (auto value : profiles.items()) {
    config.profiles.push_back(TRY(read_profile(value, profiles.size() == 1)));
    if (!names.insert(config.profiles.back().scheduler_name).second)
      return fail(bad_request(concat("profiles.schedulerName: Duplicate value: ", quoted(config.profiles.back().scheduler_name))));
  }
  return config;
}

}  // namespace sampan::scheduler
