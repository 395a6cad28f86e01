#include "registry/core/pod_conditions.h"

#include <string>

#include "base/encoding.h"

namespace sampan::registry {

using schema::Value;

void set_pod_condition(Value status, std::string_view type, std::string_view reason, std::string_view message, int64_t now_seconds) {
  Arena& arena = status.arena();
  Value conditions = status.ensure_list("conditions"), found;
  for (Value condition : conditions.items())
    if (condition["type"].as_string() == type) found = condition;
  bool same = found["status"].as_string() == "True";
  Value since = found["lastTransitionTime"];
  if (found.is_absent()) {
    found = Value::object(arena);
    conditions.push(found);
  } else {
    found.clear();
  }
  std::string now;
  append_time(now, now_seconds);
  found.set("type", type);
  found.set("status", "True");
  found.set("lastProbeTime", Value::null());
  found.set("lastTransitionTime", same && since.is_string() ? since : Value(arena.copy(now)));
  if (!reason.empty()) found.set("reason", reason);
  if (!message.empty()) found.set("message", message);
}

}  // namespace sampan::registry
