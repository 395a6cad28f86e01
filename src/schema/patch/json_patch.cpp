// JSON patch (RFC 6902), as kube-apiserver has it: negative indices count from the end, "replace" makes what is not
// there, the test of a missing member against null holds. Whatever does not fit the document gets one and the same
// answer.
#include "base/text.h"
#include "schema/json.h"
#include "schema/patch/go_print.h"
#include "schema/patch/patch.h"
#include "schema/patch/tree.h"

namespace sampan::schema {

namespace {

Error does_not_fit() {
  Error error(422, Reason::Invalid, "the server rejected our request due to an error in our request");
  error.edit().has_details = true;
  return error;
}

// A place in the document: a container and what to look for in it.
struct Place {
  Value container;
  std::string_view key;
};

std::string_view unescape(std::string_view token, Arena& arena) {
  if (token.find('~') == token.npos) return token;
  std::string text;
  for (size_t i = 0; i < token.size(); i++) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1'))
      text += token[++i] == '1' ? '/' : '~';
    else
      text += token[i];
  }
  return arena.copy(text);
}

// An index of a list with `size` places; negative ones count from the end.
bool list_index(std::string_view key, uint32_t size, uint32_t& index) {
  if (key.starts_with('+') && !key.starts_with("+-")) key.remove_prefix(1);
  int64_t number;
  if (!parse_int(key, number)) return false;
  if (number < 0) number += size;
  if (number < 0 || number >= size) return false;
  index = static_cast<uint32_t>(number);
  return true;
}

class Patcher {
 public:
  Patcher(Value document, Arena& arena, PatchLimits limits) : document_(document), arena_(arena), limits_(limits) {}
  bool run(Value operation);
  Value finish();

 private:
  bool locate(Value path, Place& place);
  bool get(const Place& place, Value& value) const;
  bool add(const Place& place, Value value);
  bool remove(const Place& place);
  bool replace(Value path, Value value);
  bool test(Value path, Value expected);
  bool move(Value from, Value path);
  bool copy(Value from, Value path);

  Value document_;
  std::vector<Value> touched_;  // objects on the way to a place
  Arena& arena_;
  PatchLimits limits_;
  size_t copied_ = 0;
};

// The text before the first slash is not looked at, as upstream.
bool Patcher::locate(Value path, Place& place) {
  if (!path.is_string()) return false;
  std::string_view text = path.as_string();
  size_t at = text.find('/');
  if (at == text.npos) return false;
  Value container = document_;
  for (;;) {
    size_t next = text.find('/', at + 1);
    std::string_view token = unescape(text.substr(at + 1, next == text.npos ? next : next - at - 1), arena_);
    if (next == text.npos) {
      place = {container, token};
      return true;
    }
    Value inner;
    if (!get({container, token}, inner)) return false;
    if (!inner.is_object() && !inner.is_list()) return false;
    if (inner.is_object()) touched_.push_back(inner);
    container = inner;
    at = next;
  }
}

// A missing member reads as absent and is no failure; a missing item is one.
bool Patcher::get(const Place& place, Value& value) const {
  if (place.container.is_object()) {
    value = place.container[place.key];
    return true;
  }
  uint32_t index;
  if (!list_index(place.key, place.container.size(), index)) return false;
  value = place.container.at(index);
  return true;
}

bool Patcher::add(const Place& place, Value value) {
  if (value.is_absent()) value = Value::null();
  if (place.container.is_object()) {
    place.container.set(place.key, value);
    return true;
  }
  if (place.key == "-") {
    place.container.push(value);
    return true;
  }
  uint32_t index;
  if (!list_index(place.key, place.container.size() + 1, index)) return false;
  place.container.insert(index, value);
  return true;
}

bool Patcher::remove(const Place& place) {
  if (place.container.is_object()) return place.container.remove(place.key);
  uint32_t index;
  if (!list_index(place.key, place.container.size(), index)) return false;
  place.container.erase(index);
  return true;
}

bool Patcher::replace(Value path, Value value) {
  if (path.is_string() && path.as_string().empty()) {
    if (!value.is_object() && !value.is_list()) return false;
    document_ = copy_structure(value, arena_);
    return true;
  }
  Place place;
  if (!locate(path, place)) return false;
  value = copy_structure(value, arena_);
  if (place.container.is_object()) return add(place, value);
  uint32_t index;
  if (!list_index(place.key, place.container.size(), index)) return false;
  place.container.items()[index] = value.is_absent() ? Value::null() : value;
  return true;
}

// Numbers are compared as they are written, so 1 is not 1.0.
bool same(Value a, Value b) {
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_list()) {
    for (uint32_t i = 0; i < a.size(); i++)
      if (!same(a.at(i), b.at(i))) return false;
    return true;
  }
  if (!a.is_object()) return a.equals(b);
  for (const Member& member : a.members()) {
    Value* other = b.find(member.name);
    if (!other || !same(member.value, *other)) return false;
  }
  return true;
}

