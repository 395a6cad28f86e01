// Claims of devices, as pods name them.
#pragma once
#include <expected>

#include "scheduler/plugins/makers.h"

namespace sampan::scheduler {

inline constexpr std::string_view kClaimFinalizer = "resource.kubernetes.io/delete-protection";
inline constexpr std::string_view kExtendedClaimAnnotation = "resource.kubernetes.io/extended-resource-claim";

inline const schema::Resource& resource_claims() {
  static const schema::Resource& resource = client::builtin("resource.k8s.io", "resourceclaims");
  return resource;
}

// The pod's own claims, those that it needs. An error: why it cannot be placed yet.
std::expected<std::vector<ObjectRef>, std::string> claims_of(const Lister& lister, const schema::Object& pod);

inline std::string_view uid_of(const schema::Object& object) { return object["metadata"]["uid"].as_string(); }
std::string key_of(const schema::Object& object);  // "namespace/name"
bool is_reserved_for(const schema::Object& claim, std::string_view uid);
inline bool is_allocated(const schema::Object& claim) { return claim["status"]["allocation"].present(); }

// Whether drivers have made everything ready that was promised; an error: one of them could not.
std::expected<bool, std::string> is_ready_for_binding(const schema::Object& claim);
bool has_binding_conditions(const schema::Object& claim);

}  // namespace sampan::scheduler
