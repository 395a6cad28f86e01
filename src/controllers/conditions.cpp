#include "controllers/conditions.h"

#include "base/time_text.h"

namespace sampan::controllers {

using schema::Value;

Value condition_in(Value status, std::string_view type) {
  for (Value condition : status["conditions"].items())
    if (condition["type"].as_string() == type) return condition;
  return {};
}

void remove_condition(Value status, std::string_view type) {
  Value conditions = status["conditions"];
  for (uint32_t i = conditions.size(); i-- > 0;)
    if (conditions.at(i)["type"].as_string() == type) conditions.erase(i);
  if (conditions.is_list() && conditions.empty()) status.remove("conditions");
}

bool set_condition(Value status, const Condition& condition, int64_t now_seconds, ConditionForm form) {
  Arena& arena = status.arena();
  Value before = condition_in(status, condition.type);
  bool same_status = before["status"].as_string() == condition.status;
  if (before.is_object() && same_status && before["reason"].as_string() == condition.reason) return false;
  Value now = arena.copy(rfc3339(now_seconds));
  Value after = Value::object(arena, 7);
  after.set("type", arena.copy(condition.type));
  after.set("status", arena.copy(condition.status));
  if (form.update_time) after.set("lastUpdateTime", now);
  if (form.probe_time) after.set("lastProbeTime", now);
  Value transition = before["lastTransitionTime"];
  after.set("lastTransitionTime", form.keep_transition && same_status && transition.is_string() ? transition : now);
  if (!condition.reason.empty()) after.set("reason", arena.copy(condition.reason));
  if (!condition.message.empty()) after.set("message", arena.copy(condition.message));
  remove_condition(status, condition.type);
  status.ensure_list("conditions").push(after);
  return true;
}

}  // namespace sampan::controllers
