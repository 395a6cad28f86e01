#include "apiserver/admission/expressions.h"

#include "apiserver/access/access.h"
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/review.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using cel::admission::Compiler;
using cel::admission::Inputs;
using cel::admission::Names;
using schema::AnyView;
using schema::ObjectRef;
using schema::Value;

namespace {

User service_account(const std::pair<std::string, std::string>& account) {
  User user;
  user.name = concat("system:serviceaccount:", account.first, ":", account.second);
  user.groups = {"system:serviceaccounts", concat("system:serviceaccounts:", account.first), "system:authenticated"};
  return user;
}

}  // namespace

cel::AccessAnswer RequestersRights::judge(const cel::AccessQuestion& question) const {
  RequestInfo request;
  request.is_resource = question.path.empty();
  request.path = question.path;
  request.verb = question.verb;
  request.group = question.group;
  request.version = "*";
  request.resource = question.resource;
  request.subresource = question.subresource;
  request.name_space = question.namespace_name;
  request.name = question.name;
  request.field_selector = question.field_selector;
  request.label_selector = question.label_selector;
  cel::AccessAnswer answer;
  std::string error;
  Decision decision = question.service_account ? access_.authorize(service_account(*question.service_account), request, answer.reason, &error)
                                               : access_.authorize(user_, request, answer.reason, &error);
  answer.allowed = decision == Decision::Allow;
  if (!error.empty()) answer.error = std::move(error);
  return answer;
}

// In the very form that a client would read, with the fields that are always there.
Value expression_tree(const ObjectRef& object, const Target& target, Arena& arena) {
  if (!object) return {};
  auto text = arena.copy(json_of(object, target));
  auto tree = schema::parse_json(text, arena);
  return tree ? *tree : Value();
}

Result<Inputs> expression_inputs(const Attributes& attributes, const Target& target, Seen& seen, const cel::AccessJudge& judge, Arena& arena) {
  Inputs inputs;
  inputs.object = expression_tree(TRY(seen.object_as(target)), target, arena);
  inputs.old_object = expression_tree(TRY(seen.old_as(target)), target, arena);
  inputs.request = review_head(attributes, target, arena);
  inputs.request.set("dryRun", attributes.dry_run);
  if (auto options = schema::parse_json(arena.copy(options_json(attributes)), arena)) inputs.request.set("options", *options);
  inputs.judge = &judge;
  const RequestInfo& info = attributes.info;
  inputs.resource = {.path = {},
                     .group = info.group,
                     .resource = info.resource,
                     .subresource = info.subresource,
                     .namespace_name = std::string(namespace_of(attributes)),
                     .name = info.name,
                     .field_selector = {},
                     .label_selector = {},
                     .verb = {},
                     .service_account = {}};
  return inputs;
}

MatchConditions::MatchConditions(const AnyView& list, Compiler& compiler, Names names) {
  static const cel::Type kTruth[] = {cel::Type::Kind::Bool};
  for (uint32_t i = 0; i < list.size(); i++) programs_.push_back(compiler.compile(std::string(trim(list.item(i)["expression"].as_string())), names, kTruth));
}

std::expected<bool, std::string> MatchConditions::hold(const Compiler& compiler, const Inputs& inputs, bool fails_open, const ConditionsOf& of) const {
  auto began_us = of.clock.monotonic_us();
  cel::admission::PolicyRun run(compiler, inputs, cel::admission::kBudgetOfMatchConditions);
  std::vector<std::string> mishaps;
  bool excluded = false;
  for (const auto& program : programs_) {
    auto value = run.evaluate(program);
    if (!value && value.error().final) {
      if (fails_open) return false;
      return std::unexpected(value.error().message);
    }
    if (!value) mishaps.push_back(std::move(value.error().message));
    excluded |= value && !value->is_true();
  }
  of.metrics.conditions_failed(of.counted(), mishaps.size());
  // Upstream times those that do not hold.
  if (excluded || !mishaps.empty()) of.metrics.conditions_evaluated(of.counted(), seconds_since(of.clock, began_us));
  // One that is false says enough, whatever became of the others.
  if (excluded || (!mishaps.empty() && fails_open)) return false;
  if (!mishaps.empty()) return std::unexpected(one_text(mishaps));
  return true;
}

}  // namespace sampan::apiserver
