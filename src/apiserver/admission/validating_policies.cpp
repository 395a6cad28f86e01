// ValidatingAdmissionPolicy: policies in CEL, in force where bindings say.
#include "apiserver/admission/derived.h"
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/validating_policy.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Object;
using schema::ObjectRef;
using schema::Value;

namespace {

constexpr size_t kNoteBytesMax = 10 * 1024;

using Policies = std::map<std::string, std::shared_ptr<const ValidatingPolicy>, std::less<>>;
using Bindings = std::map<std::string, std::vector<std::shared_ptr<const PolicyBinding>>, std::less<>>;  // by their policies

struct Denial {
  std::string message;
  std::string_view reason;
};

std::string list_text(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const auto& text : texts) {
    if (out.size() > 1) out += ',';
    schema::write_json_string(out, text);
  }
  return out + "]";
}

// The judgement of one request by all policies.
class Session {
 public:
  Session(Catalog& catalog, Access& access, const Attributes& attributes, const Object* object, const Object* old)
      : catalog_(catalog), attributes_(attributes), rights_(access, attributes.user), seen_(attributes, object, old), named_(object ? object : old) {}

  Result<void> apply(const ValidatingPolicy& policy, const std::vector<std::shared_ptr<const PolicyBinding>>& bindings) {
    auto target = policy.matching.match(attributes_, seen_, catalog_);
    if (!target) return misconfigured(policy, nullptr, target.error().message()), Result<void>();
    if (!*target) return {};
    const Served* params = policy.param_kind ? param_resource(catalog_, *policy.param_kind) : nullptr;
    if (policy.param_kind && !params)
      return misconfigured(policy, nullptr, concat("failed to find resource referenced by paramKind: '", policy.param_kind->text(), "'")), Result<void>();
    for (const auto& binding : bindings) TRY(apply(policy, *binding, **target, params));
    for (const auto& [key, values] : notes_) attributes_.annotate(concat(policy.name, "/", key), join(values, ", "));
    notes_.clear();
    return {};
  }

  Result<void> verdict() const {
    if (denials_.empty()) return {};
    const Denial& first = denials_.front();
    Error error = named_ ? refusal(attributes_, *named_, first.message) : refusal(attributes_, Value(), first.message);
    std::string_view reason = first.reason.empty() ? "Invalid" : first.reason;
    error.edit().reason = reason_named(reason);
    error.edit().code = code_of(reason_named(reason));
    return fail(std::move(error).cause("", first.message, ""));
  }

 private:
  void misconfigured(const ValidatingPolicy& policy, const PolicyBinding* binding, std::string_view why) {
    if (policy.fails_open) return;
    deny(policy, binding, concat("failed to configure ", binding ? "binding: " : "policy: ", why), {});
  }

  void deny(const ValidatingPolicy& policy, const PolicyBinding* binding, std::string_view message, std::string_view reason) {
    auto where = binding ? concat(" with binding '", binding->name, "'") : std::string();
    denials_.push_back({concat("ValidatingAdmissionPolicy '", policy.name, "'", where, " denied request: ", message), reason});
  }

  Result<void> apply(const ValidatingPolicy& policy, const PolicyBinding& binding, const Target& target, const Served* param_resource) {
    auto matches = binding.matching.match(attributes_, seen_, catalog_);
    if (!matches) return misconfigured(policy, &binding, matches.error().message()), Result<void>();
    if (!*matches) return {};
    Arena arena;
    auto params = collect_params(param_resource, binding.params, namespace_of(attributes_), arena);
    if (!params) return misconfigured(policy, &binding, params.error()), Result<void>();
    auto inputs = TRY(expression_inputs(attributes_, target, seen_, rights_, arena));
    inputs.namespace_object = TRY(namespace_tree(arena));
    for (Value param : *params) {
      inputs.params = param;
      take(policy, binding, policy.judge(inputs));
    }
    return {};
  }

  // Of a namespace itself there is none.
  Result<Value> namespace_tree(Arena& arena) {
    const RequestInfo& info = attributes_.info;
    if (info.name_space.empty() || (info.group.empty() && info.resource == "namespaces")) return Value();
    auto* served = catalog_.find("", "v1", "namespaces");
    Target target{"", "v1", "namespaces", expected_kind(*served), served};
    Value tree = expression_tree(TRY(served->store->get("", info.name_space)), target, arena);
    for (auto name : {"ownerReferences", "managedFields"}) tree["metadata"].remove(name);
    return tree;
  }

