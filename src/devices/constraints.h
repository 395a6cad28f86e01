// What must hold among the devices of a claim: the same value of an attribute, or different ones.
#pragma once
#include <string>
#include <vector>

#include "devices/inventory.h"

namespace sampan::devices {

class Constraint {
 public:
  explicit Constraint(const AnyView& constraint);
  bool is_known() const { return same_ || different_; }

  // Whether the claim may have the device as well, for that request ("" or the name of its choice). If so it is remembered until it is removed; devices
  // are removed in the opposite order.
  bool add(std::string_view request, std::string_view choice, const Device& device);
  void remove(std::string_view request, std::string_view choice);

 private:
  bool applies_to(std::string_view request, std::string_view choice) const;
  bool same_ = false, different_ = false;
  std::string_view attribute_;
  std::vector<std::string_view> requests_;  // empty: all
  std::vector<AnyView> values_;             // of the claim's devices so far
};

// An attribute by its full name; one of the driver's own may be written without the domain.
AnyView attribute_of(const Device& device, std::string_view name);

}  // namespace sampan::devices
