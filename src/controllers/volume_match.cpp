#include "controllers/volume_match.h"

#include "base/text.h"
#include "controllers/tree.h"
#include "schema/label_selector.h"
#include "schema/quantity.h"

namespace sampan::controllers {

using schema::Object;
using schema::ObjectRef;
using schema::Quantity;

namespace {

constexpr std::string_view kBetaClass = "volume.beta.kubernetes.io/storage-class";

Quantity requested(const Object& claim) { return Quantity::stored(claim["spec"]["resources"]["requests"]["storage"].as_string()); }
Quantity capacity(const Object& volume) { return Quantity::stored(volume["spec"]["capacity"]["storage"].as_string()); }

bool same_attributes(const Object& volume, const Object& claim) {
  return volume["spec"]["volumeAttributesClassName"].as_string() == claim["spec"]["volumeAttributesClassName"].as_string();
}

bool has_access_modes(const Object& volume, const Object& claim) {
  for (AnyView mode : each(claim["spec"]["accessModes"]))
    if (!contains(volume["spec"]["accessModes"], mode.as_string())) return false;
  return true;
}

}  // namespace

std::string_view storage_class_of(const Object& object) {
  if (has_annotation(object, kBetaClass)) return annotation_of(object, kBetaClass);
  return object["spec"]["storageClassName"].as_string();
}

bool has_storage_class(const Object& claim) { return has_annotation(claim, kBetaClass) || claim["spec"]["storageClassName"].present(); }

bool is_bound_to(const Object& volume, const Object& claim) {
  AnyView reference = volume["spec"]["claimRef"];
  if (!reference.present() || reference["name"].as_string() != name_of(claim) || reference["namespace"].as_string() != namespace_of(claim))
    return false;
  auto uid = reference["uid"].as_string();
  return uid.empty() || uid == uid_of(claim);
}

bool same_volume_mode(const Object& volume, const Object& claim) {
  auto mode = [](const Object& object) {
    auto text = object["spec"]["volumeMode"].as_string();
    return text.empty() ? std::string_view("Filesystem") : text;
  };
  return mode(volume) == mode(claim);
}

std::string why_unfit(const Object& volume, const Object& claim) {
  if (is_deleting(volume)) return concat("the volume is marked for deletion ", quoted(name_of(volume)));
  if (capacity(volume).value() < requested(claim).value()) return "requested PV is too small";
  if (storage_class_of(volume) != storage_class_of(claim)) return "storageClassName does not match";
  if (!same_attributes(volume, claim)) return "volumeAttributesClassName does not match";
  if (!same_volume_mode(volume, claim)) return "incompatible volumeMode";
  if (!has_access_modes(volume, claim)) return "incompatible accessMode";
  return {};
}

ObjectRef find_volume(const std::vector<ObjectRef>& volumes, const Object& claim, bool waits_for_node) {
  AnyView labels = claim["spec"]["selector"];
  auto selector = labels.present() ? schema::LabelSelector::from(labels) : Result<schema::LabelSelector>(schema::LabelSelector());
  if (!selector) return nullptr;
  ObjectRef best;
  for (const ObjectRef& volume : volumes) {
    bool is_reserved = (*volume)["spec"]["claimRef"].present();
    if (is_reserved && !is_bound_to(*volume, claim)) continue;
    if (capacity(*volume) < requested(claim) || !same_volume_mode(*volume, claim) || !same_attributes(*volume, claim) || is_deleting(*volume) ||
        !has_access_modes(*volume, claim))
      continue;
    if (is_reserved) return volume;
    if (waits_for_node || (*volume)["status"]["phase"].as_string() != "Available" || !selector->matches(*volume) ||
        storage_class_of(*volume) != storage_class_of(claim))
      continue;
    auto modes = [](const ObjectRef& one) { return (*one)["spec"]["accessModes"].size(); };
    if (!best || modes(volume) < modes(best) || (modes(volume) == modes(best) && capacity(*volume) < capacity(*best))) best = volume;
  }
  return best;
}

}  // namespace sampan::controllers
