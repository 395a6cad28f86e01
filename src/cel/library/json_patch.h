// What MutatingAdmissionPolicies have more: JSONPatch{op: "add", path: ..., value: ...} and jsonpatch.escapeKey().
#pragma once
#include "cel/environment.h"

namespace sampan::cel {

void add_json_patch(Environment& environment);

}  // namespace sampan::cel
