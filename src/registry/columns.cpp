#include "registry/columns.h"

#include "base/text.h"

namespace sampan::registry {

using schema::AnyView;

std::string_view name_of(const Object& object) { return object["metadata"]["name"].as_string(); }
void name_cell(const Object& object, Row& row) { row.text(name_of(object)); }
void age_cell(const Object& object, Row& row) { row.age(object["metadata"]["creationTimestamp"].as_int()); }
bool is_being_deleted(const Object& object) { return object["metadata"]["deletionTimestamp"].present(); }

std::string joined(const AnyView& list, std::string_view separator) {
  std::string out;
  for (uint32_t i = 0; i < list.size(); i++) append(out, i ? separator : "", list.item(i).as_string());
  return out;
}

bool has_item(const AnyView& list, std::string_view text) {
  for (uint32_t i = 0; i < list.size(); i++)
    if (list.item(i).as_string() == text) return true;
  return false;
}

std::string_view annotation_of(const Object& object, std::string_view key) { return object["metadata"]["annotations"][key].as_string(); }
bool has_annotation(const Object& object, std::string_view key) { return object["metadata"]["annotations"][key].present(); }

std::string format_labels(const AnyView& labels) {
  std::string out;
  for (uint32_t i = 0; i < labels.size(); i++) append(out, i ? "," : "", labels.key(i), "=", labels.value(i).as_string());
  return out.empty() ? "<none>" : out;
}

std::string format_label_selector(const AnyView& selector) {
  std::vector<std::pair<std::string, std::string>> parts;  // by key
  auto labels = selector["matchLabels"];
  for (uint32_t i = 0; i < labels.size(); i++)
    parts.emplace_back(labels.key(i), concat(labels.key(i), "=", labels.value(i).as_string()));
  auto expressions = selector["matchExpressions"];
  for (uint32_t i = 0; i < expressions.size(); i++) {
    auto expression = expressions.item(i);
    auto key = expression["key"].as_string();
    auto op = expression["operator"].as_string();
    std::vector<std::string> values;
    for (uint32_t j = 0; j < expression["values"].size(); j++) values.emplace_back(expression["values"].item(j).as_string());
    std::sort(values.begin(), values.end());
    std::string text(key);
    if (op == "DoesNotExist")
      text = concat("!", key);
    else if (op == "In" || op == "NotIn")
      text = concat(key, op == "In" ? " in (" : " notin (", join(values, ","), ")");
    parts.emplace_back(key, std::move(text));
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out;
  for (const auto& part : parts) append(out, out.empty() ? "" : ",", part.second);
  return out.empty() ? "<none>" : out;
}

std::string first_few(const std::vector<std::string>& all, size_t shown_max) {
  std::vector<std::string> shown(all.begin(), all.begin() + std::min(all.size(), shown_max));
  auto out = join(shown, ",");
  if (all.size() > shown_max) append(out, " + ", all.size() - shown_max, " more...");
  return out;
}

}  // namespace sampan::registry
