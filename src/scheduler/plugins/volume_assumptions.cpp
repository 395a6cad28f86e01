#include "scheduler/plugins/volume_assumptions.h"

#include "schema/quantity.h"

namespace sampan::scheduler {

namespace {

using schema::Quantity;
using schema::Value;

Quantity storage_of(const QuantityMap& quantities) { return Quantity::stored(quantities.get("storage").value_or("0")); }

Result<ObjectRef> frozen(Value tree, const Object& original) {
  auto object = TRY(schema::freeze(tree, original.type()));
  return object->with_revision(original.revision());
}

bool offers_modes(const core_v1::PersistentVolume& volume, const core_v1::PersistentVolumeClaim& claim) {
  for (auto wanted : claim.spec().access_modes()) {
    bool offered = false;
    for (auto mode : volume.spec().access_modes()) offered |= mode == wanted;
    if (!offered) return false;
  }
  return true;
}

}  // namespace

std::string VolumeAssumptions::key_of(const Object& object) {
  auto metadata = object["metadata"];
  auto name_space = metadata["namespace"].as_string(), name = metadata["name"].as_string();
  return name_space.empty() ? std::string(name) : concat(name_space, "/", name);
}

ObjectRef VolumeAssumptions::newest(Overlay& overlay, Lister::Kind kind, std::string_view name_space, std::string_view name) {
  auto known = lister_.find(kind, name_space, name);
  auto at = overlay.empty() ? overlay.end() : overlay.find(name_space.empty() ? std::string(name) : concat(name_space, "/", name));
  if (at == overlay.end()) return known;
  if (known && known->revision() == at->second->revision()) return at->second;
  overlay.erase(at);
  return known;
}

std::vector<ObjectRef> VolumeAssumptions::volumes_of(std::string_view storage_class) {
  std::vector<ObjectRef> out;
  lister_.each(Lister::Kind::PersistentVolume, "", [&](const ObjectRef& object) {
    auto volume = object->as<core_v1::PersistentVolume>();
    if (class_of(volume) != storage_class) return;
    auto at = volumes_.find(volume.metadata().name());
    out.push_back(at != volumes_.end() && at->second->revision() == object->revision() ? at->second : object);
  });
  return out;
}

void VolumeAssumptions::drop(Overlay& overlay, const ObjectRef& object) {
  auto at = overlay.find(key_of(*object));
  if (at != overlay.end() && at->second == object) overlay.erase(at);
}

bool is_bound_to(const core_v1::PersistentVolume& volume, const core_v1::PersistentVolumeClaim& claim) {
  auto reference = volume.spec().claim_ref();
  return volume.spec().has_claim_ref() && reference.name() == claim.metadata().name() &&
         reference.namespace_() == claim.metadata().namespace_() && (reference.uid().empty() || reference.uid() == claim.metadata().uid());
}

bool is_fully_bound(const core_v1::PersistentVolumeClaim& claim) {
  return !claim.spec().volume_name().empty() && claim.metadata().annotations().has(kBindCompleted);
}

bool may_be_used_on(const core_v1::PersistentVolume& volume, const core_v1::Node& node) {
  auto affinity = volume.spec().node_affinity();
  return !affinity.has_required() || NodeSelector(affinity.required()).matches(node);
}

int64_t requested_bytes(const core_v1::PersistentVolumeClaim& claim) { return storage_of(claim.spec().resources().requests()).value(); }

Result<ObjectRef> bound_to(const ObjectRef& object, const ObjectRef& claim_object) {
  Arena arena;
  auto volume = object->as<core_v1::PersistentVolume>();
  auto claim = claim_object->as<core_v1::PersistentVolumeClaim>().metadata();
  Value tree = schema::thaw(*object, arena);
  if (!is_bound_to(volume, claim_object->as<core_v1::PersistentVolumeClaim>()))
    tree.ensure_object("metadata").ensure_object("annotations").set("pv.kubernetes.io/bound-by-controller", "yes");
  Value reference = Value::object(arena);
  reference.set("kind", "PersistentVolumeClaim");
  reference.set("namespace", claim.namespace_());
  reference.set("name", claim.name());
  reference.set("uid", claim.uid());
  reference.set("apiVersion", "v1");
  reference.set("resourceVersion", arena.copy(concat(claim_object->revision())));
  tree.ensure_object("spec").set("claimRef", reference);
  return frozen(tree, *object);
}

Result<ObjectRef> with_selected_node(const ObjectRef& claim, std::string_view node) {
  Arena arena;
  Value tree = schema::thaw(*claim, arena);
  tree.ensure_object("metadata").ensure_object("annotations").set(kSelectedNode, node);
  return frozen(tree, *claim);
}

ObjectRef matching_volume(const ObjectRef& claim_object, const std::vector<ObjectRef>& volumes, const core_v1::Node& node,
                          const std::vector<ObjectRef>& taken) {
  auto claim = claim_object->as<core_v1::PersistentVolumeClaim>();
  auto spec = claim.spec();
  auto wanted = storage_of(spec.resources().requests());
  schema::LabelSelector selector;
  if (spec.has_selector()) {
    auto read = schema::LabelSelector::from(any(spec.selector()));
    selector = read ? *std::move(read) : schema::LabelSelector::nothing();
  }
  ObjectRef smallest;
  Quantity smallest_size;
  for (auto& object : volumes) {
    auto volume = object->as<core_v1::PersistentVolume>();
    bool excluded = std::any_of(taken.begin(), taken.end(),
                                [&](auto& one) { return one->template as<core_v1::PersistentVolume>().metadata().name() == volume.metadata().name(); });
    bool bound = is_bound_to(volume, claim);
    auto size = storage_of(volume.spec().capacity());
    if (excluded || (volume.spec().has_claim_ref() && !bound) || size < wanted || volume.metadata().deletion_timestamp()) continue;
    if (spec.volume_mode().value_or("Filesystem") != volume.spec().volume_mode().value_or("Filesystem")) continue;
    if (spec.volume_attributes_class_name().value_or("") != volume.spec().volume_attributes_class_name().value_or("")) continue;
    bool usable = may_be_used_on(volume, node);
    if (bound) return usable ? object : ObjectRef();
    bool fits = volume.status().phase() == "Available" && selector.matches(volume.metadata().labels()) && class_of(volume) == class_of(claim) &&
                usable && offers_modes(volume, claim);
    if (!fits || (smallest && !(smallest_size > size))) continue;
    smallest = object;
    smallest_size = size;
  }
  return smallest;
}

}  // namespace sampan::scheduler
