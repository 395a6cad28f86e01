// Before the node runs out of memory, disk or processes, pods are ended: the kernel would choose worse.
#pragma once
#include "kubelet/node_status.h"
#include "kubelet/pod_workers.h"

namespace sampan::kubelet {

struct EvictionOptions {
  uint64_t memory_bytes = 100 << 20;      // available below it
  int node_disk_percent = 10, image_disk_percent = 15, inodes_percent = 5;
  int64_t hold_us = 300'000'000;           // pressure is told on for so long after it has gone
};

enum class Scarce : uint8_t { None, Memory, NodeDisk, ImageDisk, Inodes, Processes };

struct Measured {
  uint64_t memory_available = UINT64_MAX;
  Space node_disk, image_disk;
  ProcessesNow processes;
};
// What there is too little of now; memory before disks.
Scarce scarce(const Measured& measured, const EvictionOptions& options);

struct Candidate {
  schema::ObjectRef pod;
  uint64_t used = 0;  // of what is scarce
};
// Who is to go first: who uses more than it asked for, then the less important, then who uses more above what it asked for. Critical ones are left out.
std::vector<Candidate> rank(std::vector<Candidate> candidates, Scarce what);
// The status message of an evicted pod.
std::string eviction_message(const Candidate& chosen, Scarce what, const Measured& measured, const EvictionOptions& options);

}  // namespace sampan::kubelet
