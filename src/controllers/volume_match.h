// Which volume a claim may have. Pure.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/object.h"

namespace sampan::controllers {

inline constexpr std::string_view kBindCompleted = "pv.kubernetes.io/bind-completed", kBoundByController = "pv.kubernetes.io/bound-by-controller",
                                  kSelectedNode = "volume.kubernetes.io/selected-node", kProvisionedBy = "pv.kubernetes.io/provisioned-by",
                                  kStorageProvisioner = "volume.kubernetes.io/storage-provisioner",
                                  kBetaStorageProvisioner = "volume.beta.kubernetes.io/storage-provisioner";

// The storage class of a claim or of a volume; "" if it has none.
std::string_view storage_class_of(const schema::Object& object);
bool has_storage_class(const schema::Object& claim);  // also the empty one
// The volume's reference is to this claim, or to one of its name that is not known more closely.
bool is_bound_to(const schema::Object& volume, const schema::Object& claim);
bool same_volume_mode(const schema::Object& volume, const schema::Object& claim);

// What keeps the claim from having the volume that it asks for by name; "": nothing.
std::string why_unfit(const schema::Object& volume, const schema::Object& claim);
// The one that is bound to it already, else the smallest that is large enough, of those with the fewest access modes. Null: none. A claim that waits
// for its pod's node gets only what is bound to it.
schema::ObjectRef find_volume(const std::vector<schema::ObjectRef>& volumes, const schema::Object& claim, bool waits_for_node);

}  // namespace sampan::controllers
