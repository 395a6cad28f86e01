#include "controllers/taints.h"

#include <algorithm>

#include "controllers/tree.h"

namespace sampan::controllers {

using schema::Object;
using schema::Value;

std::vector<Taint> taints_of(const Object& node, std::string_view effect) {
  std::vector<Taint> taints;
  for (AnyView taint : each(node["spec"]["taints"]))
    if (effect.empty() || taint["effect"].as_string() == effect)
      taints.push_back({std::string(taint["key"].as_string()), std::string(taint["value"].as_string()), std::string(taint["effect"].as_string())});
  return taints;
}

bool has_taint(const Object& node, std::string_view key, std::string_view effect) {
  for (AnyView taint : each(node["spec"]["taints"]))
    if (taint["key"].as_string() == key && (effect.empty() || taint["effect"].as_string() == effect)) return true;
  return false;
}

bool tolerates(const AnyView& toleration, const Taint& taint) {
  auto effect = toleration["effect"].as_string(), key = toleration["key"].as_string(), verb = toleration["operator"].as_string();
  if (!effect.empty() && effect != taint.effect) return false;
  if (!key.empty() && key != taint.key) return false;
  if (verb == "Exists") return true;
  return (verb.empty() || verb == "Equal") && toleration["value"].as_string() == taint.value;
}

std::optional<int64_t> seconds_tolerated(const Object& pod, const std::vector<Taint>& taints) {
  std::optional<int64_t> least;
  AnyView tolerations = pod["spec"]["tolerations"];
  for (const Taint& taint : taints) {
    bool tolerated = false;
    for (AnyView toleration : each(tolerations)) {
      if (!tolerates(toleration, taint)) continue;
      tolerated = true;
      if (AnyView seconds = toleration["tolerationSeconds"]; seconds.present())
        least = std::min(least.value_or(INT64_MAX), std::max<int64_t>(seconds.as_int(), 0));
      break;
    }
    if (!tolerated) return 0;
  }
  return least;
}

Result<void> swap_taints(client::Api& api, const client::Resource& nodes, std::string_view node, const std::vector<Taint>& add,
                         const std::vector<Taint>& remove, int64_t now_seconds) {
  auto is = [](Value taint, const Taint& wanted) {
    return taint["key"].as_string() == wanted.key && taint["effect"].as_string() == wanted.effect;
  };
  auto done = client::update_latest(api, nodes, {}, node, {}, [&](const Object&, Value tree) -> Result<bool> {
    Value taints = tree.ensure_object("spec").ensure_list("taints");
    Arena& arena = tree.arena();
    bool changed = false;
    for (uint32_t i = taints.size(); i-- > 0;) {
      if (std::none_of(remove.begin(), remove.end(), [&](const Taint& taint) { return is(taints.at(i), taint); })) continue;
      taints.erase(i);
      changed = true;
    }
    for (const Taint& taint : add) {
      auto items = taints.items();
      if (std::any_of(items.begin(), items.end(), [&](Value item) { return is(item, taint); })) continue;
      Value added = tree_of(arena, {{"key", text_in(arena, taint.key)},
                                    {"effect", text_in(arena, taint.effect)},
                                    {"timeAdded", time_in(arena, now_seconds)}});
      if (!taint.value.empty()) added.set("value", text_in(arena, taint.value));
      taints.push(added);
      changed = true;
    }
    return changed;
  });
  if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
  return {};
}

}  // namespace sampan::controllers
