// Endpoint slices as the controllers that fill them think of them: endpoints in groups that have the same ports, spread over slices of a bounded
// size so that few slices change when few endpoints do. Pure: what is there and what is wanted in, what is to be written out.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/object.h"
#include "schema/value.h"

namespace sampan::controllers {

inline constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";
inline constexpr std::string_view kManagedByLabel = "endpointslice.kubernetes.io/managed-by";
inline constexpr std::string_view kHeadlessLabel = "service.kubernetes.io/headless";
inline constexpr std::string_view kTriggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";
inline constexpr size_t kEndpointsPerSliceMax = 100;

struct TargetReference {
  std::string api_version, kind, name_space, name, uid, resource_version, field_path;
  // The version of what is meant is no reason to write.
  bool same_as(const TargetReference& other) const;
};
std::optional<TargetReference> target_of(const schema::AnyView& reference);
schema::Value target_tree(Arena& arena, const TargetReference& reference);

struct SliceEndpoint {
  std::vector<std::string> addresses;
  std::optional<bool> ready, serving, terminating;
  std::optional<std::string> hostname, node_name, zone;
  std::optional<TargetReference> target;
  std::vector<std::string> for_zones, for_nodes;

  std::string identity() const;  // what makes it the same endpoint though its state changed
  bool same_state_as(const SliceEndpoint& other) const;
};

struct SlicePort {
  std::optional<std::string> name, protocol, app_protocol;
  std::optional<int32_t> port;
  auto operator<=>(const SlicePort&) const = default;
};
std::string group_of(std::vector<SlicePort> ports);  // equal for the same ports in any order

struct Slice {
  schema::ObjectRef current;  // null: to be made
  std::string name, address_type;
  std::map<std::string, std::string> labels, annotations;
  std::vector<SlicePort> ports;
  std::vector<SliceEndpoint> endpoints;

  static Slice of(const schema::ObjectRef& object);
};

using EndpointSet = std::map<std::string, SliceEndpoint>;  // by identity()
using Labels = std::map<std::string, std::string>;
Labels labels_in(const schema::AnyView& map);

struct SliceChanges {
  std::vector<Slice> create, update, remove;
};

// One group of ports: keeps endpoints where they are, fills changed slices first, then the fullest that has room for all, then new ones.
// `blank` is what a new slice looks like; slices get its labels.
void spread(std::vector<Slice> existing, EndpointSet wanted, const Slice& blank, SliceChanges& changes);

// Turns creations into updates of slices that would otherwise be removed. `may_reuse` says which of them.
void reuse_slices(SliceChanges& changes, const std::function<bool(const Slice&)>& may_reuse);

// Says to which zone's and node's clients the endpoints are for, as spec.trafficDistribution asks; "" takes hints away. Slices that were not to
// change move from `unchanged` to changes.update where their hints are wrong.
void hint(std::string_view distribution, SliceChanges& changes, const std::vector<Slice>& unchanged);

// The whole object; what a slice that exists has beyond what is said here stays.
schema::Value write_slice(Arena& arena, const Slice& slice);

}  // namespace sampan::controllers
