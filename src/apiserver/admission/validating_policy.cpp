#include "apiserver/admission/validating_policy.h"

#include "base/text.h"

namespace sampan::apiserver {

using cel::admission::Compiler;
using cel::admission::Inputs;
using cel::admission::Names;
using cel::admission::PolicyRun;
using schema::AnyView;
using schema::Object;

namespace {

constexpr size_t kMessageBytesMax = 5 * 1024;

// The compiler knows the policy's variables before anything is compiled that uses them.
Compiler compiler_of(const AnyView& spec, Names names) {
  AnyView variables = spec["variables"];
  Compiler compiler(variables.size() > 0 ? Compiler::Composition::Variables : Compiler::Composition::None);
  for (uint32_t i = 0; i < variables.size(); i++)
    compiler.define(std::string(variables.item(i)["name"].as_string()), std::string(variables.item(i)["expression"].as_string()), names);
  return compiler;
}

Names names_of(const Object& policy) { return {.params = policy["spec"]["paramKind"].present(), .authorizer = true}; }

// A message that an expression gives counts if it is one line, and not too long.
std::string usable(const cel::Value& value) {
  if (!value.is(cel::Value::Kind::String)) return {};
  auto text = trim(value.as_text());
  if (text.size() > kMessageBytesMax || text.find('\n') != text.npos) return {};
  return std::string(text);
}

}  // namespace

ValidatingPolicy::ValidatingPolicy(const Object& policy)
    : name(policy["metadata"]["name"].as_string()),
      fails_open(policy["spec"]["failurePolicy"].as_string() == "Ignore"),
      matching(policy["spec"]["matchConstraints"], policy["spec"]["matchConstraints"]["resourceRules"], policy["spec"]["matchConstraints"]["excludeResourceRules"],
               Matching::WithoutRules::Everything),
      param_kind(param_kind_of(policy["spec"]["paramKind"])),
      compiler_(compiler_of(policy["spec"], names_of(policy))),
      conditions_(policy["spec"]["matchConditions"], compiler_, names_of(policy)) {
  static const cel::Type kTruth[] = {cel::Type::Kind::Bool}, kText[] = {cel::Type::Kind::String}, kValue[] = {cel::Type::Kind::String, cel::Type::Kind::Null};
  auto names = names_of(policy);
  AnyView validations = policy["spec"]["validations"], annotations = policy["spec"]["auditAnnotations"];
  for (uint32_t i = 0; i < validations.size(); i++) {
    AnyView it = validations.item(i);
    std::string text(it["expression"].as_string()), explanation(it["messageExpression"].as_string());
    Validation validation{compiler_.compile(text, names, kTruth), {}, text, std::string(it["message"].as_string()), std::string(it["reason"].as_string())};
    if (!explanation.empty()) validation.explains = compiler_.compile(std::move(explanation), {.params = names.params}, kText);
    validations_.push_back(std::move(validation));
  }
  for (uint32_t i = 0; i < annotations.size(); i++) {
    std::string text(trim(annotations.item(i)["valueExpression"].as_string()));
    annotations_.push_back({std::string(annotations.item(i)["key"].as_string()), text, compiler_.compile(text, names, kValue)});
  }
}

ValidatingPolicy::Judgement ValidatingPolicy::judge(const Inputs& inputs) const {
  if (!conditions_.empty()) {
    auto holds = conditions_.hold(compiler_, inputs, fails_open);
    if (!holds) return unknown(holds.error());
    if (!*holds) return {};
  }
  PolicyRun rules(compiler_, inputs, cel::admission::kBudget);
  std::vector<std::expected<cel::Value, cel::admission::Mishap>> values;
  for (const auto& validation : validations_) {
    values.push_back(rules.evaluate(validation.rule));
    if (!values.back() && values.back().error().final) return unknown(values.back().error().message);
  }
  // Messages are made of what is left of the budget, whether they are needed or not.
  PolicyRun explanations(compiler_, inputs, rules.budget());
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
    const Validation& validation = validations_[i];
    Decision decision;
    if (!values[i]) {
      decision = {!fails_open, values[i].error().message, {}};
    } else if (spent) {
      decision = {!fails_open, concat("failed messageExpression: ", *spent), {}};
    } else if (!values[i]->is_true()) {
      auto message = messages[i].empty() ? std::string(trim(validation.message)) : messages[i];
      decision = {true, message.empty() ? concat("failed expression: ", trim(validation.text)) : std::move(message), validation.reason};
    }
    judgement.decisions.push_back(std::move(decision));
  }
  std::optional<std::string> mishap;
  judgement.notes = notes(inputs, mishap);
  if (mishap) return unknown(std::move(*mishap));
  return judgement;
}

std::vector<ValidatingPolicy::Note> ValidatingPolicy::notes(const Inputs& inputs, std::optional<std::string>& mishap) const {
  PolicyRun run(compiler_, inputs, cel::admission::kBudget);
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

PolicyBinding::PolicyBinding(const Object& binding)
    : name(binding["metadata"]["name"].as_string()),
      policy(binding["spec"]["policyName"].as_string()),
      matching(binding["spec"]["matchResources"], binding["spec"]["matchResources"]["resourceRules"], binding["spec"]["matchResources"]["excludeResourceRules"],
               Matching::WithoutRules::Everything),
      params(param_ref_of(binding["spec"]["paramRef"])) {
  AnyView list = binding["spec"]["validationActions"];
  for (uint32_t i = 0; i < list.size(); i++) actions.emplace_back(list.item(i).as_string());
}

}  // namespace sampan::apiserver
