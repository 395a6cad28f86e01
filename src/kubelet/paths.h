// Where the agent keeps what belongs to a pod: upstream's layout, below roots that can be configured.
#pragma once
#include <string>
#include <string_view>

namespace sampan::kubelet {

struct Paths {
  std::string root = "/var/lib/kubelet";
  std::string pod_logs = "/var/log/pods";
  std::string container_logs = "/var/log/containers";  // links that log collectors follow; "": none are made

  std::string pods() const;                                                          // ROOT/pods
  std::string pod(std::string_view uid) const;                                       // ROOT/pods/UID
  std::string volumes(std::string_view uid) const;                                   // .../volumes
  // .../volumes/PLUGIN/NAME, PLUGIN being escaped as upstream does ("kubernetes.io~empty-dir")
  std::string volume(std::string_view uid, std::string_view plugin, std::string_view name) const;
  std::string volume_sub_paths(std::string_view uid, std::string_view volume, std::string_view container) const;
  std::string plugin(std::string_view uid, std::string_view plugin, std::string_view name) const;  // .../plugins/PLUGIN/NAME
  std::string hosts_file(std::string_view uid) const;                                // .../etc-hosts
  std::string container(std::string_view uid, std::string_view container) const;     // .../containers/NAME
  std::string pod_log_directory(std::string_view namespace_, std::string_view name, std::string_view uid) const;
  std::string container_log(std::string_view pod_log_directory, std::string_view container, uint32_t attempt) const;
};

}  // namespace sampan::kubelet
