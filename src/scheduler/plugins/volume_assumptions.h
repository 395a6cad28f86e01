// Volumes and claims as they will be once what has been decided is written.
#pragma once
#include <map>
#include <mutex>
#include <string>

#include "scheduler/plugins/volumes.h"

namespace sampan::scheduler {

class VolumeAssumptions {
 public:
  explicit VolumeAssumptions(const Lister& lister) : lister_(lister) {}
  ObjectRef volume(std::string_view name) { return newest(volumes_, Lister::Kind::PersistentVolume, "", name); }
  ObjectRef claim(std::string_view name_space, std::string_view name) {
    return newest(claims_, Lister::Kind::PersistentVolumeClaim, name_space, name);
  }
  // All volumes of a class.
  std::vector<ObjectRef> volumes_of(std::string_view storage_class);
  void assume_volume(ObjectRef object) { assume(volumes_, std::move(object)); }
  void assume_claim(ObjectRef object) { assume(claims_, std::move(object)); }
  // Only if it is still this very assumption.
  void drop_volume(const ObjectRef& object) { drop(volumes_, object); }
  void drop_claim(const ObjectRef& object) { drop(claims_, object); }

 private:
  // Objects by key. They count until the cluster has something newer than what they were made from.
  using Overlay = std::map<std::string, ObjectRef, std::less<>>;
  ObjectRef newest(Overlay& overlay, Lister::Kind kind, std::string_view name_space, std::string_view name);
  static std::string key_of(const Object& object);
  static void assume(Overlay& overlay, ObjectRef object) {
    auto key = key_of(*object);
    overlay[key] = std::move(object);
  }
  static void drop(Overlay& overlay, const ObjectRef& object);

  const Lister& lister_;
  Overlay volumes_, claims_;
};

// The volume with its claim, and the claim with its node, as the binder writes them. The revision stays that of the original.
Result<ObjectRef> bound_to(const ObjectRef& volume, const ObjectRef& claim);
Result<ObjectRef> with_selected_node(const ObjectRef& claim, std::string_view node);
inline constexpr std::string_view kSelectedNode = "volume.kubernetes.io/selected-node", kBindCompleted = "pv.kubernetes.io/bind-completed";

bool is_bound_to(const core_v1::PersistentVolume& volume, const core_v1::PersistentVolumeClaim& claim);
bool is_fully_bound(const core_v1::PersistentVolumeClaim& claim);
bool may_be_used_on(const core_v1::PersistentVolume& volume, const core_v1::Node& node);  // its node affinity
int64_t requested_bytes(const core_v1::PersistentVolumeClaim& claim);

// The volume that a claim should get on a node: one that is bound to it already, or else the smallest that will do. Null if there is none.
ObjectRef matching_volume(const ObjectRef& claim, const std::vector<ObjectRef>& volumes, const core_v1::Node& node,
                          const std::vector<ObjectRef>& taken);

}  // namespace sampan::scheduler
