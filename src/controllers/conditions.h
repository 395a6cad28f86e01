// Conditions in the tree of a status.
#pragma once
#include <string>
#include <string_view>

#include "schema/value.h"

namespace sampan::controllers {

struct Condition {
  std::string_view type, status, reason;
  std::string message;
};

// What the kind's conditions have besides.
struct ConditionForm {
  bool update_time = false;      // lastUpdateTime
  bool keep_transition = false;  // lastTransitionTime stays while the status is the same
  bool probe_time = false;       // lastProbeTime
};

schema::Value condition_in(schema::Value status, std::string_view type);  // absent if there is none
// Puts it at the end in place of the one of its type, unless that has the same status and reason already: then false.
bool set_condition(schema::Value status, const Condition& condition, int64_t now_seconds, ConditionForm form = {});
void remove_condition(schema::Value status, std::string_view type);

}  // namespace sampan::controllers
