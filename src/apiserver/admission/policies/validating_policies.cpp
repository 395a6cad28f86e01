// ValidatingAdmissionPolicy: policies in CEL, in force where bindings say.
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/policies/validating_policy.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

constexpr size_t kNoteBytesMax = 10 * 1024;

using Bindings = BoundPolicies<ValidatingPolicy>::Bindings;

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
  Session(const PolicyParts& parts, const Attributes& attributes, const Object* object, const Object* old)
      : parts_(parts), attributes_(attributes), seen_(attributes, object, old), request_(parts, attributes, seen_), named_(object ? object : old) {}

  Result<void> apply(const ValidatingPolicy& policy, const Bindings& bindings) {
    auto meant = request_.meant_by(policy);
    if (!meant) misconfigured(policy, nullptr, meant.error());
    if (!meant || !*meant) return {};
    for (const auto& binding : bindings) TRY(apply(policy, *binding, **meant));
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

  Result<void> apply(const ValidatingPolicy& policy, const PolicyBinding& binding, const PolicyRequest::Meant& meant) {
    Arena arena;
    auto params = request_.params_of(binding, meant, arena);
    if (!params) return misconfigured(policy, &binding, params.error()), Result<void>();
    for (Value param : *params) take(policy, binding, policy.judge(TRY(request_.inputs(meant.target, param, arena)), parts_, attributes_.operation));
    return {};
  }

  void take(const ValidatingPolicy& policy, const PolicyBinding& binding, ValidatingPolicy::Judgement judgement) {
    for (size_t i = 0; i < judgement.decisions.size(); i++) {
      auto& decision = judgement.decisions[i];
      AdmissionMetrics::Check check{policy.name, binding.name, decision.message, decision.seconds};
      if (!decision.denies) {
        if (!decision.message.empty()) parts_.metrics.validation_checked(check, "allow");
        continue;
      }
      for (const auto& action : binding.actions) {
        parts_.metrics.validation_checked(check, action == "Deny" ? "deny" : action == "Audit" ? "audit" : "warn");
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
        parts_.metrics.validation_checked({policy.name, binding.name, *note.error}, "deny");
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

  const PolicyParts& parts_;
  const Attributes& attributes_;
  Seen seen_;
  PolicyRequest request_;
  const Object* named_;
  std::vector<Denial> denials_;
  std::map<std::string, std::vector<std::string>> notes_;  // of the policy at hand
};

class ValidatingPolicies final : public AdmissionPlugin {
 public:
  explicit ValidatingPolicies(const AdmissionParts& parts) : parts_(parts) {
    auto* policies = parts_.catalog.store_of("admissionregistration.k8s.io", "validatingadmissionpolicies");
    auto* bindings = parts_.catalog.store_of("admissionregistration.k8s.io", "validatingadmissionpolicybindings");
    if (!policies || !bindings) return;
    policies_.emplace(*policies, *bindings);
  }
  std::string_view name() const override { return "ValidatingAdmissionPolicy"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    if (!policies_ || is_beyond_policies(attributes)) return {};
    std::optional<Session> session;
    TRY(policies_->each([&](const auto& policy, const Bindings& bindings) {
      if (!session) session.emplace(parts_, attributes, object, old);
      return session->apply(*policy, bindings);
    }));
    return session ? session->verdict() : Result<void>();
  }

 private:
  PolicyParts parts_;
  std::optional<BoundPolicies<ValidatingPolicy>> policies_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> validating_policies(const AdmissionParts& parts) { return std::make_unique<ValidatingPolicies>(parts); }

}  // namespace sampan::apiserver
