#include "apiserver/admission/plugin.h"

#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

constexpr std::string_view kContainerLists[] = {"initContainers", "containers", "ephemeralContainers"};

Error named_refusal(const Attributes& attributes, std::string_view object_name, std::string_view generate_name, std::string_view why) {
  const RequestInfo& info = attributes.info;
  std::string_view name = info.name;
  if (name.empty()) name = object_name;
  if (name.empty()) name = generate_name;
  if (name.empty()) name = "Unknown";
  auto qualified = info.group.empty() ? info.resource : concat(info.resource, ".", info.group);
  return Error(Reason::Forbidden, concat(qualified, " ", quoted(name), " is forbidden: ", why)).about(info.group, info.resource, name);
}

}  // namespace

Error refusal(const Attributes& attributes, Value object, std::string_view why) {
  Value metadata = object["metadata"];
  return named_refusal(attributes, metadata["name"].as_string(), metadata["generateName"].as_string(), why);
}

Error refusal(const Attributes& attributes, const Object& object, std::string_view why) {
  auto metadata = object["metadata"];
  return named_refusal(attributes, metadata["name"].as_string(), metadata["generateName"].as_string(), why);
}

bool is_about(const Attributes& attributes, std::string_view group, std::string_view resource) {
  const RequestInfo& info = attributes.info;
  return info.subresource.empty() && info.resource == resource && info.group == group;
}

std::string one_text(const std::vector<std::string>& complaints) {
  std::vector<std::string> once;
  for (const auto& complaint : complaints)
    if (std::find(once.begin(), once.end(), complaint) == once.end()) once.push_back(complaint);
  if (once.size() == 1) return once.front();
  return concat("[", join(once, ", "), "]");
}

void each_container(Value pod_spec, const std::function<void(Value)>& visit) {
  for (std::string_view list : kContainerLists)
    for (Value container : pod_spec[list].items()) visit(container);
}

void each_container(const AnyView& pod_spec, const std::function<void(const AnyView&, std::string_view, uint32_t)>& visit) {
  for (std::string_view list : kContainerLists) {
    AnyView containers = pod_spec[list];
    for (uint32_t i = 0; i < containers.size(); i++) visit(containers.item(i), list, i);
  }
}

void each_object(registry::ObjectStore& store, std::string_view name_space, const std::function<bool(const Object&)>& visit) {
  std::string prefix = name_space.empty() ? std::string() : concat(name_space, "/");
  store.cache().snapshot().each(prefix, {}, [&](std::string_view, const schema::ObjectRef& object) { return visit(*object); });
}

schema::ObjectRef newest_default(registry::ObjectStore& store, const std::function<bool(const Object&)>& is_default) {
  schema::ObjectRef newest;
  int64_t newest_seconds = 0;
  store.cache().snapshot().each({}, {}, [&](std::string_view, const schema::ObjectRef& object) {
    int64_t seconds = (*object)["metadata"]["creationTimestamp"].as_int();
    if (is_default(*object) && (!newest || seconds > newest_seconds)) newest = object, newest_seconds = seconds;
    return true;
  });
  return newest;
}

}  // namespace sampan::apiserver
