#include "cmd/controller_choice.h"

#include "base/text.h"

namespace sampan::cmd {

Result<std::vector<const controllers::Entry*>> choose_controllers(const std::vector<std::string>& words) {
  auto all = controllers::all_controllers();
  auto is_known = [&](std::string_view name) {
    return std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.name == name; });
  };
  for (std::string_view word : words) {
    auto name = word.starts_with('-') ? word.substr(1) : word;
    if (name != "*" && !is_known(name)) return fail(bad_request(concat(quoted(name), " is not in the list of known controllers")));
  }
  std::vector<const controllers::Entry*> chosen;
  for (const auto& entry : all) {
    bool on = false;
    for (std::string_view word : words) {
      if (word == entry.name) on = true;
      if (word == "*") on |= entry.on_by_default;
    }
    for (std::string_view word : words)
      if (word.starts_with('-') && word.substr(1) == entry.name) on = false;
    if (on) chosen.push_back(&entry);
  }
  return chosen;
}

}  // namespace sampan::cmd
