// Programs of a policy or a webhook, run on one request. A run is upstream's one evaluation of a list: variables are computed once in it, when they are
// asked for, and everything in it pays from one budget.
#pragma once
#include "cel/admission/compiler.h"
#include "cel/evaluate.h"
#include "cel/library/authorizer.h"
#include "schema/value.h"

namespace sampan::cel::admission {

inline constexpr uint64_t kBudget = 10'000'000;                // of the validations, or the mutations, of one policy: about a second upstream
inline constexpr uint64_t kBudgetOfMatchConditions = 2'500'000;

// What names stand for; what is absent is null. Trees and judge must outlive the run and the values it gives.
struct Inputs {
  schema::Value object, old_object;
  schema::Value request;           // as an AdmissionRequest of v1 without uid, object and oldObject; "options": null if there are none
  schema::Value namespace_object;  // metadata without owners and managed fields
  schema::Value params;
  const AccessJudge* judge = nullptr;  // null: there is no `authorizer`
  AccessQuestion resource;             // authorizer.requestResource
};

struct Mishap {
  std::string message;
  bool final = false;  // the budget is used up: the request is refused, whatever its policy says about failures
};

class PolicyRun final : private Activation {
 public:
  // `compiler` made the programs; it is asked for the variables.
  PolicyRun(const Compiler& compiler, const Inputs& inputs, uint64_t budget);
  ~PolicyRun() override;
  PolicyRun(const PolicyRun&) = delete;
  PolicyRun& operator=(const PolicyRun&) = delete;

  // The values live as long as the run.
  std::expected<Value, Mishap> evaluate(const Program& program);
  uint64_t budget() const { return budget_; }  // what is left

 private:
  struct Variables;
  std::optional<Maybe<Value>> find(std::string_view variable) const override;
  Maybe<Value> compute(std::string_view name);

  const Compiler& compiler_;
  const Inputs& inputs_;
  uint64_t budget_;
  uint64_t spent_by_variables_ = 0;
  const char* stack_ = nullptr;  // where it was when the program began
  Ref<Variables> variables_;
};

}  // namespace sampan::cel::admission
