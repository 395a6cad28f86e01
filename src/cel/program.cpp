#include "cel/program.h"

#include "base/text.h"
#include "cel/plan.h"

namespace sampan::cel {

namespace {

std::string wrong_type(std::span<const Type> wanted, const Type& found) {
  if (wanted.size() == 1) return concat("must evaluate to ", wanted[0].full_text(), " but got ", found.full_text());
  std::string list;
  for (const Type& type : wanted) append(list, list.empty() ? "" : " ", type.full_text());
  return concat("must evaluate to one of [", list, "] but got ", found.full_text());
}

std::expected<Checked, Refusal> prepared(const std::string& text, const Environment& environment, std::span<const Type> results) {
  auto checked = compile(text, environment);
  if (!checked) return std::unexpected(Refusal{concat("compilation failed: ", checked.error().text(text))});
  const Type type = checked->type();
  if (!results.empty() && std::find(results.begin(), results.end(), type) == results.end()) return std::unexpected(Refusal{wrong_type(results, type)});
  if (auto failure = planning_failure(*checked)) return std::unexpected(Refusal{concat("program instantiation failed: ", failure->message), true});
  return std::move(*checked);
}

}  // namespace

Program make_program(std::string text, const Environment& environment, std::span<const Type> results) {
  auto checked = prepared(text, environment, results);
  return {std::move(text), std::move(checked)};
}

}  // namespace sampan::cel
