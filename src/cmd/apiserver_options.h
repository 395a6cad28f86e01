// What the flags of `sampan apiserver` come to, checked.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "apiserver/server.h"
#include "cmd/access_options.h"
#include "cmd/flags.h"
#include "net/server.h"

namespace sampan::cmd {

struct ApiserverOptions {
  std::string data_dir, cert_dir;
  std::string bind_address, advertise_address;  // the latter is never empty
  std::string external_name;                    // "" = the address
  uint16_t port = 6443;
  std::string host() const;  // what others know this server by, with its port
  std::string tls_cert_file, tls_key_file, client_ca_file;  // "" = ours
  std::vector<std::string> tls_sans;                         // more names and addresses for ours
  std::vector<std::string> kubeconfig_copies;                // of the administrator's, renewed with it
  net::TlsOptions tls;                                       // all but the files above
  bool shares_port = false;
  net::ServerLimits limits;
  std::vector<std::string> etcd_servers;
  std::string etcd_ca_file, etcd_cert_file, etcd_key_file;
  int64_t etcd_compaction_ns = 0;
  int64_t store_live_timeout_ns = 2'000'000'000, store_ready_timeout_ns = 2'000'000'000;  // of health checks
  std::string encryption_config_file;  // "" = what is stored is readable
  bool reload_encryption_config = false;
  std::string service_cidr;
  int node_port_first = 30000, node_port_count = 2768;
  bool keeps_endpoints = true;  // of the kubernetes service
  AccessOptions access;
  apiserver::AuditConfig audit;
  apiserver::FrontDoorConfig front_door;
  apiserver::RuntimeConfig runtime_config;
  apiserver::AdmissionConfig admission;
  apiserver::BackendConfig backends;
  bool allow_privileged = false;  // containers
  bool priority_and_fairness = true;
  unsigned reads_max = 400, mutations_max = 200;
  int64_t watch_seconds_min = 1800;
  int64_t request_timeout_ns = 60'000'000'000;
  int64_t shutdown_delay_ns = 0;
  std::map<std::string, bool, std::less<>> feature_gates;  // that were set
};

Result<ApiserverOptions> apiserver_options(const FlagSet& flags);

// The address that this machine would send from; "127.0.0.1" without any route.
std::string default_address();

}  // namespace sampan::cmd
