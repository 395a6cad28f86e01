// VolumeZone: a volume that is labelled with a zone or region is used there.
#include "scheduler/plugins/volumes.h"

namespace sampan::scheduler {
namespace {

constexpr std::string_view kZone = "topology.kubernetes.io/zone", kRegion = "topology.kubernetes.io/region";
constexpr std::string_view kLabels[] = {"failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region", kZone, kRegion};

struct Place {
  std::string_view label;
  std::vector<std::string> values;
  bool operator==(const Place&) const = default;
};

std::vector<Place> places_of(const schema::Object& volume) {
  std::vector<Place> places;
  auto labels = volume.as<core_v1::PersistentVolume>().metadata().labels();
  for (auto label : kLabels) {
    auto text = labels.get(label);
    if (!text) continue;
    Place place{label, {}};
    for (std::string_view rest = *text;;) {  // "a__b"
      auto end = rest.find("__");
      place.values.emplace_back(trim(rest.substr(0, end)));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 2);
    }
    bool good = std::none_of(place.values.begin(), place.values.end(), [](auto& value) { return value.empty(); });
    if (good) places.push_back(std::move(place));
  }
  return places;
}

class VolumeZone final : public Plugin {
 public:
  using Plugin::Plugin;
  std::string_view name() const override { return "VolumeZone"; }
  uint32_t points() const override { return kPreFilter | kFilter; }
  std::vector<Interest> interests() const override {
    return {{EventResource::StorageClass, kAdd}, {EventResource::Node, kAdd | kNodeLabel},
            {EventResource::PersistentVolumeClaim, kAdd | kUpdate}, {EventResource::PersistentVolume, kAdd | kUpdate}};
  }
  bool may_help(const PodInfo& pod, const ClusterEvent& event) const override {
    switch (event.resource) {
      case EventResource::StorageClass: return waits_for_first_consumer(ObjectRef(event.after));
      case EventResource::PersistentVolumeClaim: return uses_claim_of(pod, event);
      case EventResource::PersistentVolume: return !event.before || places_of(*event.before) != places_of(*event.after);
      default: return true;
    }
  }

  Status pre_filter(Cycle& cycle, std::optional<std::set<std::string>>&) override {
    places_.clear();
    for (auto volume : cycle.pod.pod.spec().volumes()) {
      if (!volume.has_persistent_volume_claim()) continue;
      auto status = read(cycle.pod, volume.persistent_volume_claim().claim_name());
      if (!status.ok()) return status;
    }
    return places_.empty() ? Status::skip() : Status::success();
  }

  Verdict filter(Cycle&, const NodeInfo& node) override {
    auto labels = node.node.metadata().labels();
    bool says_where = std::any_of(std::begin(kLabels), std::end(kLabels), [&](auto label) { return labels.has(label); });
    if (!says_where) return {};
    for (auto& place : places_) {
      auto value = labels.get(place.label);
      if (!value) value = labels.get(place.label.ends_with("zone") ? kZone : kRegion);
      if (!value || std::find(place.values.begin(), place.values.end(), *value) == place.values.end())
        return refuse("node(s) had no available volume zone");
    }
    return {};
  }

 private:
  Status read(const PodInfo& pod, std::string_view name) {
    using Kind = Lister::Kind;
    auto never = [](std::string why) { return Status::of(Code::UnschedulableAndUnresolvable, std::move(why)); };
    if (name.empty()) return never("PersistentVolumeClaim had no name");
    auto object = environment_.lister.find(Kind::PersistentVolumeClaim, pod.name_space, name);
    if (!object) return never(not_found_claim(name));
    auto claim = object->as<core_v1::PersistentVolumeClaim>();
    auto volume_name = claim.spec().volume_name();
    if (volume_name.empty()) {
      auto class_name = class_of(claim);
      if (class_name.empty()) return never("PersistentVolumeClaim had no pv name and storageClass name");
      auto storage_class = environment_.lister.find(Kind::StorageClass, "", class_name);
      if (!storage_class) return never(concat("storageclass.storage.k8s.io ", quoted(class_name), " not found"));
      if (waits_for_first_consumer(storage_class)) return Status::success();
      return never("PersistentVolume had no name");
    }
    auto volume = environment_.lister.find(Kind::PersistentVolume, "", volume_name);
    if (!volume) return never(concat("persistentvolume ", quoted(volume_name), " not found"));
    for (auto& place : places_of(*volume)) places_.push_back(std::move(place));
    return Status::success();
  }

  std::vector<Place> places_;
};

}  // namespace

MadePlugin make_volume_zone(Environment& environment, schema::Value) { return std::make_unique<VolumeZone>(environment); }

}  // namespace sampan::scheduler
