// A ValidatingAdmissionPolicy made ready, and its bindings: what it says of a request.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apiserver/admission/expressions.h"
#include "apiserver/admission/matching.h"
#include "apiserver/admission/policy_params.h"

namespace sampan::apiserver {

class ValidatingPolicy {
 public:
  explicit ValidatingPolicy(const schema::Object& policy);

  struct Decision {
    bool denies = false;
    std::string message;
    std::string_view reason;  // "" = Invalid
  };
  struct Note {  // for the audit
    std::string key, value;
    std::optional<std::string> error;
  };
  struct Judgement {
    std::vector<Decision> decisions;  // one for each validation, or one that says why there is none
    std::vector<Note> notes;
  };
  Judgement judge(const cel::admission::Inputs& inputs) const;

  std::string name;
  bool fails_open = false;  // what is not known does not refuse the request
  Matching matching;
  std::optional<ParamKind> param_kind;

 private:
  struct Validation {
    cel::Program rule;
    std::optional<cel::Program> explains;
    std::string text, message, reason;
  };
  struct Annotation {
    std::string key, text;
    cel::Program value;
  };
  Judgement unknown(std::string why) const { return {{{!fails_open, std::move(why), {}}}, {}}; }
  std::vector<Note> notes(const cel::admission::Inputs& inputs, std::optional<std::string>& mishap) const;

  cel::admission::Compiler compiler_;
  MatchConditions conditions_;
  std::vector<Validation> validations_;
  std::vector<Annotation> annotations_;
};

struct PolicyBinding {
  explicit PolicyBinding(const schema::Object& binding);
  std::string name, policy;
  Matching matching;
  std::optional<ParamRef> params;
  std::vector<std::string> actions;  // "Deny", "Warn", "Audit"
};

}  // namespace sampan::apiserver