  void take(const ValidatingPolicy& policy, const PolicyBinding& binding, ValidatingPolicy::Judgement judgement) {
    for (size_t i = 0; i < judgement.decisions.size(); i++) {
      auto& decision = judgement.decisions[i];
      if (!decision.denies) continue;
      for (const auto& action : binding.actions) {
        if (action == "Deny") deny(policy, &binding, decision.message, decision.reason);
        if (action == "Audit") annotate(policy, binding, i, decision.message);
        if (action == "Warn" && attributes_.warnings)
          attributes_.warnings->push_back(
              concat("Validation failed for ValidatingAdmissionPolicy '", policy.name, "' with binding '", binding.name, "': ", decision.message));
      }
    }
    for (auto& note : judgement.notes) {
      if (note.error) {
        deny(policy, &binding, *note.error, {});
        continue;
      }
      note.value.resize(std::min(note.value.size(), kNoteBytesMax));
      auto& values = notes_[note.key];
      if (std::find(values.begin(), values.end(), note.value) == values.end()) values.push_back(std::move(note.value));
    }
  }

  void annotate(const ValidatingPolicy& policy, const PolicyBinding& binding, size_t index, std::string_view message) {
    std::string text = R"([{"message":)";
    schema::write_json_string(text, message);
    text += R"(,"policy":)";
    schema::write_json_string(text, policy.name);
    text += R"(,"binding":)";
    schema::write_json_string(text, binding.name);
    append(text, R"(,"expressionIndex":)", index, R"(,"validationActions":)", list_text(binding.actions), "}]");
    attributes_.annotate("validation.policy.admission.k8s.io/validation_failure", text);
  }

  Catalog& catalog_;
  const Attributes& attributes_;
  RequestersRights rights_;
  Seen seen_;
  const Object* named_;
  std::vector<Denial> denials_;
  std::map<std::string, std::vector<std::string>> notes_;  // of the policy at hand
};

class ValidatingPolicies final : public AdmissionPlugin {
 public:
  explicit ValidatingPolicies(const AdmissionParts& parts) : catalog_(parts.catalog), access_(parts.access) {
    auto* policies = catalog_.store_of("admissionregistration.k8s.io", "validatingadmissionpolicies");
    auto* bindings = catalog_.store_of("admissionregistration.k8s.io", "validatingadmissionpolicybindings");
    if (!policies || !bindings) return;
    policies_.emplace(policies->cache(), policies_of);
    bindings_.emplace(bindings->cache(), bindings_of);
  }
  std::string_view name() const override { return "ValidatingAdmissionPolicy"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    if (!policies_ || is_beyond_policies(attributes)) return {};
    auto bindings = bindings_->get();
    if (bindings->empty()) return {};
    auto policies = policies_->get();
    Session session(catalog_, access_, attributes, object, old);
    for (const auto& [name, of_policy] : *bindings)
      if (auto policy = policies->find(name); policy != policies->end()) TRY(session.apply(*policy->second, of_policy));
    return session.verdict();
  }

 private:
  static Policies policies_of(const store::Snapshot& snapshot) {
    Policies policies;
    snapshot.each({}, {}, [&](std::string_view key, const ObjectRef& object) {
      policies.emplace(key, std::make_shared<const ValidatingPolicy>(*object));
      return true;
    });
    return policies;
  }
  static Bindings bindings_of(const store::Snapshot& snapshot) {
    Bindings bindings;
    snapshot.each({}, {}, [&](std::string_view, const ObjectRef& object) {
      auto binding = std::make_shared<const PolicyBinding>(*object);
      bindings[binding->policy].push_back(binding);
      return true;
    });
    return bindings;
  }

  Catalog& catalog_;
  Access& access_;
  std::optional<Derived<Policies>> policies_;
  std::optional<Derived<Bindings>> bindings_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> validating_policies(const AdmissionParts& parts) { return std::make_unique<ValidatingPolicies>(parts); }

}  // namespace sampan::apiserver
