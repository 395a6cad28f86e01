// What a node tells of itself and its containers at /metrics/resource.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sampan::apiserver {

// How much was used until then.
struct Sample {
  int64_t at_ms = 0;           // since 1970, by the node's clock
  int64_t started_ms = 0;      // when the counting began; 0 of nodes
  std::optional<uint64_t> cpu_ns, memory_bytes;
  bool complete() const { return cpu_ns && memory_bytes; }
};

using ContainerSamples = std::map<std::string, Sample, std::less<>>;

struct NodeSamples {
  Sample node;
  std::map<std::string, ContainerSamples, std::less<>> pods;  // by "namespace/name"
};

// Lines that are no sample of these are passed over; those without a time get `now_ms`.
NodeSamples read_samples(std::string_view text, int64_t now_ms);

}  // namespace sampan::apiserver
