// The bookkeeping of writes that are no apply. See apply.h.
#include "schema/apply/managed.h"
#include "schema/apply/typed.h"

namespace sampan::schema {

namespace {

// [] or [{}]: the client wants them gone.
bool asks_for_reset(Value entries) {
  if (!entries.is_list()) return false;
  if (entries.empty()) return true;
  if (entries.size() != 1) return false;
  for (const Member& member : entries.at(0).members())
    if (!member.value.is_missing() && !(member.value.is_string() && member.value.as_string().empty())) return false;
  return true;
}

bool same_but_for(const AnyView& a, const AnyView& b, std::string_view but) {
  std::span<const Field> fields = a.type().fields;
  for (unsigned i = 0; i < fields.size(); i++)
    if (fields[i].name != but && !a.field(i).equals(b.field(i))) return false;
  return true;
}

}  // namespace

void strip_managed_fields(Value object) {
  object["metadata"].remove("managedFields");
}

Result<void> update_managed_fields(Value after, const Object* before, const Type& type, const FieldManager& manager) {
  if (!after.is_object() || !type.find("metadata")) return {};
  Arena& arena = after.arena();
  Value live = before ? thaw(*before, arena) : Value::object(arena, 0);
  Value sent = after["metadata"]["managedFields"], stored = live["metadata"]["managedFields"];
  strip_managed_fields(after);
  strip_managed_fields(live);

  const bool main = manager.subresource.empty();  // a subresource cannot set managedFields
  const bool resets = main && asks_for_reset(sent);
  if (before && !resets && stored.empty() && (!main || sent.empty())) return {};
  if (before) {  // known by the resource, not by the buffer
    for (std::string_view name : {"apiVersion", "kind"})
      if (Value value = after[name]; !value.is_absent()) live.set(name, value);
  }
  auto compared = compare_trees(live, after, type, Reading::AsObject, arena);
  if (!compared) return {};  // as upstream: no ownership rather than a wrong one
  const FieldSet* changes = without_reset_fields(*compared, manager, arena);
  constexpr uint8_t kAny = FieldNode::Added | FieldNode::Modified | FieldNode::Removed;
  bool as_stored = !resets && !stored.empty() && (!main || sent.is_missing() || sent.equals(stored));
  if (as_stored && !has_marks(changes, kAny)) {  // the common case costs no look into the sets
    after["metadata"].set("managedFields", stored);
    return {};
  }

  Managed managed;
  if (!resets) {
    // What the client sent counts if it is valid and says anything.
    if (main && !as_stored) read_managed(sent, arena, managed);
    if (managed.empty()) {
      read_managed(stored, arena, managed);
      for (size_t i = 0; i < managed.size() && managed.size() == stored.size(); i++)
        managed[i].fields = stored.at(static_cast<uint32_t>(i))["fieldsV1"];
    }
  }
  // Objects that nobody's ownership is known of stay so until somebody applies.
  if (before && managed.empty()) return {};
  drop_unknown_versions(managed, type, manager.api_version);
  record_update(managed, changes, manager, arena);
  write_managed(after, managed, arena);
  return {};
}

bool only_times_differ(const Object& after, const Object& before) {
  AnyView entries = after["metadata"]["managedFields"], stored = before["metadata"]["managedFields"];
  if (entries.size() != stored.size() || entries.size() == 0 || entries.equals(stored)) return false;
  if (!same_but_for(after.view(), before.view(), "metadata") ||
      !same_but_for(after["metadata"], before["metadata"], "managedFields"))
    return false;
  // Times are part of the order, so an entry may stand elsewhere.
  for (uint32_t i = 0; i < entries.size(); i++) {
    bool found = false;
    for (uint32_t j = 0; j < stored.size() && !found; j++) found = same_but_for(entries.item(i), stored.item(j), "time");
    if (!found) return false;
  }
  return true;
}

}  // namespace sampan::schema
