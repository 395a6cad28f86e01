// What MutatingAdmissionPolicies have more: JSONPatch{op: "add", path: ..., value: ...} and jsonpatch.escapeKey().
#include "cel/library/json_patch.h"

#include "cel/library/support.h"

namespace sampan::cel {

namespace {

using namespace library;

Maybe<Value> escape_key(Arguments arguments) {
  std::string out;
  for (char c : arguments[0].as_text()) {
    if (c == '/') out += "~1";
    else if (c == '~') out += "~0";
    else out += c;
  }
  return Value::string(std::move(out));
}

}  // namespace

void add_json_patch(Environment& environment) {
  const Type text = Type::Kind::String;
  environment.declare_struct("JSONPatch", {{"op", text}, {"from", text}, {"path", text}, {"value", Type()}});
  environment.declare({"jsonpatch.escapeKey", {function("string_jsonpatch_escapeKey_string", {text}, text, escape_key, cost_of_text)}});
}

}  // namespace sampan::cel
