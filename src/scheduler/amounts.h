// Amounts of resources: what a pod asks for, what a node has to give.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/core_v1.h"

namespace sampan::scheduler {

namespace core_v1 = api::core_v1;

struct Amounts {
  int64_t milli_cpu = 0, memory = 0, ephemeral_storage = 0, pods = 0;
  // Extended resources, huge pages, attachable volumes: few, sorted by name.
  std::vector<std::pair<std::string, int64_t>> scalars;

  void add(const Amounts& other) { combine(other, 1); }
  void subtract(const Amounts& other) { combine(other, -1); }
  int64_t scalar(std::string_view name) const;  // 0 if there is none
  bool has_scalar(std::string_view name) const;
  int64_t of(std::string_view resource) const;  // "cpu" in thousandths
  bool operator==(const Amounts&) const = default;

 private:
  void combine(const Amounts& other, int64_t sign);
};

// Wraps around instead of overflowing, so that what was added can always be taken away again.
inline void add_around(int64_t& into, int64_t number) { into = static_cast<int64_t>(static_cast<uint64_t>(into) + static_cast<uint64_t>(number)); }
inline void subtract_around(int64_t& from, int64_t number) { from = static_cast<int64_t>(static_cast<uint64_t>(from) - static_cast<uint64_t>(number)); }

using QuantityMap = schema::MapView<std::string_view>;

// Of a node's allocatable, or any list of quantities.
Amounts amounts_of(const QuantityMap& quantities);

// What the scheduler takes for granted that a container needs which says nothing: only for scoring, so that such pods spread too.
inline constexpr int64_t kDefaultMilliCpu = 100, kDefaultMemory = 200ll << 20;

struct PodAmounts {
  Amounts requests;
  int64_t nonzero_milli_cpu = 0, nonzero_memory = 0;  // with the defaults where a container says nothing
};

// All containers together, or what the largest init container needs if that is more; sidecars count with both; the pod's own amounts override, its
// overhead is added. Where a container was resized, the largest of what is wanted, given and in force.
PodAmounts amounts_of(const core_v1::Pod& pod);

bool is_extended_resource(std::string_view name);  // "example.com/gpu"
bool is_scalar_resource(std::string_view name);    // what is counted beyond cpu, memory, storage and pods

}  // namespace sampan::scheduler
