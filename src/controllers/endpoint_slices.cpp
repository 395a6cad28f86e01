#include "controllers/endpoint_slices.h"

#include <algorithm>

#include "base/text.h"
#include "controllers/tree.h"

namespace sampan::controllers {

using schema::AnyView;
using schema::Value;

namespace {

std::optional<std::string> optional_text(const AnyView& value) {
  if (!value.present()) return {};
  return std::string(value.as_string());
}

std::optional<bool> optional_bool(const AnyView& value) {
  if (!value.present()) return {};
  return value.as_bool();
}

std::vector<std::string> names_in(const AnyView& list) {
  std::vector<std::string> names;
  for (AnyView item : each(list)) names.emplace_back(item["name"].as_string());
  return names;
}

SliceEndpoint endpoint_of(const AnyView& view) {
  SliceEndpoint endpoint;
  for (AnyView address : each(view["addresses"])) endpoint.addresses.emplace_back(address.as_string());
  AnyView conditions = view["conditions"], hints = view["hints"];
  endpoint.ready = optional_bool(conditions["ready"]);
  endpoint.serving = optional_bool(conditions["serving"]);
  endpoint.terminating = optional_bool(conditions["terminating"]);
  endpoint.hostname = optional_text(view["hostname"]);
  endpoint.node_name = optional_text(view["nodeName"]);
  endpoint.zone = optional_text(view["zone"]);
  endpoint.target = target_of(view["targetRef"]);
  endpoint.for_zones = names_in(hints["forZones"]);
  endpoint.for_nodes = names_in(hints["forNodes"]);
  return endpoint;
}

void set_text(Value tree, std::string_view name, const std::optional<std::string>& text) {
  if (text) tree.set(name, text_in(tree.arena(), *text));
}

Value names_tree(Arena& arena, const std::vector<std::string>& names) {
  Value list = Value::list(arena);
  for (const auto& name : names) list.push(tree_of(arena, {{"name", text_in(arena, name)}}));
  return list;
}

Value endpoint_tree(Arena& arena, const SliceEndpoint& endpoint) {
  Value addresses = Value::list(arena), conditions = Value::object(arena);
  for (const auto& address : endpoint.addresses) addresses.push(text_in(arena, address));
  if (endpoint.ready) conditions.set("ready", *endpoint.ready);
  if (endpoint.serving) conditions.set("serving", *endpoint.serving);
  if (endpoint.terminating) conditions.set("terminating", *endpoint.terminating);
  Value tree = tree_of(arena, {{"addresses", addresses}, {"conditions", conditions}});
  set_text(tree, "hostname", endpoint.hostname);
  set_text(tree, "nodeName", endpoint.node_name);
  set_text(tree, "zone", endpoint.zone);
  if (endpoint.target) tree.set("targetRef", target_tree(arena, *endpoint.target));
  if (endpoint.for_zones.empty() && endpoint.for_nodes.empty()) return tree;
  Value hints = tree.ensure_object("hints");
  if (!endpoint.for_zones.empty()) hints.set("forZones", names_tree(arena, endpoint.for_zones));
  if (!endpoint.for_nodes.empty()) hints.set("forNodes", names_tree(arena, endpoint.for_nodes));
  return tree;
}

void write_map(Value metadata, std::string_view name, const Labels& map) {
  Value tree = Value::object(metadata.arena());
  for (const auto& [key, value] : map) tree.set_copy(key, text_in(metadata.arena(), value));
  metadata.set(name, tree);
}

void take_from(EndpointSet& wanted, Slice& slice) {
  while (!wanted.empty() && slice.endpoints.size() < kEndpointsPerSliceMax)
    slice.endpoints.push_back(std::move(wanted.extract(wanted.begin()).mapped()));
}

// The unchanged slice that would be fullest with all that is left; its index, or -1.
int slice_to_fill(const std::vector<Slice>& slices, size_t count) {
  int best = -1;
  for (size_t i = 0; i < slices.size(); i++) {
    size_t size = slices[i].endpoints.size();
    if (size + count > kEndpointsPerSliceMax) continue;
    if (best < 0 || size > slices[static_cast<size_t>(best)].endpoints.size()) best = static_cast<int>(i);
  }
  return best;
}

}  // namespace

std::optional<TargetReference> target_of(const AnyView& reference) {
  if (!reference.present()) return {};
  auto text = [&](std::string_view name) { return std::string(reference[name].as_string()); };
  return TargetReference{text("apiVersion"), text("kind"), text("namespace"), text("name"), text("uid"), text("resourceVersion"), text("fieldPath")};
}

schema::Value target_tree(Arena& arena, const TargetReference& reference) {
  Value tree = Value::object(arena);
  auto set = [&](std::string_view name, const std::string& text) {
    if (!text.empty()) tree.set(name, text_in(arena, text));
  };
  set("kind", reference.kind);
  set("namespace", reference.name_space);
  set("name", reference.name);
  set("uid", reference.uid);
  set("apiVersion", reference.api_version);
  set("resourceVersion", reference.resource_version);
  set("fieldPath", reference.field_path);
  return tree;
}

bool TargetReference::same_as(const TargetReference& other) const {
  return api_version == other.api_version && kind == other.kind && name_space == other.name_space && name == other.name && uid == other.uid &&
         field_path == other.field_path;
}

std::string SliceEndpoint::identity() const {
  auto sorted = addresses;
  std::sort(sorted.begin(), sorted.end());
  return concat(join(sorted, ","), "|", hostname.value_or(""), "|", target ? target->name_space : "", "|", target ? target->name : "");
}

bool SliceEndpoint::same_state_as(const SliceEndpoint& other) const {
  return node_name == other.node_name && zone == other.zone && ready == other.ready && serving == other.serving &&
         terminating == other.terminating && target.has_value() == other.target.has_value() && (!target || target->same_as(*other.target));
}

std::string group_of(std::vector<SlicePort> ports) {
  std::sort(ports.begin(), ports.end());
  std::string key;
  for (const auto& port : ports)
    append(key, port.name.value_or("-"), "/", port.protocol.value_or("-"), "/", port.port ? *port.port : -1, "/", port.app_protocol.value_or("-"), ";");
  return key;
}

Labels labels_in(const AnyView& map) {
  Labels labels;
  for (uint32_t i = 0; i < map.size(); i++) labels.emplace(map.key(i), map.value(i).as_string());
  return labels;
}

Slice Slice::of(const schema::ObjectRef& object) {
  Slice slice;
  slice.current = object;
  slice.name = name_of(*object);
  slice.address_type = (*object)["addressType"].as_string();
  slice.labels = labels_in((*object)["metadata"]["labels"]);
  slice.annotations = labels_in((*object)["metadata"]["annotations"]);
  for (AnyView port : each((*object)["ports"])) {
    SlicePort& added = slice.ports.emplace_back();
    added.name = optional_text(port["name"]);
    added.protocol = optional_text(port["protocol"]);
    added.app_protocol = optional_text(port["appProtocol"]);
    if (auto number = port["port"]; number.present()) added.port = static_cast<int32_t>(number.as_int());
  }
  for (AnyView endpoint : each((*object)["endpoints"])) slice.endpoints.push_back(endpoint_of(endpoint));
  return slice;
}

void spread(std::vector<Slice> existing, EndpointSet wanted, const Slice& blank, SliceChanges& changes) {
  std::vector<Slice> unchanged, updated;
  for (Slice& slice : existing) {
    std::vector<SliceEndpoint> kept;
    bool changed = slice.labels != blank.labels;
    for (auto& endpoint : slice.endpoints) {
      auto found = wanted.find(endpoint.identity());
      if (found == wanted.end()) continue;
      changed |= !found->second.same_state_as(endpoint);
      // Hints stay until they are looked at, so that they alone are no change.
      found->second.for_zones = std::move(endpoint.for_zones);
      found->second.for_nodes = std::move(endpoint.for_nodes);
      kept.push_back(std::move(found->second));
      wanted.erase(found);
    }
    bool lost = kept.size() != slice.endpoints.size();
    slice.endpoints = std::move(kept);
    slice.labels = blank.labels;
    if (lost && slice.endpoints.empty())
      changes.remove.push_back(std::move(slice));
    else
      (changed || lost ? updated : unchanged).push_back(std::move(slice));
  }

  std::stable_sort(updated.begin(), updated.end(), [](const Slice& a, const Slice& b) { return a.endpoints.size() > b.endpoints.size(); });
  for (Slice& slice : updated) take_from(wanted, slice);
  while (!wanted.empty()) {
    int index = wanted.size() < kEndpointsPerSliceMax ? slice_to_fill(unchanged, wanted.size()) : -1;
    Slice slice = index < 0 ? blank : std::move(unchanged[static_cast<size_t>(index)]);
    if (index >= 0) unchanged.erase(unchanged.begin() + index);
    take_from(wanted, slice);
    (index < 0 ? changes.create : updated).push_back(std::move(slice));
  }
  for (Slice& slice : updated) changes.update.push_back(std::move(slice));
}

void reuse_slices(SliceChanges& changes, const std::function<bool(const Slice&)>& may_reuse) {
  for (size_t i = 0; i < changes.remove.size() && !changes.create.empty();) {
    Slice& old = changes.remove[i];
    auto made = std::find_if(changes.create.rbegin(), changes.create.rend(),
                             [&](const Slice& slice) { return slice.address_type == old.address_type; });
    if (made == changes.create.rend() || !may_reuse(old)) {
      i++;
      continue;
    }
    made->current = std::move(old.current);
    made->name = std::move(old.name);
    changes.update.push_back(std::move(*made));
    changes.create.erase(std::next(made).base());
    changes.remove.erase(changes.remove.begin() + static_cast<ptrdiff_t>(i));
  }
}

namespace {

// What the hints of one endpoint should be. Those that are not ready keep what they have.
bool set_hints(std::string_view distribution, SliceEndpoint& endpoint) {
  std::vector<std::string> zones, nodes;
  if (!distribution.empty()) {
    if (!endpoint.ready.value_or(false)) return false;
    if (endpoint.zone) zones.push_back(*endpoint.zone);
    if (endpoint.node_name && distribution == "PreferSameNode") nodes.push_back(*endpoint.node_name);
  }
  if (endpoint.for_zones == zones && endpoint.for_nodes == nodes) return false;
  endpoint.for_zones = std::move(zones);
  endpoint.for_nodes = std::move(nodes);
  return true;
}

bool set_hints(std::string_view distribution, Slice& slice) {
  bool changed = false;
  for (auto& endpoint : slice.endpoints) changed |= set_hints(distribution, endpoint);
  return changed;
}

}  // namespace

void hint(std::string_view distribution, SliceChanges& changes, const std::vector<Slice>& unchanged) {
  for (Slice& slice : changes.create) set_hints(distribution, slice);
  for (Slice& slice : changes.update) set_hints(distribution, slice);
  for (const Slice& slice : unchanged) {
    Slice copy = slice;
    if (set_hints(distribution, copy)) changes.update.push_back(std::move(copy));
  }
}

schema::Value write_slice(Arena& arena, const Slice& slice) {
  Value tree = slice.current ? schema::thaw(*slice.current, arena) : Value::object(arena);
  Value metadata = tree.ensure_object("metadata");
  write_map(metadata, "labels", slice.labels);
  write_map(metadata, "annotations", slice.annotations);
  tree.set("addressType", text_in(arena, slice.address_type));
  Value endpoints = Value::list(arena), ports = Value::list(arena);
  for (const auto& endpoint : slice.endpoints) endpoints.push(endpoint_tree(arena, endpoint));
  for (const auto& port : slice.ports) {
    Value item = Value::object(arena);
    set_text(item, "name", port.name);
    set_text(item, "protocol", port.protocol);
    set_text(item, "appProtocol", port.app_protocol);
    if (port.port) item.set("port", static_cast<int64_t>(*port.port));
    ports.push(item);
  }
  tree.set("endpoints", endpoints);
  tree.set("ports", ports);
  return tree;
}

}  // namespace sampan::controllers
