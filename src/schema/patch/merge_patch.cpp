// JSON merge patch (RFC 7386), with the corners as kube-apiserver has them.
#include "base/text.h"
#include "schema/patch/go_print.h"
#include "schema/patch/patch.h"
#include "schema/patch/tree.h"

namespace sampan::schema {

namespace {

// Members that are null say "remove" and do not survive where there is nothing to remove. Null items of lists are data.
Value without_nulls(Value value, Arena& arena) {
  if (value.is_list()) {
    Value copy = Value::list(arena, value.size());
    for (Value item : value.items()) copy.push(without_nulls(item, arena));
    return copy;
  }
  if (!value.is_object()) return value;
  Value copy = Value::object(arena, value.size());
  for (const Member& member : value.members())
    if (!member.value.is_null()) copy.set(member.name, without_nulls(member.value, arena));
  sort_members(copy);
  return copy;
}

Value merge_objects(Value document, Value patch, Arena& arena) {
  Value result = copy_shallow(document, arena, patch.size());
  for (const Member& member : patch.members()) {
    Value* current = result.find(member.name);
    if (member.value.is_null())
      result.remove(member.name);
    else if (!current || !current->is_object())
      result.set(member.name, without_nulls(member.value, arena));
    else if (!member.value.is_object())
      *current = member.value;  // as it is: upstream keeps the nulls inside a list that replaces an object
    else
      *current = merge_objects(*current, member.value, arena);
  }
  sort_members(result);
  return result;
}

}  // namespace

Result<Value> merge_patch(Value document, Value patch, Arena& arena) {
  if (patch.is_missing()) return fail(bad_request("Invalid JSON Patch"));
  if (!patch.is_object())
    return fail(bad_request(concat("error decoding patch: json: cannot unmarshal ", json_kind_name(patch),
                                   " into Go value of type map[string]interface {}")));
  return merge_objects(document, patch, arena);
}

}  // namespace sampan::schema
