// Strategic merge patch: objects merge by their schema, lists as the schema says (as a set, by a merge key, or
// replaced), and directives in the patch say what a plain merge cannot. What upstream answers with a bare Go error is a
// 500 without a reason here as well.
#include "base/text.h"
#include "schema/patch/go_print.h"
#include "schema/patch/list_order.h"
#include "schema/patch/patch.h"
#include "schema/patch/tree.h"

namespace sampan::schema {

namespace {

constexpr std::string_view kDirective = "$patch";
constexpr std::string_view kRetainKeys = "$retainKeys";
constexpr std::string_view kDeleteFromList = "$deleteFromPrimitiveList";
constexpr std::string_view kElementOrder = "$setElementOrder";

Error bad_format(std::string_view of) {
  return bad_request(concat("invalid patch format of ", of));
}
Error unknown_directive(Value directive, Value map) {
  std::string message = "unknown patch type: ";
  if (directive.is_string())
    append(message, directive.as_string());
  else if (directive.is_missing())
    message += go_type_name(directive);
  else
    append(message, "%!s(", go_type_name(directive), "="), append_go_value(message, directive), append(message, ")");
  append(message, " in map: ");
  append_go_value(message, map);
  return plain(std::move(message));
}

std::string_view go_kind(const Type& type) {
  switch (type.kind) {
    case Kind::String:
    case Kind::Quantity:
      return "string";
    case Kind::Bool:
      return "bool";
    case Kind::Int32:
      return "int32";
    case Kind::Int64:
      return "int64";
    case Kind::Double:
      return "float64";
    case Kind::Bytes:
    case Kind::List:
      return "slice";
    case Kind::Map:
      return "map";
    case Kind::Time:
    case Kind::MicroTime:
    case Kind::Duration:
    case Kind::IntOrString:
    case Kind::Raw:
    case Kind::Struct:
      return "struct";
  }
  return "";
}

// The type of a member, where the patch recurses into it: structs only, as upstream looks it up by Go's struct tags.
Result<const Type*> member_type(const Type& type, std::string_view name) {
  std::string_view kind = go_kind(type);
  if (kind != "struct")
    return fail(plain(concat("merging an object in json but data type is not struct, instead is: ", kind)));
  if (const Field* field = type.find(name)) return field->type;
  for (const Field& field : type.fields)
    if (iequals(field.name, name)) return field.type;
  std::string_view short_name = type.name.substr(type.name.rfind('.') + 1);
  return fail(plain(concat("unable to find api field in struct ", short_name, " for the json field ", quoted(name))));
}

Result<const Type*> list_member_type(const Type& type, std::string_view name) {
  const Type* list = TRY(member_type(type, name));
  if (list->kind != Kind::List) return fail(plain("expected slice or array type, but got: struct"));
  if (list->element->kind == Kind::List) return fail(plain("unexpected slice of slice"));
  return list;
}

// What a patch adds where there was nothing: nulls and members that are directives have no meaning there.
Value clean(Value value, Arena& arena) {
  if (value.is_list()) {
    Value copy = Value::list(arena, value.size());
    for (Value item : value.items())
      if (Value kept = clean(item, arena); !kept.is_absent()) copy.push(kept);
    return copy;
  }
  if (!value.is_object()) return value;
  if (Value directive = value[kDirective]; !directive.is_missing()) return {};
  Value copy = Value::object(arena, value.size());
  for (const Member& member : value.members()) {
    if (member.value.is_null()) continue;
    if (Value kept = clean(member.value, arena); !kept.is_absent()) copy.set(member.name, kept);
  }
  return copy;
}

class Merger {
 public:
  explicit Merger(Arena& arena) : arena_(arena) {}
  Result<Value> merge_object(Value original, Value patch, const Type& type);

 private:
  Result<void> retain_keys(Value result, Value patch);
  Result<void> merge_ordered(Value result, Value patch, const Type& type, std::vector<std::string_view>& done);
  Result<void> merge_member(Value result, const Member& member, const Type& type);
  Result<Value> merge_list(Value original, Value patch, const Type& list, bool deletion, Value* order = nullptr);
  Result<Value> merge_objects_list(Value& original, Value& patch, const Type& list);
  Result<Value> take_special(Value original, Value& patch, const Type& list);

