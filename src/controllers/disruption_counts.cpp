#include "controllers/disruption_counts.h"

#include "base/held.h"
#include "base/text.h"
#include "controllers/tree.h"

namespace sampan::controllers {

using schema::Object;
using schema::Value;

Result<int64_t> scaled_value(const schema::IntOrString& value, int64_t total) {
  if (!value.is_string) return value.number;
  auto invalid = [&](std::string_view why) { return fail(internal_error(concat("invalid value for IntOrString: ", why))); };
  if (!value.text.ends_with('%')) return invalid("invalid type: string is not a percentage");
  int64_t percent = 0;
  auto digits = value.text.substr(0, value.text.size() - 1);
  if (!parse_int(digits, percent)) return invalid(concat("invalid value ", quoted(value.text), ": strconv.Atoi: parsing ", quoted(digits), ": invalid syntax"));
  int64_t hundredths = multiply_held(percent, total);
  return hundredths / 100 + (hundredths % 100 > 0);
}

bool is_up_to_date(const Object& budget, const BudgetCounts& counts) {
  AnyView status = budget["status"], disrupted = status["disruptedPods"];
  int64_t generation = budget["metadata"]["generation"].as_int();
  if (status["currentHealthy"].as_int() != counts.healthy || status["desiredHealthy"].as_int() != counts.desired ||
      status["expectedPods"].as_int() != counts.expected || status["disruptionsAllowed"].as_int() != counts.allowed() ||
      status["observedGeneration"].as_int() != generation || disrupted.size() != counts.disrupted.size())
    return false;
  for (const auto& [pod, time] : counts.disrupted)
    if (disrupted[pod].as_int() != time) return false;
  AnyView condition = condition_of(status["conditions"], "DisruptionAllowed");
  return condition["observedGeneration"].as_int() == generation &&
         condition["status"].as_string() == (counts.allowed() > 0 ? "True" : "False") &&
         condition["reason"].as_string() == (counts.allowed() > 0 ? "SufficientPods" : "InsufficientPods");
}

void write_counts(Value budget, const BudgetCounts& counts, int64_t now_seconds) {
  Arena& arena = budget.arena();
  int64_t generation = budget["metadata"]["generation"].as_int();
  Value status = budget.ensure_object("status");
  status.set("currentHealthy", counts.healthy);
  status.set("desiredHealthy", counts.desired);
  status.set("expectedPods", counts.expected);
  status.set("disruptionsAllowed", counts.allowed());
  status.set("observedGeneration", generation);
  Value disrupted = Value::object(arena);
  for (const auto& [pod, time] : counts.disrupted) disrupted.set_copy(pod, time_in(arena, time));
  status.set("disruptedPods", disrupted);
  Value conditions = status.ensure_list("conditions");
  bool allowed = counts.allowed() > 0;
  set_condition(conditions, {"DisruptionAllowed", allowed ? "True" : "False", allowed ? "SufficientPods" : "InsufficientPods", ""}, now_seconds);
  for (Value condition : conditions.items())
    if (condition["type"].as_string() == "DisruptionAllowed") condition.set("observedGeneration", generation);
}

}  // namespace sampan::controllers
