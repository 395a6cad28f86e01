// The list of all plug-ins (plugins.cpp).
#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "scheduler/plugin.h"
#include "schema/value.h"

namespace sampan::scheduler {

struct PluginEntry {
  std::string_view name;
  int32_t weight;  // of its score, in the default profile
  // `args` is the object of the profile's pluginConfig, or absent.
  Result<std::unique_ptr<Plugin>> (*make)(Environment& environment, schema::Value args);
};

// In the order of the default profile.
std::span<const PluginEntry> all_plugins();
const PluginEntry* find_plugin(std::string_view name);

}  // namespace sampan::scheduler
