#include "scheduler/state.h"

#include "base/check.h"
#include "base/text.h"

namespace sampan::scheduler {

namespace {

// Of Go's normalizedImageName: what has no tag has the tag latest.
std::string with_tag(std::string_view image) {
  auto colon = image.rfind(':'), slash = image.rfind('/');
  bool tagged = colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash);
  return tagged ? std::string(image) : concat(image, ":latest");
}

// The views of a PodInfo look into its object.
void look_into(PodInfo& info, schema::ObjectRef object) {
  info.object = std::move(object);
  info.pod = info.object->as<core_v1::Pod>();
  auto metadata = info.pod.metadata();
  info.name = metadata.name();
  info.name_space = metadata.namespace_();
  info.uid = metadata.uid();
  info.labels = metadata.labels();
  info.terminating = metadata.deletion_timestamp().has_value();
}

bool same_labels(const schema::Labels& a, const schema::Labels& b) {
  if (a.size() != b.size()) return false;
  for (uint32_t i = 0; i < a.size(); i++)
    if (a[i].key != b[i].key || a[i].value != b[i].value) return false;
  return true;
}

bool same_amounts(const PodAmounts& a, const PodAmounts& b) {
  return a.requests == b.requests && a.nonzero_milli_cpu == b.nonzero_milli_cpu && a.nonzero_memory == b.nonzero_memory;
}

}  // namespace

// ---- nodes ----

NodeInfo* State::find_node(std::string_view name) {
  auto at = nodes_by_name_.find(name);
  return at == nodes_by_name_.end() || !at->second->object ? nullptr : at->second;
}

