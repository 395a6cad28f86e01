// What the admission plug-ins share.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/admission.h"

namespace sampan::apiserver {

// "pods \"x\" is forbidden: <why>". An object that has no name yet goes by its generateName.
Error refusal(const Attributes& attributes, schema::Value object, std::string_view why);
Error refusal(const Attributes& attributes, const schema::Object& object, std::string_view why);

// Is the request about the resource itself, not about one of its subresources?
bool is_about(const Attributes& attributes, std::string_view group, std::string_view resource);

// Several complaints as one text: "[a, b]", each once.
std::string one_text(const std::vector<std::string>& complaints);

// Every container of a pod's spec: init containers, containers, ephemeral ones, in upstream's order.
void each_container(schema::Value pod_spec, const std::function<void(schema::Value container)>& visit);
// `list` is the field that it is in: "initContainers".
void each_container(const schema::AnyView& pod_spec,
                    const std::function<void(const schema::AnyView& container, std::string_view list, uint32_t index)>& visit);

// All objects of a resource in a namespace ("" for resources that have none), in the order of their keys, until `visit` gives false.
void each_object(registry::ObjectStore& store, std::string_view name_space, const std::function<bool(const schema::Object&)>& visit);

// Of objects that ask to be the default one: the newest; of equally old ones the first by name. Null if there is none.
schema::ObjectRef newest_default(registry::ObjectStore& store, const std::function<bool(const schema::Object&)>& is_default);

}  // namespace sampan::apiserver
