#include "controllers/pod_ends.h"

#include "controllers/tree.h"

namespace sampan::controllers {

using schema::Object;
using schema::Value;

Result<void> end_pod(client::Api& api, const Object& pod, const PodEnd& end, int64_t now_seconds) {
  const auto& pods = client::builtin("", "pods");
  auto told = client::update_latest(
      api, pods, namespace_of(pod), name_of(pod), {.subresource = "status"}, [&](const Object& latest, Value tree) -> Result<bool> {
        if (uid_of(latest) != uid_of(pod)) return fail(not_found("", "pods", name_of(pod)));
        Value status = tree.ensure_object("status");
        int64_t generation = latest["metadata"]["generation"].as_int();
        auto phase = latest["status"]["phase"].as_string();
        bool changed = false, ended = phase == "Succeeded" || phase == "Failed";
        if (end.by_force && ended) return false;
        if (end.by_force) {
          status.set("phase", "Failed");
          status.set("observedGeneration", generation);
          changed = true;
        }
        if (end.reason.empty()) return changed;
        changed |= set_condition(status.ensure_list("conditions"), {"DisruptionTarget", "True", end.reason, std::string(end.message)}, now_seconds);
        for (Value condition : status["conditions"].items())
          if (changed && condition["type"].as_string() == "DisruptionTarget") condition.set("observedGeneration", generation);
        return changed;
      });
  if (!told && told.error().is(Reason::NotFound)) return {};
  if (!told) return fail(std::move(told).error());
  client::DeleteOptions options{.uid = uid_of(pod)};
  if (end.by_force) options.grace_seconds = 0;
  return ignore_not_found(api.remove(pods, namespace_of(pod), name_of(pod), options));
}

}  // namespace sampan::controllers
