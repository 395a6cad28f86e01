// The list of all tables. A new kind is one declaration and one line here.
#include "registry/rules.h"

namespace sampan::registry {

extern const Rules kControllerRevisionRules;
extern const Rules kCronJobRules;
extern const Rules kDaemonSetRules;
extern const Rules kDeploymentRules;
extern const Rules kJobRules;
extern const Rules kLeaseRules;
extern const Rules kLeaseCandidateRules;
extern const Rules kPodDisruptionBudgetRules;
extern const Rules kPodRules;
extern const Rules kPodTemplateRules;
extern const Rules kPriorityClassRules;
extern const Rules kReplicaSetRules;
extern const Rules kReplicationControllerRules;
extern const Rules kRuntimeClassRules;
extern const Rules kStatefulSetRules;

const Rules& rules_of(std::string_view group, std::string_view kind) {
  static constexpr const Rules* kAll[] = {
      &kControllerRevisionRules,
      &kCronJobRules,
      &kDaemonSetRules,
      &kDeploymentRules,
      &kJobRules,
      &kLeaseRules,
      &kLeaseCandidateRules,
      &kPodDisruptionBudgetRules,
      &kPodRules,
      &kPodTemplateRules,
      &kPriorityClassRules,
      &kReplicaSetRules,
      &kReplicationControllerRules,
      &kRuntimeClassRules,
      &kStatefulSetRules,
  };
  static const Rules plain;
  for (const Rules* rules : kAll)
    if (rules->kind == kind && rules->group == group) return *rules;
  return plain;
}

}  // namespace sampan::registry
