// Devices that drivers offer, as the slices of all pools tell, and what of it a node can use.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "schema/object.h"

namespace sampan::devices {

using schema::AnyView;
using schema::ObjectRef;

// A node as pools ask about it; `matches` is asked about node selectors.
struct Node {
  std::string_view name;
  std::function<bool(const AnyView& selector)> matches;
};

struct Slice;

struct Device {
  AnyView view;
  std::string id;  // "driver/pool/name"
  const Slice* slice;
};

struct Slice {
  ObjectRef object;
  AnyView spec;
  std::string_view name, driver, pool;
  int64_t generation = 0, count = 0;  // of the pool: its generation, and how many slices it has
  bool has_counters = false;          // it has shared counters, no devices
  bool each_device = false;           // its devices say themselves on which nodes they are
  std::vector<Device> devices;
};

// What of a pool a node can use.
struct Pool {
  std::string_view driver, name;
  bool incomplete = false;  // slices are missing: it is being updated
  bool invalid = false;     // its slices contradict each other
  std::vector<const Device*> devices;  // in the order in which they are tried
  std::vector<const Device*> others;   // of no use to the node; they may draw from the counters, too
  std::map<std::string_view, AnyView> counters;  // by the name of their set: how much there is
};

class Inventory {
 public:
  explicit Inventory(std::vector<ObjectRef> slices);
  const std::vector<ObjectRef>& objects() const { return objects_; }  // what it was made of
  std::vector<Pool> pools_for(const Node& node) const;

 private:
  using PoolId = std::pair<std::string_view, std::string_view>;  // driver, pool
  using Slices = std::vector<const Slice*>;
  std::vector<ObjectRef> objects_;
  std::vector<std::unique_ptr<Slice>> slices_;
  std::map<std::string_view, Slices> on_node_;
  Slices shared_;
  std::map<PoolId, Slices> by_pool_;
};

// Whether the device, or all devices of a slice (its spec), can be used on a node.
bool is_for(const AnyView& device_or_spec, const Node& node);

}  // namespace sampan::devices
