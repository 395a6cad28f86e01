// The resources of metrics.k8s.io: nodes and pods that there are, with what they use.
#include <set>

#include "apiserver/list_request.h"
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "apiserver/usage/usage.h"
#include "base/encoding.h"
#include "base/text.h"
#include "base/time_text.h"
#include "schema/quantity.h"

namespace sampan::apiserver {

using schema::Object;

namespace {

Value usage_of(const Used& used, Arena& arena) {
  Value usage = Value::object(arena, 2);
  usage.set("cpu", arena.copy(schema::Quantity::stored(concat(used.cpu_nanocores, "n")).text()));
  usage.set("memory", arena.copy(schema::Quantity(static_cast<int64_t>(used.memory_bytes), schema::Quantity::Format::BinarySi).text()));
  return usage;
}

// The name and labels of what is measured, and when.
Value measured(const Object& source, const Used& when, int64_t now_seconds, Arena& arena) {
  Value object = Value::object(arena, 4), metadata = object.ensure_object("metadata");
  metadata.set("name", source["metadata"]["name"].as_string());
  if (auto space = source["metadata"]["namespace"].as_string(); !space.empty()) metadata.set("namespace", space);
  if (auto labels = source["metadata"]["labels"]; labels.present()) metadata.set("labels", schema::thaw(labels, arena));
  metadata.set("creationTimestamp", arena.copy(rfc3339(now_seconds)));
  object.set("timestamp", arena.copy(rfc3339(when.at_ms / 1000)));
  std::string window;
  append_duration(window, when.window_ms * 1'000'000);
  object.set("window", arena.copy(window));
  return object;
}

class Answer {
 public:
  explicit Answer(Context& context) : context_(context), usage_(*context.services.usage) {}

  // Nothing where it is not known.
  Result<ObjectRef> of_node(const ObjectRef& node) {
    auto used = usage_.of_node((*node)["metadata"]["name"].as_string());
    if (!used) return ObjectRef();
    Arena arena;
    Value object = measured(*node, *used, context_.now_seconds(), arena);
    object.set("usage", usage_of(*used, arena));
    return schema::freeze(object, *context_.served->resource->type);
  }

  Result<ObjectRef> of_pod(const ObjectRef& pod) {
    auto metadata = (*pod)["metadata"];
    auto used = usage_.of_pod((*pod)["spec"]["nodeName"].as_string(), metadata["namespace"].as_string(), metadata["name"].as_string());
    if (used.empty()) return ObjectRef();
    auto first = std::min_element(used.begin(), used.end(), [](auto& a, auto& b) { return a.second.at_ms < b.second.at_ms; });
    Arena arena;
    Value object = measured(*pod, first->second, context_.now_seconds(), arena);
    for (const auto& [name, one] : used) {
      Value container = Value::object(arena, 2);
      container.set("name", std::string_view(name));
      container.set("usage", usage_of(one, arena));
      object.ensure_list("containers").push(container);
    }
    return schema::freeze(object, *context_.served->resource->type);
  }

  HandlerResult answer(bool of_pods) {
    const RequestInfo& info = context_.info;
    auto* store = context_.services.catalog->store_of("", info.resource);
    std::vector<ObjectRef> sources;
    bool one = info.verb == "get";
    if (one)
      sources.push_back(TRY(store->get(info.name_space, info.name)));
    else
      sources = TRY(select(*store));
    usage_.refresh(of_pods ? nodes_of(sources) : sources);
    ListAnswer list;
    for (const auto& source : sources)
      if (auto object = TRY(of_pods ? of_pod(source) : of_node(source))) list.items.push_back(std::move(object));
    if (!one) return respond_list(context_, std::move(list));
    if (!list.items.empty()) return respond_object(context_, 200, list.items.front());
    auto name = of_pods ? concat(info.name_space, "/", info.name) : info.name;
    return fail(not_found(kUsageGroup, of_pods ? "podmetrics" : "nodemetrics", name));
  }

 private:
  Result<std::vector<ObjectRef>> select(registry::ObjectStore& store) {
    auto request = TRY(list_request(context_));
    std::vector<ObjectRef> found;
    store.cache().snapshot().each(request.prefix, {}, [&](std::string_view, const ObjectRef& object) {
      if (request.matches(*object)) found.push_back(object);
      return true;
    });
    return found;
  }

  std::vector<ObjectRef> nodes_of(const std::vector<ObjectRef>& pods) {
    std::set<std::string_view> names;
    for (const auto& pod : pods) names.insert((*pod)["spec"]["nodeName"].as_string());
    auto snapshot = context_.services.catalog->store_of("", "nodes")->cache().snapshot();
    std::vector<ObjectRef> nodes;
    for (auto name : names)
      if (auto node = snapshot.find(name)) nodes.push_back(std::move(node));
    return nodes;
  }

  Context& context_;
  Usage& usage_;
};

}  // namespace

HandlerResult handle_usage(Context& context) { return Answer(context).answer(context.info.resource == "pods"); }

}  // namespace sampan::apiserver
