// Which devices claims have got already.
#pragma once
#include <set>

#include "devices/capacity.h"
#include "devices/inventory.h"

namespace sampan::devices {

struct Allocated {
  std::set<std::string, std::less<>> whole;                 // ids of devices that one claim has for itself
  std::set<std::string, std::less<>> shared;                // of those that claims share
  std::map<std::string, Capacity, std::less<>> capacity;    // what is taken of those
  bool is_taken(std::string_view id) const { return whole.contains(id) || shared.contains(id) || capacity.contains(id); }
  // What a claim's status.allocation says. Administrators' access takes nothing away from others.
  void add(const AnyView& allocation);
};

}  // namespace sampan::devices
