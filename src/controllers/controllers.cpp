// One line a controller, in upstream's order of start. Each is a file of its own that defines its factory.
#include "controllers/controllers.h"

namespace sampan::controllers {

// Factories, one a file.
std::unique_ptr<Controller> make_cron_job_controller(Environment& environment);
std::unique_ptr<Controller> make_daemon_set_controller(Environment& environment);
std::unique_ptr<Controller> make_deployment_controller(Environment& environment);
std::unique_ptr<Controller> make_job_controller(Environment& environment);
std::unique_ptr<Controller> make_replica_set_controller(Environment& environment);
std::unique_ptr<Controller> make_replication_controller_controller(Environment& environment);
std::unique_ptr<Controller> make_endpoints(Environment&);
std::unique_ptr<Controller> make_endpointslice(Environment&);
std::unique_ptr<Controller> make_endpointslicemirroring(Environment&);
std::unique_ptr<Controller> make_cluster_dns(Environment&);
std::unique_ptr<Controller> make_certificate_signing(Environment&);
std::unique_ptr<Controller> make_certificate_approving(Environment&);
std::unique_ptr<Controller> make_certificate_cleaning(Environment&);
std::unique_ptr<Controller> make_token_cleaner(Environment&);
std::unique_ptr<Controller> make_bootstrap_signer(Environment&);
std::unique_ptr<Controller> make_clusterrole_aggregation(Environment&);
std::unique_ptr<Controller> make_volume_binder(Environment&);
std::unique_ptr<Controller> make_local_path(Environment&);
std::unique_ptr<Controller> make_claim_protection(Environment&);
std::unique_ptr<Controller> make_volume_protection(Environment&);
std::unique_ptr<Controller> make_attributes_class_protection(Environment&);
std::unique_ptr<Controller> make_ephemeral_volume(Environment&);
std::unique_ptr<Controller> make_resource_claim(Environment&);
std::unique_ptr<Controller> make_device_taint_eviction(Environment&);
std::unique_ptr<Controller> make_pod_gc(Environment&);
std::unique_ptr<Controller> make_resource_quota(Environment&);
std::unique_ptr<Controller> make_namespace(Environment&);
std::unique_ptr<Controller> make_serviceaccount(Environment&);
std::unique_ptr<Controller> make_root_ca_publisher(Environment&);
std::unique_ptr<Controller> make_garbage_collector(Environment&);
std::unique_ptr<Controller> make_disruption(Environment&);
std::unique_ptr<Controller> make_ttl(Environment&);
std::unique_ptr<Controller> make_node_ipam(Environment&);
std::unique_ptr<Controller> make_node_lifecycle(Environment&);
std::unique_ptr<Controller> make_taint_eviction(Environment&);
std::unique_ptr<Controller> make_stateful_set_controller(Environment& environment);
std::unique_ptr<Controller> make_ttl_after_finished_controller(Environment& environment);
std::unique_ptr<Controller> make_admission_policy_status(Environment&);

namespace {

const std::vector<Entry>& entries() {
  static const std::vector<Entry> list = {
      // name, service account, workers, factory[, on by default]
      {"replicationcontroller-controller", "replication-controller", 5, make_replication_controller_controller},
      {"daemonset-controller", "daemon-set-controller", 2, make_daemon_set_controller, true, "daemonset-controller"},
      {"job-controller", "job-controller", 5, make_job_controller},
      {"deployment-controller", "deployment-controller", 5, make_deployment_controller},
      {"replicaset-controller", "replicaset-controller", 5, make_replica_set_controller},
      {"endpoints-controller", "endpoint-controller", 5, make_endpoints},
      {"endpointslice-controller", "endpointslice-controller", 5, make_endpointslice},
      {"endpointslice-mirroring-controller", "endpointslicemirroring-controller", 5, make_endpointslicemirroring},
      {"cluster-dns-controller", "endpointslice-controller", 1, make_cluster_dns},
      {"pod-garbage-collector-controller", "pod-garbage-collector", 1, make_pod_gc},
      {"resourcequota-controller", "resourcequota-controller", 5, make_resource_quota},
      {"namespace-controller", "namespace-controller", 10, make_namespace},
      {"serviceaccount-controller", "service-account-controller", 1, make_serviceaccount},
      {"root-ca-certificate-publisher-controller", "root-ca-cert-publisher", 1, make_root_ca_publisher},
      {"garbage-collector-controller", "generic-garbage-collector", 20, make_garbage_collector},
      {"disruption-controller", "disruption-controller", 5, make_disruption},
      {"certificatesigningrequest-signing-controller", "certificate-controller", 5, make_certificate_signing},
      {"certificatesigningrequest-approving-controller", "certificate-controller", 5, make_certificate_approving},
      {"certificatesigningrequest-cleaner-controller", "certificate-controller", 1, make_certificate_cleaning},
      {"bootstrap-signer-controller", "bootstrap-signer", 1, make_bootstrap_signer, false},
      {"token-cleaner-controller", "token-cleaner", 1, make_token_cleaner, false},
      {"clusterrole-aggregation-controller", "clusterrole-aggregation-controller", 5, make_clusterrole_aggregation},
      {"ttl-controller", "ttl-controller", 5, make_ttl},
      {"node-ipam-controller", "node-controller", 10, make_node_ipam},
      {"node-lifecycle-controller", "node-controller", 8, make_node_lifecycle},
      {"taint-eviction-controller", "node-controller", 8, make_taint_eviction},
      {"persistentvolume-binder-controller", "persistent-volume-binder", 5, make_volume_binder},
      {"local-path-provisioner-controller", "local-path-provisioner", 2, make_local_path},
      {"ephemeral-volume-controller", "ephemeral-volume-controller", 5, make_ephemeral_volume},
      {"resourceclaim-controller", "resource-claim-controller", 50, make_resource_claim},
      {"device-taint-eviction-controller", "device-taint-eviction-controller", 10, make_device_taint_eviction},
      {"persistentvolumeclaim-protection-controller", "pvc-protection-controller", 1, make_claim_protection},
      {"persistentvolume-protection-controller", "pv-protection-controller", 1, make_volume_protection},
      {"volumeattributesclass-protection-controller", "vac-protection-controller", 1, make_attributes_class_protection},
      {"statefulset-controller", "statefulset-controller", 5, make_stateful_set_controller},
      {"cronjob-controller", "cronjob-controller", 5, make_cron_job_controller},
      {"ttl-after-finished-controller", "ttl-after-finished-controller", 5, make_ttl_after_finished_controller},
      {"validatingadmissionpolicy-status-controller", "validatingadmissionpolicy-status-controller", 5, make_admission_policy_status},
  };
  return list;
}

}  // namespace

std::span<const Entry> all_controllers() { return entries(); }

}  // namespace sampan::controllers
