#include "cmd/controller_choice.h"

#include <gtest/gtest.h>

namespace sampan::cmd {
namespace {

bool has(const std::vector<std::string>& words, std::string_view name) {
  auto chosen = choose_controllers(words);
  if (!chosen) return false;
  return std::any_of(chosen->begin(), chosen->end(), [&](const auto* entry) { return entry->name == name; });
}

TEST(ControllerChoice, IsMadeByNamesOldAndNew) {
  struct Case {
    std::vector<std::string> words;
    std::string_view name;
    bool runs;
  } cases[] = {
      {{"*"}, "job-controller", true},
      {{"*"}, "bootstrap-signer-controller", false},
      {{"*", "bootstrapsigner"}, "bootstrap-signer-controller", true},
      {{"*", "-job"}, "job-controller", false},
      {{"-job-controller", "*"}, "job-controller", false},
      {{"job"}, "deployment-controller", false},
      {{"*", "horizontalpodautoscaling"}, "job-controller", true},  // one that is not there yet
      {{"job", "-job"}, "job-controller", true},
      {{}, "job-controller", false},
  };
  for (const auto& it : cases) EXPECT_EQ(has(it.words, it.name), it.runs) << it.name << " of " << (it.words.empty() ? "nothing" : it.words.back());
  auto unknown = choose_controllers({"*", "-jobs"});
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().message(), "\"jobs\" is not in the list of known controllers");
}

}  // namespace
}  // namespace sampan::cmd
