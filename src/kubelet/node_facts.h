// What the agent knows of its own node when it makes pods.
#pragma once
#include "kubelet/names.h"
#include "kubelet/paths.h"
#include "kubelet/resources.h"

namespace sampan::kubelet {

struct NodeFacts {
  std::string name;
  std::vector<std::string> ips;  // the first is the primary one
  Paths paths;
  DnsSettings dns;
  std::string cgroup_root;       // "" or "/folder": what the pods' cgroups are below, in the kernel's names
  ResourceOptions resources;
  Quantities allocatable;
  std::string runtime_name = "containerd";
  bool seccomp_default = false;
  int64_t started_at = 0;                // the agent, in seconds
  bool recursive_read_only = false;      // the default handler can
  std::string seccomp_root() const { return paths.root + "/seccomp"; }
};

}  // namespace sampan::kubelet
