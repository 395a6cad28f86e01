// KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1): what an administrator may say of the scheduler.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/status.h"
#include "schema/value.h"

namespace sampan::scheduler {

struct PluginSetting {
  std::string name;
  int32_t weight = 0;  // 0: the default's, or 1
};

// Of one extension point, or of all ("multiPoint").
struct PluginSet {
  std::vector<PluginSetting> enabled;
  std::vector<std::string> disabled;  // "*": all
  bool is_disabled(std::string_view name) const;
};

struct ProfileConfig {
  std::string scheduler_name = "default-scheduler";
  int percentage_of_nodes_to_score = -1;  // -1: not said
  std::map<std::string, PluginSet, std::less<>> points;  // by the name in the file: "multiPoint", "filter" ...
  std::map<std::string, schema::Value, std::less<>> args;  // by plug-in
};

struct Config {
  std::vector<ProfileConfig> profiles{ProfileConfig()};
  int percentage_of_nodes_to_score = 0;  // 0: by the size of the cluster
  int64_t pod_initial_backoff_seconds = 1, pod_max_backoff_seconds = 10;
  std::shared_ptr<Arena> arena;  // of the plug-ins' arguments
};

// YAML or JSON. What this scheduler has no use for (client connection, leader election, debugging) is read over; extenders are refused.
Result<Config> parse_config(std::string_view text);

}  // namespace sampan::scheduler
