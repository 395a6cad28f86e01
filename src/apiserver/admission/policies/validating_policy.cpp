#include "apiserver/admission/policies/validating_policy.h"

#include "base/text.h"

namespace sampan::apiserver {

using cel::admission::Inputs;
using cel::admission::PolicyRun;
using schema::AnyView;
using schema::Object;

namespace {

constexpr size_t kMessageBytesMax = 5 * 1024;

// A message that an expression gives counts if it is one line, and not too long.
std::string usable(const cel::Value& value) {
  if (!value.is(cel::Value::Kind::String)) return {};
  auto text = trim(value.as_text());
  if (text.size() > kMessageBytesMax || text.find('\n') != text.npos) return {};
  return std::string(text);
}

}  // namespace

ValidatingPolicy::ValidatingPolicy(const Object& policy) : Policy(policy) {
  static const cel::Type kTruth[] = {cel::Type::Kind::Bool}, kText[] = {cel::Type::Kind::String}, kValue[] = {cel::Type::Kind::String, cel::Type::Kind::Null};
  AnyView validations = policy["spec"]["validations"], annotations = policy["spec"]["auditAnnotations"];
  for (uint32_t i = 0; i < validations.size(); i++) {
    AnyView it = validations.item(i);
    std::string text(it["expression"].as_string()), explanation(it["messageExpression"].as_string());
    Validation validation{compiler.compile(text, names, kTruth), {}, text, std::string(it["message"].as_string()), std::string(it["reason"].as_string())};
    if (!explanation.empty()) validation.explains = compiler.compile(std::move(explanation), {.params = names.params}, kText);
    validations_.push_back(std::move(validation));
  }
  for (uint32_t i = 0; i < annotations.size(); i++) {
    std::string text(trim(annotations.item(i)["valueExpression"].as_string()));
    annotations_.push_back({std::string(annotations.item(i)["key"].as_string()), text, compiler.compile(text, names, kValue)});
  }
}

ValidatingPolicy::Judgement ValidatingPolicy::judge(const Inputs& inputs, const PolicyParts& parts, Operation operation) const {
  auto holds = conditions_hold(inputs, parts, operation);
  if (!holds) return unknown(holds.error());
  if (!*holds) return {};
  PolicyRun rules(compiler, inputs, cel::admission::kBudget);
  std::vector<std::expected<cel::Value, cel::admission::Mishap>> values;
  std::vector<double> seconds;
  for (const auto& validation : validations_) {
    auto began_us = parts.clock.monotonic_us();
    values.push_back(rules.evaluate(validation.rule));
    seconds.push_back(seconds_since(parts.clock, began_us));
    if (!values.back() && values.back().error().final) return unknown(values.back().error().message);
  }
  // Messages are made of what is left of the budget, whether they are needed or not.
  PolicyRun explanations(compiler, inputs, rules.budget());
  std::vector<std::string> messages(validations_.size());
  std::optional<std::string> spent;
  for (size_t i = 0; i < validations_.size() && !spent; i++) {
    if (!validations_[i].explains) continue;
    auto message = explanations.evaluate(*validations_[i].explains);
    if (message)
      messages[i] = usable(*message);
    else if (message.error().final)
      spent = std::move(message.error().message);
  }
  Judgement judgement;
  for (size_t i = 0; i < validations_.size(); i++) {
    if (values[i] && spent)
      judgement.decisions.push_back({!fails_open, concat("failed messageExpression: ", *spent), {}});
    else
      judgement.decisions.push_back(decide(validations_[i], values[i], messages[i]));
    judgement.decisions.back().seconds = seconds[i];
  }
  std::optional<std::string> mishap;
  judgement.notes = notes(inputs, mishap);
  if (mishap) return unknown(std::move(*mishap));
  return judgement;
}

ValidatingPolicy::Decision ValidatingPolicy::decide(const Validation& validation, const std::expected<cel::Value, cel::admission::Mishap>& value,
                                                    const std::string& message) const {
  if (!value) return {!fails_open, value.error().message, {}};
  if (value->is_true()) return {};
  auto said = message.empty() ? std::string(trim(validation.message)) : message;
  return {true, said.empty() ? concat("failed expression: ", trim(validation.text)) : std::move(said), validation.reason};
}

std::vector<ValidatingPolicy::Note> ValidatingPolicy::notes(const Inputs& inputs, std::optional<std::string>& mishap) const {
  PolicyRun run(compiler, inputs, cel::admission::kBudget);
  std::vector<Note> notes;
  for (const auto& annotation : annotations_) {
    auto value = run.evaluate(annotation.value);
    if (!value && value.error().final) {
      mishap = std::move(value.error().message);
      return {};
    }
    if (!value) {
      if (!fails_open) notes.push_back({annotation.key, {}, std::move(value.error().message)});
    } else if (value->is(cel::Value::Kind::String)) {
      if (auto text = trim(value->as_text()); !text.empty()) notes.push_back({annotation.key, std::string(text), {}});
    } else if (!value->is(cel::Value::Kind::Null)) {
      notes.push_back({annotation.key, {},
                       concat("valueExpression '", annotation.text, "' resulted in unsupported return type: ", value->type().text(),
                              ". Return type must be either string or null.")});
    }
  }
  return notes;
}

}  // namespace sampan::apiserver
