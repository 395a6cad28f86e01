// Tells the author of a ValidatingAdmissionPolicy what its validations get wrong about the kinds that they are for: expressions are checked once more, with
// the types of the kinds' fields. That changes nothing about how the policy acts; it is in the status as warnings.
#include <set>

#include "base/text.h"
#include "cel/admission/compiler.h"
#include "cel/admission/kinds.h"
#include "cel/library/authorizer.h"
#include "controllers/controllers.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

using cel::Type;

struct GroupVersionKind {
  std::string_view group, version, kind;
  auto operator<=>(const GroupVersionKind&) const = default;
  std::string text() const { return concat(group, "/", version, ", Kind=", kind); }
};

// What a rule says with names alone; nothing where there is a wildcard, but resources are looked at one by one.
std::set<std::string> names_of(const AnyView& list, std::string_view wild, bool skips) {
  std::set<std::string> out;
  for (AnyView item : each(list)) {
    auto text = item.as_string();
    if (text.find_first_of(wild) == std::string_view::npos)
      out.emplace(text);
    else if (!skips)
      return {};
  }
  return out;
}

// Upstream looks kinds up as kubectl does: no group means any group, and resources have singular names.
void find_kinds(std::string_view group, std::string_view version, std::string_view resource, std::vector<GroupVersionKind>& out) {
  const std::string name = to_lower(resource);
  for (const auto& it : schema::builtin_resources())
    if (it.enabled_by_default && it.version == version && (it.resource == name || it.singular == name) && (group.empty() || it.group == group))
      out.push_back({it.group, it.version, it.kind});
}

// The kinds that the rules name, at most so many of a rule, and none of the rules behind one that has as many.
std::set<GroupVersionKind> kinds_of(const AnyView& rules) {
  constexpr size_t kKindsMax = 10;
  std::set<GroupVersionKind> out;
  for (AnyView rule : each(rules)) {
    size_t count = 0;
    for (const auto& group : names_of(rule["apiGroups"], "*", false))
      for (const auto& version : names_of(rule["apiVersions"], "*", false))
        for (const auto& resource : names_of(rule["resources"], "*/", true)) {
          std::vector<GroupVersionKind> found;
          find_kinds(group, version, resource, found);
          for (const auto& kind : found) {
            out.insert(kind);
            if (++count == kKindsMax) return out;
          }
        }
  }
  return out;
}

// What the expressions may name, with the fields of one kind.
cel::Environment environment_for(const GroupVersionKind& kind, const AnyView& param_kind) {
  cel::Environment out = cel::admission::environment_of({}).extend();
  auto declared = [&](std::string_view group, std::string_view version, std::string_view name, std::string_view under) {
    const auto* type = schema::builtin_kind(group, version, name);
    return type ? cel::admission::declare_kind(out, *type, concat(under, name)) : Type();
  };
  const Type object = declared(kind.group, kind.version, kind.kind, "");
  out.declare("object", object);
  out.declare("oldObject", object);
  out.declare("authorizer", cel::authorizer_type());
  if (!param_kind.present()) return out;
  auto version = param_kind["apiVersion"].as_string();
  auto slash = version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : version.substr(0, slash);
  out.declare("params", declared(group, version.substr(slash == std::string_view::npos ? 0 : slash + 1), param_kind["kind"].as_string(), "params."));
  return out;
}

// The validations of one policy against one kind.
class KindCheck {
 public:
  KindCheck(const GroupVersionKind& kind, const AnyView& spec) : kind_(kind), environment_(environment_for(kind, spec["paramKind"])), compiler_(environment_) {
    for (AnyView variable : each(spec["variables"])) compiler_.define(std::string(variable["name"].as_string()), std::string(variable["expression"].as_string()), {});
  }
  // "" if there is nothing to complain about.
  std::string complaint(std::string_view expression) {
    auto checked = cel::compile(std::string(expression), compiler_.environment({}));
    return checked ? std::string() : concat(kind_.text(), ": ", checked.error().text(expression), "\n");
  }

 private:
  const GroupVersionKind kind_;
  const cel::Environment environment_;
  cel::admission::Compiler compiler_;
};

class AdmissionPolicyStatus final : public Controller {
 public:
  explicit AdmissionPolicyStatus(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override { policies_ = &watches.each("admissionregistration.k8s.io", "validatingadmissionpolicies"); }

  Result<Again> reconcile(const Key& key) override {
    auto policy = policies_->find({}, key.name);
    if (!policy) return Again::never();
    const int64_t generation = (*policy)["metadata"]["generation"].as_int();
    if (generation <= (*policy)["status"]["observedGeneration"].as_int()) return Again::never();
    Arena arena;
    Value patch = Value::object(arena), status = patch.ensure_object("status");
    patch.set("apiVersion", "admissionregistration.k8s.io/v1");
    patch.set("kind", "ValidatingAdmissionPolicy");
    patch.ensure_object("metadata").set("name", arena.copy(key.name));
    status.set("observedGeneration", generation);
    Value checking = status.ensure_object("typeChecking");
    for (const auto& [field, warning] : warnings_of((*policy)["spec"])) {
      Value it = Value::object(arena);
      it.set("fieldRef", arena.copy(field));
      it.set("warning", arena.copy(warning));
      checking.ensure_list("expressionWarnings").push(it);
    }
    auto done = environment_.api.patch(policies_->resource(), {}, key.name, client::PatchType::Apply, patch,
                                       {.subresource = "status", .manager = "validatingadmissionpolicy-status", .force = true});
    if (!done && !done.error().is(Reason::NotFound)) return fail(std::move(done).error());
    return Again::never();
  }

 private:
  static std::vector<std::pair<std::string, std::string>> warnings_of(const AnyView& spec) {
    std::deque<KindCheck> checks;
    for (const auto& kind : kinds_of(spec["matchConstraints"]["resourceRules"])) checks.emplace_back(kind, spec);
    std::vector<std::pair<std::string, std::string>> out;
    const AnyView validations = spec["validations"];
    for (uint32_t i = 0; i < validations.size(); i++)
      for (auto field : {"expression", "messageExpression"}) {
        auto expression = validations.item(i)[field].as_string();
        if (expression.empty()) continue;
        std::vector<std::string> complaints;
        for (auto& check : checks)
          if (auto complaint = check.complaint(expression); !complaint.empty()) complaints.push_back(std::move(complaint));
        if (!complaints.empty()) out.emplace_back(concat("spec.validations[", i, "].", field), join(complaints, "\n"));
      }
    return out;
  }

  Environment& environment_;
  Informer* policies_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_admission_policy_status(Environment& environment) { return std::make_unique<AdmissionPolicyStatus>(environment); }

}  // namespace sampan::controllers
