#include "scheduler/lister.h"

#include "base/text.h"

namespace sampan::scheduler {

Result<std::unique_ptr<InformerLister>> InformerLister::open(client::Informers& informers) {
  struct Row {
    Kind kind;
    std::string_view group, resource;
  };
  static constexpr Row kRows[] = {
      {Kind::Pod, "", "pods"},
      {Kind::PersistentVolume, "", "persistentvolumes"},
      {Kind::PersistentVolumeClaim, "", "persistentvolumeclaims"},
      {Kind::StorageClass, "storage.k8s.io", "storageclasses"},
      {Kind::CsiNode, "storage.k8s.io", "csinodes"},
      {Kind::CsiDriver, "storage.k8s.io", "csidrivers"},
      {Kind::CsiStorageCapacity, "storage.k8s.io", "csistoragecapacities"},
      {Kind::VolumeAttachment, "storage.k8s.io", "volumeattachments"},
      {Kind::Service, "", "services"},
      {Kind::ReplicationController, "", "replicationcontrollers"},
      {Kind::ReplicaSet, "apps", "replicasets"},
      {Kind::StatefulSet, "apps", "statefulsets"},
      {Kind::DisruptionBudget, "policy", "poddisruptionbudgets"},
      {Kind::ResourceClaim, "resource.k8s.io", "resourceclaims"},
      {Kind::ResourceSlice, "resource.k8s.io", "resourceslices"},
      {Kind::DeviceClass, "resource.k8s.io", "deviceclasses"},
  };
  static_assert(std::size(kRows) == kKinds);
  auto lister = std::make_unique<InformerLister>();
  for (auto& row : kRows) lister->informers_[static_cast<size_t>(row.kind)] = TRY(informers.of(client::builtin(row.group, row.resource)));
  return lister;
}

void InformerLister::each(Kind kind, std::string_view name_space, const std::function<void(const ObjectRef&)>& visit) const {
  auto prefix = name_space.empty() ? std::string() : concat(name_space, "/");
  of(kind).snapshot().each(prefix, prefix, [&](std::string_view, const ObjectRef& object) {
    visit(object);
    return true;
  });
}

}  // namespace sampan::scheduler
