// Extended resources that devices stand behind: a pod that asks for them in its containers gets a claim made for it.
#pragma once
#include "scheduler/plugins/device_claims.h"

namespace sampan::scheduler {

// The class of devices that stands behind a resource: it names it, or is named in it ("deviceclass.resource.kubernetes.io/NAME"). Null: none does.
ObjectRef class_behind(const Lister& lister, std::string_view resource);

// Names that a class can stand behind.
bool may_be_devices(std::string_view resource);

// For which containers' resource a request of the claim is.
struct RequestMapping {
  std::string container, resource, request;
};

// The claim that gets the resources for the pod, which is as large as its containers need at one time; init containers use again what comes after them.
struct ExtendedClaim {
  ObjectRef claim;
  std::vector<RequestMapping> mappings;
};
Result<ExtendedClaim> extended_claim(const Lister& lister, const PodInfo& pod, const std::vector<std::string>& resources, std::string_view uid);

// The claim that was made for the pod before, if there is one.
ObjectRef find_extended_claim(const Lister& lister, const PodInfo& pod);

}  // namespace sampan::scheduler
