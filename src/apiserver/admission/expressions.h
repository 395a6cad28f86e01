// A request as the expressions of policies and webhooks see it.
#pragma once
#include <string>
#include <vector>

#include "apiserver/admission/admission_metrics.h"
#include "apiserver/admission/seen.h"
#include "base/environment.h"
#include "cel/admission/run.h"

namespace sampan::apiserver {

// What the variable `authorizer` asks.
class RequestersRights final : public cel::AccessJudge {
 public:
  RequestersRights(Access& access, const User& user) : access_(access), user_(user) {}
  cel::AccessAnswer judge(const cel::AccessQuestion& question) const override;

 private:
  Access& access_;
  const User& user_;
};

// `params` and `namespace_object` are absent; the trees are the arena's.
Result<cel::admission::Inputs> expression_inputs(const Attributes& attributes, const Target& target, Seen& seen, const cel::AccessJudge& judge, Arena& arena);
// An object as a tree with its kind, as expressions have it.
schema::Value expression_tree(const schema::ObjectRef& object, const Target& target, Arena& arena);

// Whose conditions they are, for those who count.
struct ConditionsOf {
  AdmissionMetrics& metrics;
  Clock& clock;
  std::string_view name, kind, type;  // as in AdmissionMetrics::Conditions
  Operation operation;

  AdmissionMetrics::Conditions counted() const { return {name, kind, type, operation_text(operation)}; }
};

// Conditions of a webhook or a policy: all must hold for it to be asked.
class MatchConditions {
 public:
  MatchConditions(const schema::AnyView& list, cel::admission::Compiler& compiler, cel::admission::Names names);
  bool empty() const { return programs_.empty(); }
  // An error: it is not known, and who `fails_open` is not asked then.
  std::expected<bool, std::string> hold(const cel::admission::Compiler& compiler, const cel::admission::Inputs& inputs, bool fails_open,
                                        const ConditionsOf& of) const;

 private:
  std::vector<cel::Program> programs_;
};

}  // namespace sampan::apiserver
