// Gives devices to claims: all claims of a pod at once, on one node, or none. Every combination is tried in the order of pools, slices and devices, and the
// first that fulfils everything is taken.
#pragma once
#include <unordered_map>

#include "base/environment.h"
#include "devices/allocated.h"
#include "devices/selector.h"

namespace sampan::devices {

inline constexpr size_t kDevicesOfClaimMax = 32;

// One device that a claim gets. What is borrowed belongs to the claim, to a class or to a slice.
struct Given {
  std::string request;  // "request" or "request/choice"
  const Device* device = nullptr;
  AnyView tolerations;
  bool admin = false;
  std::string share_id;  // "" if the claim has it alone
  Capacity taken;
};

struct Configuration {
  bool of_class = false;
  std::vector<std::string> requests;
  AnyView opaque;
};

struct Allocation {
  std::vector<Given> devices;
  std::vector<Configuration> configurations;
};

// Compiled selectors, by their text.
class Selectors {
 public:
  const std::expected<cel::Checked, Mistake>& of(std::string_view expression);

 private:
  std::unordered_map<std::string, std::expected<cel::Checked, Mistake>> compiled_;
};

// What is there for the claims of one pod. What it is made of must outlive it.
struct Market {
  const Inventory& inventory;
  const Allocated& allocated;
  std::function<ObjectRef(std::string_view name)> find_class;
  Selectors& selectors;
  Random& random;
  Clock& clock;
  int64_t time_max_us = 0;  // for one node; 0: as long as it takes
};

struct Outcome {
  bool found = false;
  std::vector<Allocation> allocations;  // of each claim
  std::string error;       // something is wrong with a claim, a class or a pool
  bool only_here = false;  // other nodes may do
  bool timed_out = false;
};

class Allocator {
 public:
  explicit Allocator(Market market) : market_(std::move(market)) {}
  Outcome allocate(const Node& node, const std::vector<ObjectRef>& claims);

  const Market& market() const { return market_; }
  ObjectRef device_class(std::string_view name);
  // Whether the device is what a list of selectors wants; an error is told in `wrong`.
  bool matches(const Device& device, const AnyView& selectors, std::string_view whose, std::string& wrong);

 private:
  Market market_;
  std::map<std::string, ObjectRef, std::less<>> classes_;
  // Selectors do not depend on the node, and many nodes may see the same device.
  std::map<std::pair<const Device*, const char*>, bool> matches_;
};

// status.allocation of the claim, on that node.
schema::Value tree_of(const Allocation& allocation, std::string_view node, Arena& arena);

}  // namespace sampan::devices