bool Patcher::test(Value path, Value expected) {
  if (path.is_string() && path.as_string().empty()) return same(document_, expected);
  Place place;
  Value value;
  if (!locate(path, place) || !get(place, value)) return false;
  if (value.is_missing() || expected.is_missing()) return value.is_missing() && expected.is_missing();
  return same(value, expected);
}

bool Patcher::move(Value from, Value path) {
  Place source, target;
  Value value;
  return locate(from, source) && get(source, value) && remove(source) && locate(path, target) && add(target, value);
}

bool Patcher::copy(Value from, Value path) {
  Place source, target;
  Value value;
  if (!locate(from, source) || !get(source, value) || !locate(path, target)) return false;
  if (value.is_missing()) return add(target, Value::null());
  std::string text;
  write_json(text, value);
  copied_ += text.size();
  if (copied_ > limits_.result_bytes_max) return false;
  return add(target, copy_structure(value, arena_));
}

bool Patcher::run(Value operation) {
  std::string_view kind = operation["op"].as_string();
  Value path = operation["path"], from = operation["from"], value = operation["value"];
  if (kind == "replace") return replace(path, value);
  if (kind == "test") return test(path, value);
  if (kind == "move") return move(from, path);
  if (kind == "copy") return copy(from, path);
  Place place;
  if (kind == "add") return locate(path, place) && add(place, copy_structure(value, arena_));
  if (kind == "remove") return locate(path, place) && remove(place);
  return false;
}

// What was looked into has become a Go map upstream, and is printed in the order of its keys.
Value Patcher::finish() {
  auto before = [](Value a, Value b) { return a.members().data() < b.members().data(); };
  auto same_object = [](Value a, Value b) { return a.members().data() == b.members().data(); };
  if (document_.is_object()) touched_.push_back(document_);
  std::sort(touched_.begin(), touched_.end(), before);
  touched_.erase(std::unique(touched_.begin(), touched_.end(), same_object), touched_.end());
  for (Value object : touched_) sort_members(object);
  return document_;
}

std::string cannot_unmarshal(Value value, std::string_view into) {
  return concat("error decoding patch: json: cannot unmarshal ", json_kind_name(value), " into Go ", into);
}

Result<void> check_form(Value patch) {
  if (patch.is_null()) return {};
  if (!patch.is_list()) return fail(bad_request(cannot_unmarshal(patch, "value of type []handlers.jsonPatchOp")));
  for (Value operation : patch.items()) {
    if (operation.is_null()) continue;
    if (!operation.is_object())
      return fail(bad_request(cannot_unmarshal(operation, "value of type handlers.jsonPatchOp")));
    for (const Member& member : operation.members()) {
      if (member.name != "op" && member.name != "path" && member.name != "from") continue;
      if (!member.value.is_string() && !member.value.is_null())
        return fail(bad_request(
            cannot_unmarshal(member.value, concat("struct field jsonPatchOp.", member.name, " of type string"))));
    }
  }
  return {};
}

}  // namespace

Result<Value> json_patch(Value document, Value patch, Arena& arena, PatchLimits limits) {
  TRY(check_form(patch));
  if (patch.size() > limits.operations_max)
    return fail(Error(Reason::RequestEntityTooLarge,
                      concat("Request entity too large: The allowed maximum operations in a JSON patch is ",
                             limits.operations_max, ", got ", patch.size())));
  Patcher patcher(copy_structure(document, arena), arena, limits);
  for (Value operation : patch.items())
    if (!patcher.run(operation)) return fail(does_not_fit());
  return patcher.finish();
}

}  // namespace sampan::schema
