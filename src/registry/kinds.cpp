// The list of all tables. A new kind is one declaration and one line here.
#include "registry/rules.h"

namespace sampan::registry {

extern const Rules kCertificateSigningRequestRules;
extern const Rules kControllerRevisionRules;
extern const Rules kCronJobRules;
extern const Rules kDaemonSetRules;
extern const Rules kDeploymentRules;
extern const Rules kHorizontalPodAutoscalerRules;
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
extern const Rules kComponentStatusRules;
extern const Rules kConfigMapRules;
extern const Rules kEndpointsRules;
extern const Rules kEventRules;
extern const Rules kEventsEventRules;
extern const Rules kLimitRangeRules;
extern const Rules kNamespaceRules;
extern const Rules kNodeRules;
extern const Rules kPersistentVolumeRules;
extern const Rules kPersistentVolumeClaimRules;
extern const Rules kResourceQuotaRules;
extern const Rules kSecretRules;
extern const Rules kServiceRules;
extern const Rules kServiceAccountRules;
extern const Rules kEndpointSliceRules;
extern const Rules kIngressRules;
extern const Rules kIngressClassRules;
extern const Rules kNetworkPolicyRules;
extern const Rules kServiceCIDRRules;
extern const Rules kIPAddressRules;
extern const Rules kCSIDriverRules;
extern const Rules kCSINodeRules;
extern const Rules kCSIStorageCapacityRules;
extern const Rules kStorageClassRules;
extern const Rules kVolumeAttributesClassRules;
extern const Rules kVolumeAttachmentRules;
extern const Rules kRoleRules;
extern const Rules kClusterRoleRules;
extern const Rules kRoleBindingRules;
extern const Rules kClusterRoleBindingRules;
extern const Rules kFlowSchemaRules;
extern const Rules kPriorityLevelConfigurationRules;
extern const Rules kStatefulSetRules;
extern const Rules kAPIServiceRules;
extern const Rules kValidatingWebhookConfigurationRules;
extern const Rules kMutatingWebhookConfigurationRules;
extern const Rules kValidatingAdmissionPolicyRules;
extern const Rules kMutatingAdmissionPolicyRules;
extern const Rules kValidatingAdmissionPolicyBindingRules;
extern const Rules kMutatingAdmissionPolicyBindingRules;
extern const Rules kResourceClaimRules;
extern const Rules kResourceClaimTemplateRules;
extern const Rules kDeviceClassRules;
extern const Rules kResourceSliceRules;
extern const Rules kCustomResourceDefinitionRules;
extern const Rules kNodeMetricsRules;
extern const Rules kPodMetricsRules;

const Rules& rules_of(std::string_view group, std::string_view kind) {
  static constexpr const Rules* kAll[] = {
      &kCertificateSigningRequestRules,
      &kControllerRevisionRules,
      &kCronJobRules,
      &kDaemonSetRules,
      &kDeploymentRules,
      &kHorizontalPodAutoscalerRules,
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
      &kComponentStatusRules,
      &kConfigMapRules,
      &kEndpointsRules,
      &kEventRules,
      &kEventsEventRules,
      &kLimitRangeRules,
      &kNamespaceRules,
      &kNodeRules,
      &kPersistentVolumeRules,
      &kPersistentVolumeClaimRules,
      &kResourceQuotaRules,
      &kSecretRules,
      &kServiceRules,
      &kServiceAccountRules,
      &kEndpointSliceRules,
      &kIngressRules,
      &kIngressClassRules,
      &kNetworkPolicyRules,
      &kServiceCIDRRules,
      &kIPAddressRules,
      &kCSIDriverRules,
      &kCSINodeRules,
      &kCSIStorageCapacityRules,
      &kStorageClassRules,
      &kVolumeAttributesClassRules,
      &kVolumeAttachmentRules,
      &kRoleRules,
      &kClusterRoleRules,
      &kRoleBindingRules,
      &kClusterRoleBindingRules,
      &kFlowSchemaRules,
      &kPriorityLevelConfigurationRules,
      &kStatefulSetRules,
      &kAPIServiceRules,
      &kValidatingWebhookConfigurationRules,
      &kMutatingWebhookConfigurationRules,
      &kValidatingAdmissionPolicyRules,
      &kMutatingAdmissionPolicyRules,
      &kValidatingAdmissionPolicyBindingRules,
      &kMutatingAdmissionPolicyBindingRules,
      &kResourceClaimRules,
      &kResourceClaimTemplateRules,
      &kDeviceClassRules,
      &kResourceSliceRules,
      &kCustomResourceDefinitionRules,
      &kNodeMetricsRules,
      &kPodMetricsRules,
  };
  static const Rules plain;
  for (const Rules* rules : kAll)
    if (rules->kind == kind && rules->group == group) return *rules;
  return plain;
}

}  // namespace sampan::registry
