#include "apiserver/admission/tolerations.h"

#include <vector>

namespace sampan::apiserver {

using schema::Value;

namespace {

bool same_text(Value a, Value b, std::string_view field) { return a[field].as_string() == b[field].as_string(); }

bool same(Value a, Value b) {
  for (std::string_view field : {"key", "operator", "value", "effect"})
    if (!same_text(a, b, field)) return false;
  Value x = a["tolerationSeconds"], y = b["tolerationSeconds"];
  return x.is_missing() == y.is_missing() && x.as_int() == y.as_int();
}

}  // namespace

bool covers(Value wide, Value narrow) {
  if (same(wide, narrow)) return true;
  auto operation = wide["operator"].as_string();
  bool any_key = wide["key"].as_string().empty() && operation == "Exists";
  if (!any_key && !same_text(wide, narrow, "key")) return false;
  bool any_effect = wide["effect"].as_string().empty();
  if (!any_effect && !same_text(wide, narrow, "effect")) return false;
  Value limit = wide["tolerationSeconds"], wish = narrow["tolerationSeconds"];
  if (wide["effect"].as_string() == "NoExecute" && !limit.is_missing() && (wish.is_missing() || wish.as_int() > limit.as_int())) return false;
  if (operation == "Exists") return true;
  if (!operation.empty() && operation != "Equal") return false;
  return narrow["operator"].as_string() == "Equal" && same_text(wide, narrow, "value");
}

Value merged_tolerations(Value first, Value second, Arena& arena) {
  std::vector<Value> all(first.items().begin(), first.items().end());
  all.insert(all.end(), second.items().begin(), second.items().end());
  Value merged = Value::list(arena);
  for (size_t i = 0; i < all.size(); i++) {
    bool redundant = false;
    for (Value kept : merged.items()) redundant |= covers(kept, all[i]);
    for (size_t j = i + 1; j < all.size(); j++) redundant |= !same(all[i], all[j]) && covers(all[j], all[i]);
    if (!redundant) merged.push(all[i]);
  }
  return merged;
}

}  // namespace sampan::apiserver
