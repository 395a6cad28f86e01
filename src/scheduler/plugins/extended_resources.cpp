#include "scheduler/plugins/extended_resources.h"

#include "base/text.h"
#include "schema/quantity.h"

namespace sampan::scheduler {

using schema::Value;

namespace {

constexpr std::string_view kClassPrefix = "deviceclass.resource.kubernetes.io/";

struct DeviceRequest {
  std::string name, device_class;
  int64_t count = 0;
};

struct Container {
  core_v1::Container view;
  bool is_short_lived;  // an init container that ends before the next begins
};

std::vector<Container> containers_of(const core_v1::Pod& pod) {
  std::vector<Container> all;
  for (auto container : pod.spec().init_containers()) all.push_back({container, container.restart_policy() != "Always"});
  for (auto container : pod.spec().containers()) all.push_back({container, false});
  return all;
}

// Makes the requests for one resource, with what is wanted of it by each container.
class Requests {
 public:
  Requests(const std::vector<Container>& containers, std::string_view resource, std::string_view device_class)
      : containers_(containers), resource_(resource), class_(device_class), own_(containers.size()) {}

  void make(std::vector<DeviceRequest>& requests, std::vector<RequestMapping>& mappings) {
    std::vector<RequestMapping> of_short;
    for (size_t i = 0; i < containers_.size(); i++)
      if (!containers_[i].is_short_lived) own_[i] = request_of(i, false, mappings);
    // Containers that come one after the other can all use what the largest of them needs beyond that.
    std::optional<DeviceRequest> largest;
    std::vector<std::string> replaced;
    for (size_t i = 0; i < containers_.size(); i++) {
      if (!containers_[i].is_short_lived) continue;
      auto more = request_of(i, true, of_short);
      if (!more) continue;
      replaced.push_back(more->name);
      if (!largest || largest->count < more->count) largest = std::move(more);
    }
    for (auto& mapping : of_short)
      if (largest && std::find(replaced.begin(), replaced.end(), mapping.request) != replaced.end()) mapping.request = largest->name;
    if (largest) requests.push_back(*largest);
    for (auto& request : own_)
      if (request) requests.push_back(*request);
    mappings.insert(mappings.end(), of_short.begin(), of_short.end());
  }

 private:
  std::optional<DeviceRequest> request_of(size_t index, bool may_use_later_ones, std::vector<RequestMapping>& mappings) const {
    auto& container = containers_[index].view;
    auto asked = container.resources().requests().get(resource_);
    auto count = asked ? schema::Quantity::stored(*asked).plain_integer() : std::nullopt;
    if (!count || *count == 0) return {};
    int64_t there = 0;
    auto map_to = [&](std::string_view request) { mappings.push_back({std::string(container.name()), std::string(resource_), std::string(request)}); };
    for (size_t i = index; may_use_later_ones && i < own_.size(); i++) {
      if (!own_[i]) continue;
      there += own_[i]->count;
      map_to(own_[i]->name);
      if (there >= *count) return {};
    }
    size_t place = 0;  // among what the container asks for, which is sorted by name
    for (auto entry : container.resources().requests()) {
      if (entry.key == resource_) break;
      place++;
    }
    DeviceRequest request{concat("container-", index, "-request-", place), std::string(class_), *count - there};
    map_to(request.name);
    return request;
  }

  const std::vector<Container>& containers_;
  const std::string_view resource_, class_;
  std::vector<std::optional<DeviceRequest>> own_;  // of containers that stay
};

Value tree_of(const PodInfo& pod, const std::vector<DeviceRequest>& requests, std::string_view uid, Arena& arena) {
  Value tree = Value::object(arena), metadata = tree.ensure_object("metadata");
  metadata.set("generateName", arena.copy(concat(pod.name, "-extended-resources-")));
  metadata.set("namespace", pod.name_space);
  metadata.set("uid", arena.copy(uid));
  metadata.ensure_object("annotations").set(kExtendedClaimAnnotation, "true");
  Value owner = Value::object(arena);
  owner.set("apiVersion", "v1");
  owner.set("kind", "Pod");
  owner.set("name", pod.name);
  owner.set("uid", pod.uid);
  owner.set("controller", true);
  metadata.ensure_list("ownerReferences").push(owner);
  Value devices = tree.ensure_object("spec").ensure_object("devices");
  for (auto& request : requests) {
    Value one = Value::object(arena), exactly = one.ensure_object("exactly");
    one.set("name", arena.copy(request.name));
    exactly.set("deviceClassName", arena.copy(request.device_class));
    exactly.set("allocationMode", "ExactCount");
    exactly.set("count", request.count);
    devices.ensure_list("requests").push(one);
  }
  return tree;
}

}  // namespace

bool may_be_devices(std::string_view resource) { return is_extended_resource(resource) || resource.starts_with(kClassPrefix); }

ObjectRef class_behind(const Lister& lister, std::string_view resource) {
  if (resource.starts_with(kClassPrefix)) return lister.find(Lister::Kind::DeviceClass, "", resource.substr(kClassPrefix.size()));
  ObjectRef best;
  // Of several that name it the newest counts.
  lister.each(Lister::Kind::DeviceClass, "", [&](const ObjectRef& object) {
    if ((*object)["spec"]["extendedResourceName"].as_string() != resource) return;
    auto age = [](const ObjectRef& of) {
      auto metadata = (*of)["metadata"];
      auto created = metadata["creationTimestamp"];
      return std::pair(created.present() ? -created.as_int() : 0, metadata["name"].as_string());
    };
    if (!best || age(object) < age(best)) best = object;
  });
  return best;
}

ObjectRef find_extended_claim(const Lister& lister, const PodInfo& pod) {
  ObjectRef found;
  lister.each(Lister::Kind::ResourceClaim, pod.name_space, [&](const ObjectRef& claim) {
    auto metadata = (*claim)["metadata"];
    if (metadata["annotations"][kExtendedClaimAnnotation].as_string() != "true") return;
    auto owners = metadata["ownerReferences"];
    for (uint32_t i = 0; i < owners.size(); i++)
      if (owners.item(i)["uid"].as_string() == pod.uid && owners.item(i)["controller"].present() && owners.item(i)["controller"].as_bool()) found = claim;
  });
  return found;
}

Result<ExtendedClaim> extended_claim(const Lister& lister, const PodInfo& pod, const std::vector<std::string>& resources, std::string_view uid) {
  ExtendedClaim made;
  std::vector<DeviceRequest> requests;
  auto containers = containers_of(pod.pod);
  for (auto& resource : resources)
    if (auto device_class = class_behind(lister, resource))
      Requests(containers, resource, (*device_class)["metadata"]["name"].as_string()).make(requests, made.mappings);
  std::sort(requests.begin(), requests.end(), [](auto& a, auto& b) { return a.name < b.name; });
  Arena arena;
  made.claim = TRY(schema::freeze(tree_of(pod, requests, uid, arena), *resource_claims().type));
  return made;
}

}  // namespace sampan::scheduler
