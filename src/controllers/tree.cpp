#include "controllers/tree.h"

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::controllers {

using schema::Member;
using schema::Object;
using schema::Value;

bool contains(const AnyView& list, std::string_view text) {
  for (AnyView item : each(list))
    if (item.as_string() == text) return true;
  return false;
}

bool has_finalizer(const Object& object, std::string_view finalizer) { return contains(object["metadata"]["finalizers"], finalizer); }

AnyView condition_of(const AnyView& conditions, std::string_view type) {
  for (AnyView condition : each(conditions))
    if (condition["type"].as_string() == type) return condition;
  return {};
}

bool is_true(const AnyView& conditions, std::string_view type) { return condition_of(conditions, type)["status"].as_string() == "True"; }

AnyView controlling_owner(const Object& object) {
  for (AnyView owner : each(object["metadata"]["ownerReferences"]))
    if (truth(owner["controller"])) return owner;
  return {};
}

Value tree_of(Arena& arena, std::initializer_list<Member> members) {
  return Value::object_of(arena, std::span<const Member>(members.begin(), members.size()));
}

Value list_of(Arena& arena, std::initializer_list<Value> items) {
  return Value::list_of(arena, std::span<const Value>(items.begin(), items.size()));
}

Value text_in(Arena& arena, std::string_view text) { return arena.copy(text); }

Value time_in(Arena& arena, int64_t seconds) {
  std::string text;
  append_time(text, seconds);
  return arena.copy(text);
}

Value owner_reference(Arena& arena, const client::Resource& resource, const Object& owner, bool blocks) {
  std::string version = resource.group.empty() ? std::string(resource.version) : concat(resource.group, "/", resource.version);
  Value reference = tree_of(arena, {{"apiVersion", text_in(arena, version)},
                                    {"kind", resource.kind},
                                    {"name", text_in(arena, name_of(owner))},
                                    {"uid", text_in(arena, uid_of(owner))},
                                    {"controller", true}});
  if (blocks) reference.set("blockOwnerDeletion", true);
  return reference;
}

bool add_finalizer(Value tree, std::string_view finalizer) {
  Value list = tree.ensure_object("metadata").ensure_list("finalizers");
  for (Value item : list.items())
    if (item.as_string() == finalizer) return false;
  list.push(text_in(tree.arena(), finalizer));
  return true;
}

bool remove_finalizer(Value tree, std::string_view finalizer) {
  Value list = tree["metadata"]["finalizers"];
  for (uint32_t i = 0; i < list.size(); i++) {
    if (list.at(i).as_string() != finalizer) continue;
    list.erase(i);
    return true;
  }
  return false;
}

bool set_condition(Value conditions, const NewCondition& wanted, int64_t now_seconds) {
  Arena& arena = conditions.arena();
  Value found;
  for (Value condition : conditions.items())
    if (condition["type"].as_string() == wanted.type) found = condition;
  if (found.is_absent()) {
    found = tree_of(arena, {{"type", text_in(arena, wanted.type)}});
    conditions.push(found);
  } else if (found["status"].as_string() == wanted.status && found["reason"].as_string() == wanted.reason &&
             found["message"].as_string() == wanted.message) {
    return false;
  }
  if (found["status"].as_string() != wanted.status) found.set("lastTransitionTime", time_in(arena, now_seconds));
  found.set("status", text_in(arena, wanted.status));
  found.set("reason", text_in(arena, wanted.reason));
  found.set("message", text_in(arena, wanted.message));
  return true;
}

bool is_of_ending_namespace(const Error& error) {
  for (const Cause& cause : error.data().causes)
    if (cause.reason == "NamespaceTerminating") return true;
  return false;
}

Result<void> ignore(Result<void> result, Reason reason) {
  if (!result && result.error().is(reason)) return {};
  return result;
}

}  // namespace sampan::controllers
