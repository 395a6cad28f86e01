// How a pod's containers see names: their own host's, and how they look up others.
#pragma once
#include "kubelet/containers.h"

namespace sampan::kubelet {

struct HostName {
  std::string host, domain;  // "web-0", "web.default.svc.cluster.local"
  Result<std::string> kernel(const core_v1::Pod& pod) const;  // what uname shows
};
HostName host_name(const core_v1::Pod& pod, std::string_view cluster_domain);

// What /etc/hosts of the pod says. `node_hosts`: the node's own file, for a pod on the host's network.
std::string hosts_file(const core_v1::Pod& pod, const HostName& name, const std::vector<std::string>& pod_ips, std::string_view node_hosts);

struct ResolvConf {
  std::vector<std::string> servers, searches, options;
};
ResolvConf parse_resolv_conf(std::string_view text);

struct DnsSettings {
  std::string cluster_domain = "cluster.local";
  std::vector<std::string> cluster_dns;
  ResolvConf node;
};
// `complaints` are messages of DNSConfigForming or MissingClusterDNS warnings: {reason, message}.
DnsConfig pod_dns(const core_v1::Pod& pod, const DnsSettings& settings, std::vector<std::pair<std::string_view, std::string>>& complaints);

}  // namespace sampan::kubelet
