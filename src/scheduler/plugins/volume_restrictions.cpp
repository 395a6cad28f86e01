// VolumeRestrictions: disks that cannot be mounted twice, and claims that only one pod may use (ReadWriteOncePod).
#include "scheduler/plugins/volumes.h"

namespace sampan::scheduler {
namespace {

bool is_restricted(const core_v1::Volume& volume) {
  return volume.has_gce_persistent_disk() || volume.has_aws_elastic_block_store() || volume.has_rbd() || volume.has_iscsi();
}

bool share_a_monitor(const core_v1::Volume& a, const core_v1::Volume& b) {
  for (auto one : a.rbd().monitors())
    for (auto other : b.rbd().monitors())
      if (one == other) return true;
  return false;
}

bool conflicts(const core_v1::Volume& a, const core_v1::Volume& b) {
  if (a.has_gce_persistent_disk() && b.has_gce_persistent_disk()) {
    auto x = a.gce_persistent_disk(), y = b.gce_persistent_disk();
    if (x.pd_name() == y.pd_name() && !(x.read_only() && y.read_only())) return true;
  }
  if (a.has_aws_elastic_block_store() && b.has_aws_elastic_block_store() &&
      a.aws_elastic_block_store().volume_id() == b.aws_elastic_block_store().volume_id())
    return true;
  if (a.has_iscsi() && b.has_iscsi() && a.iscsi().iqn() == b.iscsi().iqn() && !(a.iscsi().read_only() && b.iscsi().read_only())) return true;
  if (!a.has_rbd() || !b.has_rbd()) return false;
  auto x = a.rbd(), y = b.rbd();
  return share_a_monitor(a, b) && x.pool() == y.pool() && x.image() == y.image() && !(x.read_only() && y.read_only());
}

bool conflicts(const core_v1::Pod& pod, const core_v1::Pod& other) {
  for (auto volume : pod.spec().volumes()) {
    if (!is_restricted(volume)) continue;
    for (auto theirs : other.spec().volumes())
      if (conflicts(volume, theirs)) return true;
  }
  return false;
}

class VolumeRestrictions final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "VolumeRestrictions"; }
  uint32_t points() const override { return kPreFilter | kFilter; }
  bool depends_on_pods() const override { return true; }
  std::vector<Interest> interests() const override {
    return {{EventResource::Pod, kDelete}, {EventResource::Node, kAdd}, {EventResource::PersistentVolumeClaim, kAdd}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.resource == EventResource::PersistentVolumeClaim) return uses_claim_of(pod, event);
    if (!is_pod(event)) return true;
    auto gone = pod_before(event);
    if (gone.metadata().namespace_() != pod.name_space) return false;
    if (conflicts(pod.pod, gone)) return true;
    for (auto volume : gone.spec().volumes()) {
      if (!volume.has_persistent_volume_claim()) continue;
      auto key = concat(pod.name_space, "/", volume.persistent_volume_claim().claim_name());
      if (std::find(pod.claims.begin(), pod.claims.end(), key) != pod.claims.end()) return true;
    }
    return false;
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    restricted_ = false;
    in_use_ = 0;
    for (auto volume : cycle.pod.pod.spec().volumes()) {
      restricted_ |= is_restricted(volume);
      if (!volume.has_persistent_volume_claim()) continue;
      auto name = volume.persistent_volume_claim().claim_name();
      auto claim = environment_.lister.find(Lister::Kind::PersistentVolumeClaim, cycle.pod.name_space, name);
      if (!claim) return Status::of(Code::UnschedulableAndUnresolvable, not_found_claim(name));
      bool one_pod = false;
      for (auto mode : claim->as<core_v1::PersistentVolumeClaim>().spec().access_modes()) one_pod |= mode == "ReadWriteOncePod";
      if (one_pod && cycle.state.claim_users(concat(cycle.pod.name_space, "/", name)) > 0) in_use_++;
    }
    return restricted_ || in_use_ ? Status::success() : Status::skip();
  }

  Verdict filter(Cycle& cycle, const NodeInfo& node) override {
    if (restricted_)
      for (auto& other : node.pods)
        if (conflicts(cycle.pod.pod, other->pod)) return refuse("node(s) had no available disk", Code::Unschedulable);
    if (in_use_ == 0) return {};
    return refuse("node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod",
                  Code::Unschedulable);
  }

 private:
  bool restricted_ = false;
  int in_use_ = 0;
};

}  // namespace

MadePlugin make_volume_restrictions(Environment& environment, schema::Value) { return std::make_unique<VolumeRestrictions>(environment); }

}  // namespace sampan::scheduler
