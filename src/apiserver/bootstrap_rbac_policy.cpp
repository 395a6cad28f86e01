// The roles and bindings that a cluster starts with, as data. What a line means is said in bootstrap_rbac.cpp.
#include "apiserver/bootstrap_rbac.h"

namespace sampan::apiserver {

std::string_view rbac_policy() {
  return R"(
role admin gathers=admin
role cluster-admin
  * * @*
  * url:*
role edit to=admin gathers=edit
role system:aggregate-to-admin to=admin
  create localsubjectaccessreviews @authorization.k8s.io
  create,delete,deletecollection,get,list,patch,update,watch rolebindings,roles @rbac.authorization.k8s.io
role system:aggregate-to-edit to=edit
  get,list,watch pods/attach,pods/exec,pods/portforward,pods/proxy,secrets,services/proxy
  impersonate serviceaccounts
  create,delete,deletecollection,patch,update pods,pods/attach,pods/exec,pods/portforward,pods/proxy
  create pods/eviction
  create,delete,deletecollection,patch,update configmaps,persistentvolumeclaims,replicationcontrollers,replicationcontrollers/scale,secrets,serviceaccounts,services,services/proxy
  create serviceaccounts/token
  create,delete,deletecollection,patch,update events @core,events.k8s.io
  create,delete,deletecollection,patch,update daemonsets,deployments,deployments/rollback,deployments/scale,replicasets,replicasets/scale,statefulsets,statefulsets/scale @apps
  create,delete,deletecollection,patch,update horizontalpodautoscalers @autoscaling
  create,delete,deletecollection,patch,update cronjobs,jobs @batch
  create,delete,deletecollection,patch,update daemonsets,deployments,deployments/rollback,deployments/scale,ingresses,networkpolicies,replicasets,replicasets/scale,replicationcontrollers/scale @extensions
  create,delete,deletecollection,patch,update poddisruptionbudgets @policy
  create,delete,deletecollection,patch,update ingresses,networkpolicies @networking.k8s.io
  create,delete,deletecollection,get,list,patch,update,watch leases @coordination.k8s.io
  create,delete,deletecollection,patch,update resourceclaims,resourceclaimtemplates @resource.k8s.io
role system:aggregate-to-view to=view
  get,list,watch configmaps,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status
  get,list,watch bindings,limitranges,namespaces/status,pods/log,pods/status,replicationcontrollers/status,resourcequotas,resourcequotas/status
  get,list,watch namespaces
  get,list,watch events @core,events.k8s.io
  get,list,watch endpointslices @discovery.k8s.io
  get,list,watch controllerrevisions,daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,replicasets,replicasets/scale,replicasets/status,statefulsets,statefulsets/scale,statefulsets/status @apps
  get,list,watch horizontalpodautoscalers,horizontalpodautoscalers/status @autoscaling
  get,list,watch cronjobs,cronjobs/status,jobs,jobs/status @batch
  get,list,watch daemonsets,daemonsets/status,deployments,deployments/scale,deployments/status,ingresses,ingresses/status,networkpolicies,replicasets,replicasets/scale,replicasets/status,replicationcontrollers/scale @extensions
  get,list,watch poddisruptionbudgets,poddisruptionbudgets/status @policy
  get,list,watch ingresses,ingresses/status,networkpolicies @networking.k8s.io
  get,list,watch resourceclaims,resourceclaims/status,resourceclaimtemplates @resource.k8s.io
role system:auth-delegator
  create tokenreviews @authentication.k8s.io
  create subjectaccessreviews @authorization.k8s.io
role system:basic-user
  create selfsubjectaccessreviews,selfsubjectrulesreviews @authorization.k8s.io
  create selfsubjectreviews @authentication.k8s.io
role system:certificates.k8s.io:certificatesigningrequests:nodeclient
  create certificatesigningrequests/nodeclient @certificates.k8s.io
role system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  create certificatesigningrequests/selfnodeclient @certificates.k8s.io
role system:certificates.k8s.io:kube-apiserver-client-approver
  approve signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client
role system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  approve signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client-kubelet
role system:certificates.k8s.io:kubelet-serving-approver
  approve signers @certificates.k8s.io =kubernetes.io/kubelet-serving
role system:certificates.k8s.io:legacy-unknown-approver
  approve signers @certificates.k8s.io =kubernetes.io/legacy-unknown
role system:discovery
  get url:/api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/
role system:heapster
  get,list,watch events,namespaces,nodes,pods
  get,list,watch deployments @extensions
role system:kube-aggregator
  get,list,watch endpoints,services
role system:kube-controller-manager
  create,patch,update events @core,events.k8s.io
  create leases @coordination.k8s.io
  get,update leases @coordination.k8s.io =kube-controller-manager
  create secrets,serviceaccounts
  delete secrets
  get configmaps,namespaces,secrets,serviceaccounts
  update secrets,serviceaccounts
  create tokenreviews @authentication.k8s.io
  create subjectaccessreviews @authorization.k8s.io
  list,watch * @*
  create serviceaccounts/token
role system:kube-dns
  list,watch endpoints,services
role system:kube-scheduler
  create,patch,update events @core,events.k8s.io
  create leases @coordination.k8s.io
  get,list,update,watch leases @coordination.k8s.io =kube-scheduler
  create,delete,deletecollection,get,list,patch,update,watch leasecandidates @coordination.k8s.io
  get,list,watch nodes
  delete,get,list,watch pods
  create bindings,pods/binding
  patch,update pods/status
  get,list,watch replicationcontrollers,services
  get,list,watch replicasets @apps,extensions
  get,list,watch statefulsets @apps
  get,list,watch poddisruptionbudgets @policy
  get,list,watch persistentvolumeclaims,persistentvolumes
  create tokenreviews @authentication.k8s.io
  create subjectaccessreviews @authorization.k8s.io
  get,list,watch csinodes @storage.k8s.io
  get,list,watch volumeattachments @storage.k8s.io
  get,list,watch namespaces
  get,list,watch csidrivers @storage.k8s.io
  get,list,watch csistoragecapacities @storage.k8s.io
  get,list,watch deviceclasses @resource.k8s.io
  get,list,patch,update,watch resourceclaims @resource.k8s.io
  get,list,patch,update,watch resourceclaims/status @resource.k8s.io
  update pods/finalizers
  get,list,watch resourceslices @resource.k8s.io
  create,delete resourceclaims @resource.k8s.io
  patch,update resourceclaims/binding @resource.k8s.io
role system:kubelet-api-admin
  get,list,watch nodes
  proxy nodes
  * nodes/log,nodes/metrics,nodes/proxy,nodes/stats
  * nodes/configz,nodes/healthz,nodes/pods
role system:monitoring
  get url:/flagz,/healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*,/statusz
  get nodes/metrics
role system:node
  create tokenreviews @authentication.k8s.io
  create localsubjectaccessreviews,subjectaccessreviews @authorization.k8s.io
  get,list,watch services
  create,get,list,watch nodes
  patch,update nodes/status
  patch,update nodes
  create,patch,update events @core,events.k8s.io
  get,list,watch pods
  create,delete pods
  patch,update pods/status
  create pods/eviction
  get,list,watch configmaps,secrets
  get persistentvolumeclaims,persistentvolumes
  get endpoints
  create,get,list,watch certificatesigningrequests @certificates.k8s.io
  create,delete,get,patch,update leases @coordination.k8s.io
  get volumeattachments @storage.k8s.io
  create serviceaccounts/token
  get,patch,update persistentvolumeclaims/status
  get,list,watch csidrivers @storage.k8s.io
  create,delete,get,patch,update csinodes @storage.k8s.io
  get,list,watch runtimeclasses @node.k8s.io
  get resourceclaims @resource.k8s.io
  deletecollection resourceslices @resource.k8s.io
  get serviceaccounts
role system:node-bootstrapper
  create,get,list,watch certificatesigningrequests @certificates.k8s.io
role system:node-problem-detector
  get nodes
  patch nodes/status
  create,patch,update events @core,events.k8s.io
role system:node-proxier
  list,watch endpoints,services
  get,list,watch nodes
  create,patch,update events @core,events.k8s.io
  list,watch servicecidrs @networking.k8s.io
  list,watch endpointslices @discovery.k8s.io
role system:persistent-volume-provisioner
  create,delete,get,list,watch persistentvolumes
  get,list,update,watch persistentvolumeclaims
  get,list,watch storageclasses @storage.k8s.io
  watch events
  create,patch,update events @core,events.k8s.io
role system:public-info-viewer
  get url:/healthz,/livez,/readyz,/version,/version/
role system:service-account-issuer-discovery
  get url:/.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/
role system:volume-scheduler
  get,list,patch,update,watch persistentvolumes
  get,list,watch storageclasses @storage.k8s.io
  get,list,patch,update,watch persistentvolumeclaims
role view to=edit gathers=view
role system:controller:attachdetach-controller
  list,watch persistentvolumeclaims,persistentvolumes
  get,list,watch nodes
  patch,update nodes/status
  list,watch pods
  create,patch,update events @core,events.k8s.io
  create,delete,get,list,watch volumeattachments @storage.k8s.io
  get,list,watch csidrivers @storage.k8s.io
  get,list,watch csinodes @storage.k8s.io
role system:controller:certificate-controller
  delete,get,list,watch certificatesigningrequests @certificates.k8s.io
  update certificatesigningrequests/approval,certificatesigningrequests/status @certificates.k8s.io
  approve signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client-kubelet
  sign signers @certificates.k8s.io =kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,kubernetes.io/legacy-unknown
  create subjectaccessreviews @authorization.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:clusterrole-aggregation-controller
  escalate,get,list,patch,update,watch clusterroles @rbac.authorization.k8s.io
role system:controller:cronjob-controller
  get,list,update,watch cronjobs @batch
  create,delete,get,list,patch,update,watch jobs @batch
  update cronjobs/status @batch
  update cronjobs/finalizers @batch
  delete,list,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:daemon-set-controller
  get,list,watch daemonsets @apps,extensions
  update daemonsets/status @apps,extensions
  update daemonsets/finalizers @apps,extensions
  list,watch nodes
  create,delete,list,patch,watch pods
  create pods/binding
  create,delete,get,list,patch,update,watch controllerrevisions @apps
  create,patch,update events @core,events.k8s.io
role system:controller:deployment-controller
  get,list,update,watch deployments @apps,extensions
  update deployments/status @apps,extensions
  update deployments/finalizers @apps,extensions
  create,delete,get,list,patch,update,watch replicasets @apps,extensions
  get,list,update,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:device-taint-eviction-controller
  delete,get,list,watch pods
  patch,update pods/status
  get,list,watch resourceclaims @resource.k8s.io
  get,list,watch resourceslices @resource.k8s.io
  get,list,watch deviceclasses @resource.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:disruption-controller
  get,list,watch deployments @apps,extensions
  get,list,watch replicasets @apps,extensions
  get,list,watch replicationcontrollers
  get,list,watch poddisruptionbudgets @policy
  get,list,watch statefulsets @apps
  update poddisruptionbudgets/status @policy
  patch,update pods/status
  get */scale @*
  create,patch,update events @core,events.k8s.io
role system:controller:endpoint-controller
  get,list,watch pods,services
  create,delete,get,list,update,watch endpoints
  create endpoints/restricted
  create,patch,update events @core,events.k8s.io
role system:controller:endpointslice-controller
  get,list,watch nodes,pods,services
  update services/finalizers
  create,delete,get,list,update,watch endpointslices @discovery.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:endpointslicemirroring-controller
  get,list,watch endpoints,services
  update services/finalizers
  update endpoints/finalizers
  create,delete,get,list,update,watch endpointslices @discovery.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:ephemeral-volume-controller
  get,list,watch pods
  update pods/finalizers
  create,get,list,watch persistentvolumeclaims
  create,patch,update events @core,events.k8s.io
role system:controller:expand-controller
  get,list,patch,update,watch persistentvolumes
  patch,update persistentvolumeclaims/status
  get,list,watch persistentvolumeclaims
  create,patch,update events @core,events.k8s.io
role system:controller:generic-garbage-collector
  delete,get,list,patch,update,watch * @*
  create,patch,update events @core,events.k8s.io
role system:controller:horizontal-pod-autoscaler
  get,list,watch horizontalpodautoscalers @autoscaling
  update horizontalpodautoscalers/status @autoscaling
  get,update */scale @*
  list,watch pods
  list,watch pods @metrics.k8s.io
  get,list,watch * @custom.metrics.k8s.io
  get,list,watch * @external.metrics.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:job-controller
  get,list,patch,update,watch jobs @batch
  update jobs/status @batch
  update jobs/finalizers @batch
  create,delete,list,patch,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:legacy-service-account-token-cleaner
  get configmaps =kube-apiserver-legacy-service-account-token-tracking
  delete,patch secrets
role system:controller:namespace-controller
  delete,get,list,watch namespaces
  update namespaces/finalize,namespaces/status
  delete,deletecollection,get,list,watch * @*
role system:controller:node-controller
  delete,get,list,patch,update,watch nodes
  patch,update nodes/status
  patch,update pods/status
  delete,get,list,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:persistent-volume-binder
  create,delete,get,list,update,watch persistentvolumes
  update persistentvolumes/status
  get,list,update,watch persistentvolumeclaims
  update persistentvolumeclaims/status
  create,delete,get,list,watch pods
  get,list,watch storageclasses @storage.k8s.io
  list,watch nodes
  create,patch,update events @core,events.k8s.io
  watch events
role system:controller:pod-garbage-collector
  delete,list,watch pods
  get,list,watch nodes
  patch pods/status
role system:controller:pv-protection-controller
  get,list,update,watch persistentvolumes
  create,patch,update events @core,events.k8s.io
role system:controller:pvc-protection-controller
  get,list,update,watch persistentvolumeclaims
  update persistentvolumeclaims/status
  get,list,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:replicaset-controller
  get,list,update,watch replicasets @apps,extensions
  update replicasets/status @apps,extensions
  update replicasets/finalizers @apps,extensions
  create,delete,list,patch,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:replication-controller
  get,list,update,watch replicationcontrollers
  update replicationcontrollers/status
  update replicationcontrollers/finalizers
  create,delete,list,patch,watch pods
  create,patch,update events @core,events.k8s.io
role system:controller:resource-claim-controller
  get,list,watch pods
  update pods/finalizers
  create,delete,get,list,watch resourceclaims @resource.k8s.io
  patch,update resourceclaims,resourceclaims/status @resource.k8s.io
  patch,update pods/status
  create,patch,update events @core,events.k8s.io
  patch,update resourceclaims/binding @resource.k8s.io
role system:controller:resourcequota-controller
  list,watch * @*
  update resourcequotas/status
  create,patch,update events @core,events.k8s.io
role system:controller:root-ca-cert-publisher
  create,update configmaps
  create,patch,update events @core,events.k8s.io
role system:controller:route-controller
  list,watch nodes
  patch nodes/status
  create,patch,update events @core,events.k8s.io
role system:controller:selinux-warning-controller
  create,patch,update events @core,events.k8s.io
  get,list,watch persistentvolumes
  get,list,watch persistentvolumeclaims
  get,list,watch pods
  get,list,watch csidrivers @storage.k8s.io
role system:controller:service-account-controller
  create serviceaccounts
  create,patch,update events @core,events.k8s.io
role system:controller:service-cidrs-controller
  get,list,patch,update,watch servicecidrs @networking.k8s.io
  patch,update servicecidrs/finalizers @networking.k8s.io
  patch,update servicecidrs/status @networking.k8s.io
  get,list,watch ipaddresses @networking.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:service-controller
  get,list,watch services
  patch,update services/status
  list,watch nodes
  create,patch,update events @core,events.k8s.io
role system:controller:statefulset-controller
  list,watch pods
  get,list,watch statefulsets @apps
  update statefulsets/status @apps
  update statefulsets/finalizers @apps
  create,delete,get,patch,update pods
  create,delete,get,list,patch,update,watch controllerrevisions @apps
  create,get,list,watch persistentvolumeclaims
  delete,update persistentvolumeclaims
  update pods/finalizers
  create,patch,update events @core,events.k8s.io
role system:controller:ttl-after-finished-controller
  delete,get,list,watch jobs @batch
  create,patch,update events @core,events.k8s.io
role system:controller:ttl-controller
  list,patch,update,watch nodes
  create,patch,update events @core,events.k8s.io
role system:controller:validatingadmissionpolicy-status-controller
  get,list,watch validatingadmissionpolicies @admissionregistration.k8s.io
  get,patch,update validatingadmissionpolicies/status @admissionregistration.k8s.io
  create,patch,update events @core,events.k8s.io
role system:controller:volumeattributesclass-protection-controller
  get,list,watch persistentvolumeclaims
  get,list,watch persistentvolumes
  get,list,update,watch volumeattributesclasses @storage.k8s.io
  create,patch,update events @core,events.k8s.io
role kube-public/system:controller:bootstrap-signer
  get,list,watch configmaps
  update configmaps =cluster-info
  create,patch,update events @core,events.k8s.io
role kube-system/extension-apiserver-authentication-reader
  get,list,watch configmaps =extension-apiserver-authentication
role kube-system/system::leader-locking-kube-controller-manager
  create,get,list,update,watch leases @coordination.k8s.io
  create,get,list,update,watch leasecandidates @coordination.k8s.io
role kube-system/system::leader-locking-kube-scheduler
  create,get,list,update,watch leases @coordination.k8s.io
  create,get,list,update,watch leasecandidates @coordination.k8s.io
role kube-system/system:controller:bootstrap-signer
  get,list,watch secrets
role kube-system/system:controller:cloud-provider
  create,get,list,watch configmaps
role kube-system/system:controller:token-cleaner
  delete,get,list,watch secrets
  create,patch,update events @core,events.k8s.io
binding cluster-admin group=system:masters
binding system:basic-user group=system:authenticated
binding system:discovery group=system:authenticated
binding system:kube-controller-manager user=system:kube-controller-manager
binding system:kube-dns account=kube-system/kube-dns
binding system:kube-scheduler user=system:kube-scheduler
binding system:monitoring group=system:monitoring
binding system:node
binding system:node-proxier user=system:kube-proxy
binding system:public-info-viewer group=system:authenticated group=system:unauthenticated
binding system:service-account-issuer-discovery group=system:serviceaccounts
binding system:volume-scheduler user=system:kube-scheduler
binding system:controller:attachdetach-controller account=kube-system/attachdetach-controller
binding system:controller:certificate-controller account=kube-system/certificate-controller
binding system:controller:clusterrole-aggregation-controller account=kube-system/clusterrole-aggregation-controller
binding system:controller:cronjob-controller account=kube-system/cronjob-controller
binding system:controller:daemon-set-controller account=kube-system/daemon-set-controller
binding system:controller:deployment-controller account=kube-system/deployment-controller
binding system:controller:device-taint-eviction-controller account=kube-system/device-taint-eviction-controller
binding system:controller:disruption-controller account=kube-system/disruption-controller
binding system:controller:endpoint-controller account=kube-system/endpoint-controller
binding system:controller:endpointslice-controller account=kube-system/endpointslice-controller
binding system:controller:endpointslicemirroring-controller account=kube-system/endpointslicemirroring-controller
binding system:controller:ephemeral-volume-controller account=kube-system/ephemeral-volume-controller
binding system:controller:expand-controller account=kube-system/expand-controller
binding system:controller:generic-garbage-collector account=kube-system/generic-garbage-collector
binding system:controller:horizontal-pod-autoscaler account=kube-system/horizontal-pod-autoscaler
binding system:controller:job-controller account=kube-system/job-controller
binding system:controller:legacy-service-account-token-cleaner account=kube-system/legacy-service-account-token-cleaner
binding system:controller:namespace-controller account=kube-system/namespace-controller
binding system:controller:node-controller account=kube-system/node-controller
binding system:controller:persistent-volume-binder account=kube-system/persistent-volume-binder
binding system:controller:pod-garbage-collector account=kube-system/pod-garbage-collector
binding system:controller:pv-protection-controller account=kube-system/pv-protection-controller
binding system:controller:pvc-protection-controller account=kube-system/pvc-protection-controller
binding system:controller:replicaset-controller account=kube-system/replicaset-controller
binding system:controller:replication-controller account=kube-system/replication-controller
binding system:controller:resource-claim-controller account=kube-system/resource-claim-controller
binding system:controller:resourcequota-controller account=kube-system/resourcequota-controller
binding system:controller:root-ca-cert-publisher account=kube-system/root-ca-cert-publisher
binding system:controller:route-controller account=kube-system/route-controller
binding system:controller:selinux-warning-controller account=kube-system/selinux-warning-controller
binding system:controller:service-account-controller account=kube-system/service-account-controller
binding system:controller:service-cidrs-controller account=kube-system/service-cidrs-controller
binding system:controller:service-controller account=kube-system/service-controller
binding system:controller:statefulset-controller account=kube-system/statefulset-controller
binding system:controller:ttl-after-finished-controller account=kube-system/ttl-after-finished-controller
binding system:controller:ttl-controller account=kube-system/ttl-controller
binding system:controller:validatingadmissionpolicy-status-controller account=kube-system/validatingadmissionpolicy-status-controller
binding system:controller:volumeattributesclass-protection-controller account=kube-system/volumeattributesclass-protection-controller
binding kube-public/system:controller:bootstrap-signer account=kube-system/bootstrap-signer
binding kube-system/system::extension-apiserver-authentication-reader role=extension-apiserver-authentication-reader user=system:kube-controller-manager user=system:kube-scheduler
binding kube-system/system::leader-locking-kube-controller-manager user=system:kube-controller-manager account=kube-system/kube-controller-manager account=kube-system/leader-election-controller
binding kube-system/system::leader-locking-kube-scheduler user=system:kube-scheduler account=kube-system/kube-scheduler
binding kube-system/system:controller:bootstrap-signer account=kube-system/bootstrap-signer
binding kube-system/system:controller:cloud-provider account=kube-system/cloud-provider
binding kube-system/system:controller:token-cleaner account=kube-system/token-cleaner
)";
}

}  // namespace sampan::apiserver
