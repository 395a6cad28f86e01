// Taints of nodes and what pods tolerate.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/api.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::controllers {

inline constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready", kUnreachable = "node.kubernetes.io/unreachable";

struct Taint {
  std::string key, value, effect;
  auto operator<=>(const Taint&) const = default;
};
std::vector<Taint> taints_of(const schema::Object& node, std::string_view effect = {});
bool has_taint(const schema::Object& node, std::string_view key, std::string_view effect);
bool tolerates(const schema::AnyView& toleration, const Taint& taint);

// How long a pod may stay on a node with these NoExecute taints: nothing for ever, else seconds (0: not at all).
std::optional<int64_t> seconds_tolerated(const schema::Object& pod, const std::vector<Taint>& taints);

// Adds and takes away (by key and effect); new ones get the time at which they were added. Nothing is written if nothing changes.
Result<void> swap_taints(client::Api& api, const client::Resource& nodes, std::string_view node, const std::vector<Taint>& add,
                         const std::vector<Taint>& remove, int64_t now_seconds);

}  // namespace sampan::controllers
