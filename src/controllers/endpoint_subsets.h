// The subsets of an Endpoints object in their one canonical form: every set of ports once, with all addresses that have exactly these.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "controllers/endpoint_slices.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::controllers {

struct SubsetAddress {
  std::string ip, host_name;
  std::optional<std::string> node_name;
  std::optional<TargetReference> target;
  bool operator==(const SubsetAddress& other) const;
};

struct SubsetPort {
  std::string name, protocol;
  int32_t port = 0;
  std::optional<std::string> app_protocol;
  auto operator<=>(const SubsetPort&) const = default;
};

struct Subset {
  std::vector<SubsetAddress> ready, not_ready;
  std::vector<SubsetPort> ports;
  bool operator==(const Subset&) const = default;
};

std::vector<Subset> subsets_in(const schema::AnyView& subsets);
// An address that is ready in one place and not in another, for one port, is not ready.
std::vector<Subset> repack(const std::vector<Subset>& subsets);
// At most 1000 addresses in all, the ready ones first. True if something had to go.
bool truncate(std::vector<Subset>& subsets);
schema::Value write_subsets(Arena& arena, const std::vector<Subset>& subsets);

}  // namespace sampan::controllers
