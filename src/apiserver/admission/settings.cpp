#include "apiserver/admission/settings.h"

#include "base/text.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::Value;

Result<Value> read_settings(std::string_view yaml, std::string_view plugin, std::string_view group, std::string_view kind, Arena& arena) {
  auto documents = schema::parse_yaml(yaml, arena, {.first_only = true});
  if (!documents) return fail(bad_request(concat("settings of ", plugin, ": ", documents.error().message())));
  Value tree = documents->empty() ? Value() : documents->front();
  auto version = tree["apiVersion"].as_string();
  if (tree["kind"].as_string() != kind || !version.starts_with(concat(group, "/")))
    return fail(bad_request(concat("settings of ", plugin, ": no kind ", quoted(tree["kind"].as_string()), " is registered for version ", quoted(version),
                                   "; expected ", kind, " of ", group)));
  return tree;
}

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

}  // namespace sampan::apiserver