  Arena& arena_;
};

Result<void> Merger::retain_keys(Value result, Value patch) {
  Value* keys = patch.find(kRetainKeys);
  if (!keys) return {};
  if (!keys->is_list()) return fail(bad_format("retainKeys"));
  Value kept = Value::object(arena_, keys->size());
  for (Value key : keys->items())
    if (key.is_string()) kept.set(key.as_string(), true);
  for (const Member& member : patch.members()) {
    if (member.value.is_null() || member.name == kRetainKeys || member.name.starts_with(kDeleteFromList) ||
        member.name.starts_with(kElementOrder))
      continue;
    if (!kept.has(member.name)) return fail(bad_format("retainKeys"));
  }
  std::vector<Member> members(result.members().begin(), result.members().end());
  result.clear();
  for (const Member& member : members)
    if (kept.has(member.name)) result.set(member.name, member.value);
  return {};
}

// "$setElementOrder/x" merges the list x and orders the outcome; `done` gets the names of such lists.
Result<void> Merger::merge_ordered(Value result, Value patch, const Type& type, std::vector<std::string_view>& done) {
  for (const Member& member : patch.members()) {
    if (!member.name.starts_with(kElementOrder)) continue;
    if (!member.value.is_list()) return fail(bad_type("[]interface {}", member.value));
    size_t slash = member.name.find('/');
    if (slash != kElementOrder.size()) return fail(bad_format("setElementOrder list"));
    std::string_view name = member.name.substr(slash + 1);
    Value original = result[name], change = patch[name], order = member.value;
    if (!original.is_absent() && !original.is_list()) return fail(bad_type("[]interface {}", original));
    if (!change.is_absent() && !change.is_list()) return fail(bad_type("[]interface {}", change));
    const Type* list = TRY(list_member_type(type, name));
    std::string_view key = list->merge_key;
    TRY(check_element_order(change, order, key));
    done.push_back(name);
    if (original.is_absent() && change.is_absent()) continue;
    Value merged = original, server_order = original.is_absent() ? Value::list(arena_) : original;
    if (original.is_absent())
      merged = clean(change, arena_);
    else if (!change.is_absent())
      merged =
          TRY(list->patch_merge ? merge_list(original, change, *list, false, &server_order) : Result<Value>(change));
    TRY(element_kind(original, change));
    result.set(name, TRY(order_items(merged, order, server_order, key, arena_)));
  }
  return {};
}

Result<void> Merger::merge_member(Value result, const Member& member, const Type& type) {
  std::string_view name = member.name;
  bool deletion = name.starts_with(kDeleteFromList);
  if (deletion) {
    if (name.find('/') != kDeleteFromList.size()) return fail(bad_format("primitive list"));
    name = name.substr(kDeleteFromList.size() + 1);
  }
  if (member.value.is_null()) {
    result.remove(name);
    return {};
  }
  Value original = result[name];
  if (original.type() != member.value.type() || (!original.is_object() && !original.is_list())) {
    if (deletion) return {};
    result.set(name, clean(member.value, arena_));
    if (result[name].is_absent()) result.remove(name);
    return {};
  }
  if (original.is_object()) {
    const Type* inner = TRY(member_type(type, name));
    result.set(name, TRY(merge_object(original, member.value, *inner)));
    return {};
  }
  const Type* list = TRY(list_member_type(type, name));
  if (list->patch_merge || deletion)
    result.set(name, TRY(merge_list(original, member.value, *list, deletion)));
  else
    result.set(name, member.value);
  return {};
}

Result<Value> Merger::merge_object(Value original, Value patch, const Type& type) {
  if (Value* directive = patch.find(kDirective)) {
    if (directive->as_string() == "delete") return Value::object(arena_);
    if (directive->as_string() != "replace") return fail(unknown_directive(*directive, patch));
    Value replaced = copy_shallow(patch, arena_);
    replaced.remove(kDirective);
    return replaced;
  }
  Value result = copy_shallow(original, arena_, patch.size());
  TRY(retain_keys(result, patch));
  std::vector<std::string_view> done;
  TRY(merge_ordered(result, patch, type, done));
  for (const Member& member : patch.members()) {
    if (member.name == kRetainKeys || member.name.starts_with(kElementOrder)) continue;
    if (std::find(done.begin(), done.end(), member.name) != done.end()) continue;
    TRY(merge_member(result, member, type));
  }
  return result;
}

// Takes the items that are directives out of the patch, and does what they say.
Result<Value> Merger::take_special(Value original, Value& patch, const Type& list) {
  Value plain_items = Value::list(arena_, patch.size());
  bool replace = false;
  for (Value item : patch.items()) {
    Value* directive = item.find(kDirective);
    if (!directive) {
      plain_items.push(item);
      continue;
    }
    if (directive->as_string() == "replace") {
      replace = true;
    } else if (directive->as_string() == "delete") {
      Value* key = item.find(list.merge_key);
      if (!key) return fail(no_merge_key(item, list.merge_key));
      Value kept = Value::list(arena_, original.size());
      for (Value candidate : original.items())
        if (!same_scalar(candidate[list.merge_key], *key)) kept.push(candidate);
      original = kept;
    } else if (directive->as_string() == "merge") {
      return fail(plain("merging lists cannot yet be specified in the patch"));
    } else {
      return fail(unknown_directive(*directive, item));
    }
  }
  patch = replace ? Value::list(arena_) : plain_items;
  return replace ? plain_items : original;
}

// Leaves in both arguments what the directives among the patch's items left of them.
Result<Value> Merger::merge_objects_list(Value& original, Value& patch, const Type& list) {
  if (list.merge_key.empty())
    return fail(plain(concat("cannot merge lists without merge key for ", go_kind(*list.element))));
  original = TRY(take_special(original, patch, list));
  Value merged = copy_shallow(original, arena_, patch.size());
  ItemIndex index(merged, list.merge_key);
  for (Value item : patch.items()) {
    Value* key = item.find(list.merge_key);
    if (!key) return fail(no_merge_key(item, list.merge_key));
    if (int at = index.find(*key); at >= 0) {
      merged.items()[at] = TRY(merge_object(merged.at(at), item, *list.element));
    } else {
      index.add(*key, merged.size());
      merged.push(item);
    }
  }
  return merged;
}

// Go's slices alias: upstream removes items in place and lets new ones take the places that became free, and then
// orders by that. Kept because kubectl's patches show it (an item renamed takes the place of the one that went).
Value reused_places(Value original, Value remaining, Value merged, Arena& arena) {
  Value order = copy_shallow(merged, arena);
  while (order.size() > original.size()) order.erase(order.size() - 1);
  for (uint32_t i = order.size(); i < original.size(); i++) order.push(original.at(i));
  return remaining.size() == original.size() ? original : order;
}

Result<Value> Merger::merge_list(Value original, Value patch, const Type& list, bool deletion, Value* order) {
  if (original.empty() && patch.empty()) return original;
  bool objects = TRY(element_kind(original, patch)) == Value::Type::Object;
  if (objects) {
    Value before = original;
    Value merged = TRY(merge_objects_list(original, patch, list));
    if (order) *order = reused_places(before, original, merged, arena_);
    return order_items(merged, patch, original, list.merge_key, arena_);
  }
  ItemIndex removed(deletion ? patch : Value(), {});
  ItemIndex seen(Value(), {});
  Value merged = Value::list(arena_, original.size() + patch.size());
  for (Value item : original.items()) {
    if (deletion ? removed.find(item) >= 0 : seen.find(item) >= 0) continue;
    seen.add(item, merged.size());
    merged.push(item);
  }
  if (deletion) return merged;
  for (Value item : patch.items()) {
    if (seen.find(item) >= 0) continue;
    seen.add(item, merged.size());
    merged.push(item);
  }
  return order_items(merged, patch, original, {}, arena_);
}

}  // namespace

Result<Value> strategic_merge_patch(Value document, Value patch, const Type& type, Arena& arena) {
  if (patch.is_null()) return document;
  if (!patch.is_object())
    return fail(bad_request(
        concat("json: cannot unmarshal ", json_kind_name(patch), " into Go value of type map[string]interface {}")));
  return Merger(arena).merge_object(document, patch, type);
}

}  // namespace sampan::schema
