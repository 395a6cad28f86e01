// The machine the node is: what it has, what is free of it, how it names itself.
#pragma once
#include "kubelet/resources.h"

namespace sampan::kubelet {

struct Machine {
  int64_t cpus = 1;
  int64_t memory = 0, swap = 0;        // bytes
  std::map<std::string, int64_t> huge_pages;  // "2Mi" -> bytes set aside
  std::string machine_id, system_uuid, boot_id, kernel_version, os_image, architecture;
  int64_t booted_at = 0;  // seconds since 1970
};
Machine read_machine();

struct Space {
  uint64_t capacity = 0, available = 0;  // bytes
  uint64_t inodes = 0, inodes_free = 0;
};
std::optional<Space> space_of(const std::string& path);  // of the filesystem it is on

struct MemoryNow {
  uint64_t total = 0, available = 0, working_set = 0, usage = 0, rss = 0;
};
MemoryNow memory_now(const std::string& cgroup_mount, bool cgroup_v2);
uint64_t cpu_ns_now();  // used by all since the start
struct ProcessesNow {
  int64_t running = 0, max = 0;
};
ProcessesNow processes_now();

// Addresses of the interface that leads to the world, or the first that is not the machine's own: IPv4 first.
std::vector<std::string> find_addresses();

struct InterfaceUsage {
  std::string name;
  uint64_t rx_bytes = 0, rx_errors = 0, tx_bytes = 0, tx_errors = 0;
};
// Of this process' network namespace, or of a process'.
std::vector<InterfaceUsage> interfaces_of(const std::string& proc_net_dev);

}  // namespace sampan::kubelet
