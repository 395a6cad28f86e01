// NodeVolumeLimits: a CSI driver can attach so many volumes to a node and no more. Volumes of drivers that were once built into Kubernetes count only
// as CSI volumes.
#include "api/storage_v1.h"
#include "scheduler/plugins/volumes.h"

namespace sampan::scheduler {
namespace {

namespace storage_v1 = api::storage_v1;
using Attached = std::map<std::string, std::string>;  // "driver/handle" -> driver

std::map<std::string, int64_t> limits_of(const Object* node) {
  std::map<std::string, int64_t> limits;
  if (!node) return limits;
  for (auto driver : node->as<storage_v1::CSINode>().spec().drivers()) {
    auto count = any(driver)["allocatable"]["count"];
    if (count.present()) limits[std::string(driver.name())] = count.as_int();
  }
  return limits;
}

class NodeVolumeLimits final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "NodeVolumeLimits"; }
  uint32_t points() const override { return kPreFilter | kFilter; }
  std::vector<Interest> interests() const override {
    return {{EventResource::CsiNode, kAdd | kUpdate}, {EventResource::Pod, kDelete}, {EventResource::PersistentVolumeClaim, kAdd},
            {EventResource::VolumeAttachment, kDelete}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    if (event.resource == EventResource::PersistentVolumeClaim) return uses_claim_of(pod, event);
    if (event.resource == EventResource::VolumeAttachment) return !pod.claims.empty();
    if (event.resource == EventResource::CsiNode) {
      if (!event.before) return true;
      auto before = limits_of(event.before);
      for (auto& [driver, limit] : limits_of(event.after))
        if (limit > before[driver]) return true;
      return false;
    }
    auto gone = pod_before(event);
    if (is_nowhere(gone)) return false;
    for (auto volume : gone.spec().volumes())
      if (!claim_name(gone, volume).empty()) return true;
    return false;
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    wanted_.clear();
    attachments_read_ = false;
    attachments_.clear();
    if (cycle.pod.claims.empty()) return Status::skip();
    auto broken = collect(cycle.pod, true, wanted_);
    if (!broken.empty()) return Status::of(Code::UnschedulableAndUnresolvable, std::move(broken));
    return wanted_.empty() ? Status::skip() : Status::success();
  }

  Verdict filter(Cycle&, const NodeInfo& node) override {
    auto csi_node = environment_.lister.find(Lister::Kind::CsiNode, "", node.name);
    for (auto& [volume, driver] : wanted_)
      if (must_be_installed(driver) && !is_installed(csi_node.get(), driver))
        return refuse(concat(driver, " CSI driver is not installed on the node"), Code::Unschedulable);
    auto limits = limits_of(csi_node.get());
    if (limits.empty()) return {};
    Attached there;
    for (auto& pod : node.pods) collect(*pod, false, there);
    for (auto& [volume, driver] : attachments_on(node.name)) there.emplace(volume, driver);
    std::map<std::string, int64_t> more, counts;
    for (auto& [volume, driver] : there) counts[driver]++;
    for (auto& [volume, driver] : wanted_)
      if (!there.contains(volume)) more[driver]++;
    for (auto& [driver, count] : more) {
      auto limit = limits.find(driver);
      if (limit != limits.end() && counts[driver] + count > limit->second)
        return refuse("node(s) exceed max volume count", Code::Unschedulable);
    }
    return {};
  }

 private:
  using Kind = Lister::Kind;

  // What is wrong with a claim of a new pod; claims of pods that run may be gone already.
  std::string collect(const PodInfo& pod, bool is_new, Attached& into) const {
    for (auto volume : pod.pod.spec().volumes()) {
      auto name = claim_name(pod.pod, volume);
      if (name.empty()) continue;
      auto object = environment_.lister.find(Kind::PersistentVolumeClaim, pod.name_space, name);
      if (!object) {
        if (is_new) return concat("looking up PVC ", pod.name_space, "/", name, ": ", not_found_claim(name));
        continue;
      }
      auto claim = object->as<core_v1::PersistentVolumeClaim>();
      if (volume.has_ephemeral())
        if (auto wrong = wrong_owner(pod, claim); !wrong.empty()) return wrong;
      auto [driver, handle] = driver_of(claim);
      if (!driver.empty() && !handle.empty()) into.emplace(concat(driver, "/", handle), driver);
    }
    return {};
  }

  std::pair<std::string, std::string> driver_of(const core_v1::PersistentVolumeClaim& claim) const {
    auto name = claim.spec().volume_name();
    auto object = name.empty() ? ObjectRef() : environment_.lister.find(Kind::PersistentVolume, "", name);
    if (object) {
      auto csi = object->as<core_v1::PersistentVolume>().spec().csi();
      return {std::string(csi.driver()), std::string(csi.volume_handle())};
    }
    // Not made yet: the class says who will make it.
    auto class_name = class_of(claim);
    auto storage_class = class_name.empty() ? ObjectRef() : environment_.lister.find(Kind::StorageClass, "", class_name);
    if (!storage_class) return {};
    return {std::string((*storage_class)["provisioner"].as_string()), concat("unbound ", claim.metadata().namespace_(), "/", claim.metadata().name())};
  }

  bool must_be_installed(std::string_view driver) const {
    auto object = environment_.lister.find(Kind::CsiDriver, "", driver);
    return object && object->as<storage_v1::CSIDriver>().spec().prevent_pod_scheduling_if_missing() == true;
  }
  static bool is_installed(const Object* node, std::string_view name) {
    if (node)
      for (auto driver : node->as<storage_v1::CSINode>().spec().drivers())
        if (driver.name() == name) return true;
    return false;
  }

  const Attached& attachments_on(const std::string& node) {
    if (!attachments_read_) {
      attachments_read_ = true;
      environment_.lister.each(Kind::VolumeAttachment, "", [&](const ObjectRef& object) {
        auto spec = object->as<storage_v1::VolumeAttachment>().spec();
        auto name = spec.source().persistent_volume_name();
        auto volume = name ? environment_.lister.find(Kind::PersistentVolume, "", *name) : ObjectRef();
        if (!volume || spec.attacher().empty()) return;
        auto handle = volume->as<core_v1::PersistentVolume>().spec().csi().volume_handle();
        if (!handle.empty()) attachments_[std::string(spec.node_name())].emplace(concat(spec.attacher(), "/", handle), spec.attacher());
      });
    }
    return attachments_[node];
  }

  Attached wanted_;
  bool attachments_read_ = false;
  std::map<std::string, Attached> attachments_;
};

}  // namespace

MadePlugin make_node_volume_limits(Environment& environment, schema::Value) { return std::make_unique<NodeVolumeLimits>(environment); }

}  // namespace sampan::scheduler
