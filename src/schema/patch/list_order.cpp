// See list_order.h.
#include "schema/patch/list_order.h"

#include "base/text.h"
#include "schema/patch/go_print.h"

namespace sampan::schema {

namespace {

constexpr std::string_view kMap = "map[string]interface {}";

// A text that two scalars share if they are equal; "" for what is no scalar.
std::string scalar_text(Value value) {
  if (value.is_list() || value.is_object() || value.is_missing()) return {};
  std::string text(1, static_cast<char>('0' + static_cast<int>(value.type())));
  append_go_value(text, value);
  return text;
}

Value key_of(Value item, std::string_view merge_key) {
  return merge_key.empty() ? item : item[merge_key];
}

Result<void> check_keys(Value list, std::string_view merge_key) {
  for (Value item : list.items()) {
    if (!item.is_object()) return fail(bad_type(kMap, item));
    if (!item.has(merge_key)) return fail(no_merge_key(item, merge_key));
  }
  return {};
}

struct Ranked {
  Value item;
  int rank;  // in the list that gives the order, -1 if not there
};

// Upstream sorts with "true" as the answer about items that the order does not name, so where those end is what an
// insertion sort makes of that answer. Long lists are not worth that: there they go to the front.
void sort_by_rank(std::vector<Ranked>& items) {
  constexpr size_t kInsertionMax = 20;
  auto less = [](const Ranked& a, const Ranked& b) { return a.rank < 0 || b.rank < 0 || a.rank < b.rank; };
  bool all_named = std::none_of(items.begin(), items.end(), [](const Ranked& item) { return item.rank < 0; });
  if (all_named || items.size() > kInsertionMax) {
    std::stable_sort(items.begin(), items.end(), [](const Ranked& a, const Ranked& b) { return a.rank < b.rank; });
    return;
  }
  for (size_t i = 1; i < items.size(); i++)
    for (size_t j = i; j > 0 && less(items[j], items[j - 1]); j--) std::swap(items[j], items[j - 1]);
}

}  // namespace

Error plain(std::string message) {
  return Error(500, Reason::Unknown, std::move(message));
}

Error bad_type(std::string_view expected, Value actual) {
  return plain(concat("expected a ", expected, ", but received a ", go_type_name(actual)));
}

Error no_merge_key(Value item, std::string_view merge_key) {
  std::string message = "map: ";
  append_go_value(message, item);
  append(message, " does not contain declared merge key: ", merge_key);
  return plain(std::move(message));
}

ItemIndex::ItemIndex(Value list, std::string_view merge_key) {
  for (uint32_t i = 0; i < list.size(); i++) add(key_of(list.at(i), merge_key), i);
}

void ItemIndex::add(Value key, uint32_t position) {
  if (std::string text = scalar_text(key); !text.empty()) positions_.emplace(std::move(text), position);
}

int ItemIndex::find(Value key) const {
  auto at = positions_.find(scalar_text(key));
  return at == positions_.end() ? -1 : static_cast<int>(at->second);
}

bool same_scalar(Value a, Value b) {
  return a.type() == b.type() && !a.is_missing() && !a.is_list() && !a.is_object() && a.equals(b);
}

Result<Value::Type> element_kind(Value a, Value b) {
  Value::Type type = Value::Type::Absent;
  for (Value list : {a, b}) {
    for (Value item : list.items()) {
      if (item.is_list()) {
        Error error(422, Reason::Invalid, "the server rejected our request due to an error in our request");
        error.edit().has_details = true;
        return fail(std::move(error));
      }
      if (type == Value::Type::Absent) type = item.type();
      if (type == item.type()) continue;
      std::string message = "list element types are not identical: [";
      append_go_value(message, a.is_list() ? a : Value());
      message += ' ';
      append_go_value(message, b.is_list() ? b : Value());
      return fail(plain(message + "]"));
    }
  }
  if (type == Value::Type::Absent) return fail(plain("no elements in any of the given slices"));
  return type;
}

Result<Value> order_items(Value merged, Value patch_order, Value server_order, std::string_view merge_key,
                          Arena& arena) {
  if (!merge_key.empty()) {
    TRY(check_keys(merged, merge_key));
    TRY(check_keys(patch_order, merge_key));
    TRY(check_keys(server_order, merge_key));
  }
  ItemIndex by_patch(patch_order, merge_key), by_server(server_order, merge_key);
  std::vector<Ranked> patched, others;
  for (Value item : merged.items()) {
    Value key = key_of(item, merge_key);
    int rank = by_patch.find(key);
    if (rank >= 0)
      patched.push_back({item, rank});
    else
      others.push_back({item, by_server.find(key)});
  }
  sort_by_rank(patched);
  sort_by_rank(others);
  // From here on only the server's order counts, for both.
  for (Ranked& item : patched) item.rank = by_server.find(key_of(item.item, merge_key));
  Value result = Value::list(arena, merged.size());
  size_t i = 0, j = 0;
  while (i < others.size() || j < patched.size()) {
    bool other = j == patched.size() ||
                 (i < others.size() && others[i].rank >= 0 && patched[j].rank >= 0 && others[i].rank < patched[j].rank);
    result.push(other ? others[i++].item : patched[j++].item);
  }
  return result;
}

Result<void> check_element_order(Value patch, Value order, std::string_view merge_key) {
  if (patch.empty() || order.empty()) return {};
  std::vector<Value> kept;  // deletions need no place in the order
  for (Value item : patch.items())
    if (merge_key.empty() || item["$patch"].as_string() != "delete") kept.push_back(item);
  size_t at = 0;
  for (uint32_t next = 0; next < order.size() && at < kept.size();) {
    Value item = kept[at], wanted = order.at(next);
    if (item.has("$patch")) {
      at++;
      continue;
    }
    if (!merge_key.empty()) {
      for (Value one : {item, wanted}) {
        if (!one.is_object()) return fail(bad_type(kMap, one));
        if (!one.has(merge_key)) return fail(no_merge_key(one, merge_key));
      }
    }
    at += same_scalar(key_of(item, merge_key), key_of(wanted, merge_key));
    next++;
  }
  if (at == kept.size()) return {};
  std::string message = "The order in patch list:\n";
  append_go_value(message, patch);
  message += "\n doesn't match $setElementOrder list:\n";
  append_go_value(message, order);
  return fail(plain(message + "\n"));
}

}  // namespace sampan::schema
