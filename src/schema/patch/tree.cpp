// See tree.h.
#include "schema/patch/tree.h"

namespace sampan::schema {

Value copy_shallow(Value value, Arena& arena, uint32_t extra) {
  if (value.is_object()) {
    Value copy = Value::object(arena, value.size() + extra);
    for (const Member& member : value.members()) copy.set(member.name, member.value);
    return copy;
  }
  if (value.is_list()) {
    Value copy = Value::list(arena, value.size() + extra);
    for (Value item : value.items()) copy.push(item);
    return copy;
  }
  return value;
}

Value copy_structure(Value value, Arena& arena) {
  Value copy = copy_shallow(value, arena);
  for (Member& member : copy.members())
    if (member.value.is_object() || member.value.is_list()) member.value = copy_structure(member.value, arena);
  for (Value& item : copy.items())
    if (item.is_object() || item.is_list()) item = copy_structure(item, arena);
  return copy;
}

void sort_members(Value object) {
  auto by_name = [](const Member& a, const Member& b) { return a.name < b.name; };
  std::span<Member> members = object.members();
  if (std::is_sorted(members.begin(), members.end(), by_name)) return;
  std::vector<Member> sorted(members.begin(), members.end());
  std::sort(sorted.begin(), sorted.end(), by_name);
  object.clear();  // not sorted in place: a large object keeps an index of its members
  for (const Member& member : sorted) object.set(member.name, member.value);
}

}  // namespace sampan::schema
