// A ValidatingAdmissionPolicy made ready: what it says of a request.
#pragma once
#include "apiserver/admission/policies/policy.h"

namespace sampan::apiserver {

class ValidatingPolicy : public Policy {
 public:
  explicit ValidatingPolicy(const schema::Object& object);

  struct Decision {
    bool denies = false;
    std::string message;
    std::string_view reason;  // "" = Invalid
    double seconds = 0;
  };
  struct Note {  // for the audit
    std::string key, value;
    std::optional<std::string> error;
  };
  struct Judgement {
    std::vector<Decision> decisions;  // one for each validation, or one that says why there is none
    std::vector<Note> notes;
  };
  Judgement judge(const cel::admission::Inputs& inputs, const PolicyParts& parts, Operation operation) const;

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
  Decision decide(const Validation& validation, const std::expected<cel::Value, cel::admission::Mishap>& value, const std::string& message) const;
  std::vector<Note> notes(const cel::admission::Inputs& inputs, std::optional<std::string>& mishap) const;

  std::vector<Validation> validations_;
  std::vector<Annotation> annotations_;
};

}  // namespace sampan::apiserver