NodeInfo& State::ensure_node(std::string_view name) {
  if (auto at = nodes_by_name_.find(name); at != nodes_by_name_.end()) return *at->second;
  uint32_t slot = slots();
  if (free_slots_.empty()) {
    slots_.emplace_back();
    for (auto& [key, column] : columns_) column->values.resize(slots());
    for (auto& [key, topology] : topologies_) topology->resize(slots());
    for (auto& [key, set] : pod_sets_) set->counts.resize(slots());
    for (auto& [key, group] : groups_) group->counts.resize(slots());
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  auto node = std::make_unique<NodeInfo>();
  node->slot = slot;
  node->name = name;
  slots_[slot] = std::move(node);
  nodes_by_name_.emplace(slots_[slot]->name, slots_[slot].get());
  return *slots_[slot];
}

void State::drop_node_if_empty(NodeInfo& node) {
  if (node.object || !node.pods.empty()) return;
  uint32_t slot = node.slot;
  nodes_by_name_.erase(node.name);
  slots_[slot].reset();
  free_slots_.push_back(slot);
}

void State::set_node(schema::ObjectRef object) {
  NodeInfo& node = ensure_node(object->as<core_v1::Node>().metadata().name());
  bool fresh = !node.object;
  std::string zone = node.zone;
  bool same_images = !fresh && (*node.object)["status"]["images"].equals((*object)["status"]["images"]);
  if (!same_images) change_images(node, false);
  node.set(std::move(object));
  if (!same_images) change_images(node, true);
  if (fresh || zone != node.zone) {
    node.arrival = ++arrivals_;
    order_is_stale_ = true;
  }
  columns_changed(node);
}

void State::remove_node(std::string_view name) {
  NodeInfo* node = find_node(name);
  if (!node) return;
  change_images(*node, false);
  node->set(nullptr);
  columns_changed(*node);
  order_is_stale_ = true;
  drop_node_if_empty(*node);
}

void State::columns_changed(NodeInfo& node) {
  for (auto& [key, column] : columns_) column->values[node.slot] = node.object ? column->of(node.node) : 0;
  for (auto& [key, topology] : topologies_) topology->set(node.slot, node.object ? &node.node : nullptr);
}

void State::change_images(const NodeInfo& node, bool there) {
  for (auto image : node.node.status().images())
    for (auto name : image.names()) {
      auto& nodes = images_[with_tag(name)].nodes;
      auto at = std::find_if(nodes.begin(), nodes.end(), [&](auto& entry) { return entry.first == node.slot; });
      if (there && at == nodes.end()) nodes.emplace_back(node.slot, image.size_bytes());
      if (!there && at != nodes.end()) nodes.erase(at);
      if (nodes.empty()) images_.erase(with_tag(name));
    }
}

const State::Image* State::image(std::string_view name) const {
  if (images_.empty()) return nullptr;
  auto at = images_.find(with_tag(name));
  return at == images_.end() ? nullptr : &at->second;
}

const std::vector<NodeInfo*>& State::nodes() {
  if (!order_is_stale_) return order_;
  order_is_stale_ = false;
  order_.clear();
  for (auto& node : slots_)
    if (node && node->object) order_.push_back(node.get());
  std::sort(order_.begin(), order_.end(), [](auto* a, auto* b) { return a->arrival < b->arrival; });
  std::vector<std::vector<NodeInfo*>> zones;
  std::map<std::string_view, size_t> zone_number;
  for (auto* node : order_) {
    auto [at, fresh] = zone_number.try_emplace(node->zone, zones.size());
    if (fresh) zones.emplace_back();
    zones[at->second].push_back(node);
  }
  size_t count = order_.size();
  order_.clear();
  for (size_t i = 0; order_.size() < count; i++)
    for (auto& zone : zones)
      if (i < zone.size()) order_.push_back(zone[i]);
  return order_;
}

// ---- namespaces ----

void State::set_namespace(std::string_view name, schema::ObjectRef object) {
  if (object)
    namespaces_[std::string(name)] = std::move(object);
  else
    namespaces_.erase(std::string(name));
  recount_namespace_selectors();
}

schema::Labels State::namespace_labels(std::string_view name) const {
  auto at = namespaces_.find(name);
  return at == namespaces_.end() ? schema::Labels() : at->second->as<core_v1::Namespace>().metadata().labels();
}

// ---- pods ----

PodRef State::make_pod(schema::ObjectRef object) {
  auto info = std::make_shared<PodInfo>();
  look_into(*info, std::move(object));
  info->key = concat(info->name_space, "/", info->name);
  info->priority = info->pod.spec().priority().value_or(0);
  info->amounts = amounts_of(info->pod);
  info->ports = host_ports(info->pod);
  for (auto volume : info->pod.spec().volumes())
    if (auto claim = claim_name(info->pod, volume); !claim.empty()) info->claims.push_back(concat(info->name_space, "/", claim));
  read_terms(*info);
  return info;
}

bool State::set_pod(schema::ObjectRef object) {
  auto pod = object->as<core_v1::Pod>();
  NodeInfo& node = ensure_node(pod.spec().node_name());
  auto at = placed_.find(std::string(pod.metadata().uid()));
  if (at == placed_.end()) {
    auto info = make_pod(std::move(object));
    put(info, node, true);
    placed_[std::string(info->uid)] = {info, &node, false};
    return false;
  }
  auto& placed = at->second;
  bool was_there = !placed.assumed;
  if (placed.assumed) assumed_--;
  placed.assumed = false;
  auto fresh = std::make_shared<PodInfo>(*placed.pod);
  look_into(*fresh, object);
  fresh->amounts = amounts_of(fresh->pod);
  bool same = placed.node == &node && same_labels(fresh->labels, placed.pod->labels) && fresh->terminating == placed.pod->terminating &&
              same_amounts(fresh->amounts, placed.pod->amounts);
  if (same) {  // all that counts it stays as it is
    std::replace(node.pods.begin(), node.pods.end(), placed.pod, PodRef(fresh));
    placed.pod = std::move(fresh);
    return was_there;
  }
  put(placed.pod, *placed.node, false);
  NodeInfo* before = placed.node;
  placed.pod = make_pod(std::move(object));
  placed.node = &node;
  put(placed.pod, node, true);
  if (before != &node) drop_node_if_empty(*before);
  return was_there;
}

void State::remove_pod(std::string_view uid) {
  auto at = placed_.find(std::string(uid));
  if (at == placed_.end()) return;
  if (at->second.assumed) assumed_--;
  auto placed = std::move(at->second);
  placed_.erase(at);
  put(placed.pod, *placed.node, false);
  drop_node_if_empty(*placed.node);
}

void State::assume(const PodRef& pod, NodeInfo& node) {
  auto [at, fresh] = placed_.try_emplace(std::string(pod->uid));
  check(fresh);
  at->second = {pod, &node, true};
  assumed_++;
  put(pod, node, true);
}

bool State::is_assumed(std::string_view uid) const {
  auto at = placed_.find(std::string(uid));
  return at != placed_.end() && at->second.assumed;
}

bool State::forget(std::string_view uid) {
  if (!is_assumed(uid)) return false;
  remove_pod(uid);
  return true;
}

const PodRef* State::placed_pod(std::string_view uid) const {
  auto at = placed_.find(std::string(uid));
  return at == placed_.end() ? nullptr : &at->second.pod;
}

int State::claim_users(std::string_view claim) const {
  auto at = claim_users_.find(claim);
  return at == claim_users_.end() ? 0 : at->second;
}

void State::put(const PodRef& pod, NodeInfo& node, bool there) {
  if (there)
    node.add(pod);
  else
    node.remove(*pod);
  count(*pod, node.slot, there ? 1 : -1);
}

void State::count(const PodInfo& pod, uint32_t slot, int sign) {
  pod_set_index_.candidates(pod.name_space, pod.labels, [&](PodSet& set) {
    if (!in_set(set, pod)) return;
    set.counts[slot] += sign;
    set.total += sign;
  });
  for (auto& group : pod.groups) {
    group->counts[slot] += sign;
    group->total += sign;
  }
  for (auto& claim : pod.claims) {
    auto& users = claim_users_[claim];
    users += sign;
    if (users == 0) claim_users_.erase(claim);
  }
}

// ---- nominated pods ----

void State::nominate(const PodRef& pod, std::string_view node) {
  withdraw(pod->uid);
  if (node.empty()) return;
  nominated_[std::string(node)].push_back(pod);
  nominated_node_[std::string(pod->uid)] = node;
}

void State::withdraw(std::string_view uid) {
  auto at = nominated_node_.find(std::string(uid));
  if (at == nominated_node_.end()) return;
  auto pods = nominated_.find(at->second);
  std::erase_if(pods->second, [&](const PodRef& pod) { return pod->uid == uid; });
  if (pods->second.empty()) nominated_.erase(pods);
  nominated_node_.erase(at);
}

std::string_view State::nominated_node(std::string_view uid) const {
  auto at = nominated_node_.find(std::string(uid));
  return at == nominated_node_.end() ? std::string_view() : std::string_view(at->second);
}

const std::vector<PodRef>* State::nominated(std::string_view node) const {
  auto at = nominated_.find(node);
  return at == nominated_.end() ? nullptr : &at->second;
}

// ---- hypotheses ----

void Hypothesis::step(const PodRef& pod, NodeInfo& node, bool there) {
  state_.put(pod, node, there);
  // Undoing the last step is no new one: a pod that is put back and taken away again would let the list grow.
  if (!steps_.empty() && steps_.back().pod == pod && steps_.back().node == &node && steps_.back().there != there)
    steps_.pop_back();
  else
    steps_.push_back({pod, &node, there});
}

Hypothesis::~Hypothesis() {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) state_.put(step->pod, *step->node, !step->there);
}

}  // namespace sampan::scheduler
