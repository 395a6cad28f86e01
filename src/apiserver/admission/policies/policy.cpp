#include "apiserver/admission/policies/policy.h"

#include "base/text.h"

namespace sampan::apiserver {

using cel::admission::Compiler;
using cel::admission::Inputs;
using cel::admission::Names;
using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

// The compiler knows the policy's variables before anything is compiled that uses them.
Compiler compiler_of(const AnyView& spec, Names names) {
  AnyView variables = spec["variables"];
  Compiler compiler(variables.size() > 0 ? Compiler::Composition::Variables : Compiler::Composition::None);
  for (uint32_t i = 0; i < variables.size(); i++)
    compiler.define(std::string(variables.item(i)["name"].as_string()), std::string(variables.item(i)["expression"].as_string()), names);
  return compiler;
}

Matching matching_of(const AnyView& resources) {
  return Matching(resources, resources["resourceRules"], resources["excludeResourceRules"], Matching::WithoutRules::Everything);
}

}  // namespace

Policy::Policy(const Object& object)
    : name(object["metadata"]["name"].as_string()),
      fails_open(object["spec"]["failurePolicy"].as_string() == "Ignore"),
      matching(matching_of(object["spec"]["matchConstraints"])),
      param_kind(param_kind_of(object["spec"]["paramKind"])),
      names{.params = param_kind.has_value(), .authorizer = true},
      compiler(compiler_of(object["spec"], names)),
      conditions(object["spec"]["matchConditions"], compiler, names) {}

std::expected<bool, std::string> Policy::conditions_hold(const Inputs& inputs, const PolicyParts& parts, Operation operation) const {
  if (conditions.empty()) return true;
  return conditions.hold(compiler, inputs, fails_open, {parts.metrics, parts.clock, name, "policy", "validate", operation});  // upstream says so of mutations, too
}

PolicyBinding::PolicyBinding(const Object& object)
    : name(object["metadata"]["name"].as_string()),
      policy(object["spec"]["policyName"].as_string()),
      matching(matching_of(object["spec"]["matchResources"])),
      params(param_ref_of(object["spec"]["paramRef"])) {
  AnyView list = object["spec"]["validationActions"];
  for (uint32_t i = 0; i < list.size(); i++) actions.emplace_back(list.item(i).as_string());
}

std::expected<std::optional<PolicyRequest::Meant>, std::string> PolicyRequest::meant_by(const Policy& policy) {
  auto target = policy.matching.match(attributes_, seen_, catalog_);
  if (!target) return std::unexpected(target.error().message());
  if (!*target) return std::nullopt;
  Meant meant{**target, policy.param_kind ? param_resource(catalog_, *policy.param_kind) : nullptr};
  if (policy.param_kind && !meant.params) return std::unexpected(concat("failed to find resource referenced by paramKind: '", policy.param_kind->text(), "'"));
  return meant;
}

std::expected<std::vector<Value>, std::string> PolicyRequest::params_of(const PolicyBinding& binding, const Meant& meant, Arena& arena) {
  auto matches = binding.matching.match(attributes_, seen_, catalog_);
  if (!matches) return std::unexpected(matches.error().message());
  if (!*matches) return {};
  return collect_params(meant.params, binding.params, namespace_of(attributes_), arena);
}

Result<Inputs> PolicyRequest::inputs(const Target& target, Value params, Arena& arena) {
  auto inputs = TRY(expression_inputs(attributes_, target, seen_, rights_, arena));
  inputs.namespace_object = TRY(namespace_tree(arena));
  inputs.params = params;
  return inputs;
}

// Of a namespace itself there is none.
Result<Value> PolicyRequest::namespace_tree(Arena& arena) {
  const RequestInfo& info = attributes_.info;
  if (info.name_space.empty() || (info.group.empty() && info.resource == "namespaces")) return Value();
  auto* served = catalog_.find("", "v1", "namespaces");
  Target target{"", "v1", "namespaces", expected_kind(*served), served};
  Value tree = expression_tree(TRY(served->store->get("", info.name_space)), target, arena);
  for (auto name : {"ownerReferences", "managedFields"}) tree["metadata"].remove(name);
  return tree;
}

}  // namespace sampan::apiserver
