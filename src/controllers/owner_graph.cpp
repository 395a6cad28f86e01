#include "controllers/owner_graph.h"

#include <algorithm>

#include "base/text.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

std::string api_version_of(const client::Resource& resource) {
  return resource.group.empty() ? std::string(resource.version) : concat(resource.group, "/", resource.version);
}

GraphNode node_of(const client::Resource& resource, const schema::Object& object) {
  GraphNode node;
  node.resource = &resource;
  node.name_space = namespace_of(object);
  node.name = name_of(object);
  node.uid = uid_of(object);
  node.owners = owners_in(object);
  node.deleting = is_deleting(object);
  node.waits_for_dependents = node.deleting && has_finalizer(object, "foregroundDeletion");
  node.orphans_dependents = node.deleting && has_finalizer(object, "orphan");
  return node;
}

const OwnerLink* find_link(const std::vector<OwnerLink>& owners, std::string_view uid) {
  for (const auto& owner : owners)
    if (owner.uid == uid) return &owner;
  return nullptr;
}

}  // namespace

std::vector<OwnerLink> owners_in(const schema::Object& object) {
  std::vector<OwnerLink> owners;
  for (AnyView view : each(object["metadata"]["ownerReferences"])) {
    OwnerLink& owner = owners.emplace_back();
    owner.api_version = view["apiVersion"].as_string();
    owner.kind = view["kind"].as_string();
    owner.name = view["name"].as_string();
    owner.uid = view["uid"].as_string();
    owner.blocks = truth(view["blockOwnerDeletion"]);
  }
  return owners;
}

GraphWork OwnerGraph::apply(const client::Resource& resource, const client::Change& change) {
  GraphWork work;
  std::lock_guard lock(mutex_);
  // One name may have had another object before: informers may leave out that it was deleted in between.
  if (change.previous && (!change.object || uid_of(*change.previous) != uid_of(*change.object)))
    erase(std::string(uid_of(*change.previous)), change.previous->revision(), work);
  if (change.object) put(node_of(resource, *change.object), change.object->revision(), work);
  return work;
}

void OwnerGraph::put(GraphNode node, int64_t revision, GraphWork& work) {
  auto [found, is_new] = nodes_.try_emplace(node.uid);
  Entry& entry = found->second;
  // One object may be told under several resources (of one store), each at its own pace.
  if (!is_new && revision < entry.revision) return;
  GraphNode old = std::move(entry.node);
  entry.node = node;
  entry.revision = revision;
  if (old.owners != node.owners || is_new) {
    unlink(is_new ? node : old);
    link(node);
    for (const auto& owner : old.owners) {
      const OwnerLink* still = find_link(node.owners, owner.uid);
      if (owner.blocks && (!still || !still->blocks)) work.examine.push_back(owner.uid);
    }
    bool unsure = false;
    for (const auto& owner : node.owners) unsure |= !matches(node, owner);
    if (unsure) work.examine.push_back(node.uid);
  }
  if (is_new) {
    // Those that were told before it and say something wrong of it.
    if (auto waiting = dependents_.find(node.uid); waiting != dependents_.end())
      for (const auto& uid : waiting->second) {
        auto dependent = nodes_.find(uid);
        if (dependent == nodes_.end()) continue;
        const OwnerLink* owner = find_link(dependent->second.node.owners, node.uid);
        if (owner && !matches(dependent->second.node, *owner)) work.examine.push_back(uid);
      }
  }
  if (node.orphans_dependents && !old.orphans_dependents) {
    work.orphan.push_back(node.uid);
  } else if (node.waits_for_dependents && !old.waits_for_dependents) {
    examine_dependents(node.uid, work);
    work.examine.push_back(node.uid);
  }
}

void OwnerGraph::erase(const std::string& uid, int64_t revision, GraphWork& work) {
  auto found = nodes_.find(uid);
  if (found == nodes_.end() || revision < found->second.revision) return;
  GraphNode node = std::move(found->second.node);
  nodes_.erase(found);
  unlink(node);
  examine_dependents(uid, work);
  for (const auto& owner : node.owners)
    if (auto there = nodes_.find(owner.uid); there != nodes_.end() && there->second.node.waits_for_dependents)
      work.examine.push_back(owner.uid);
}

void OwnerGraph::examine_dependents(const std::string& uid, GraphWork& work) const {
  if (auto found = dependents_.find(uid); found != dependents_.end())
    work.examine.insert(work.examine.end(), found->second.begin(), found->second.end());
}

void OwnerGraph::link(const GraphNode& node) {
  for (const auto& owner : node.owners) dependents_[owner.uid].insert(node.uid);
}

void OwnerGraph::unlink(const GraphNode& node) {
  for (const auto& owner : node.owners) {
    auto found = dependents_.find(owner.uid);
    if (found == dependents_.end()) continue;
    found->second.erase(node.uid);
    if (found->second.empty()) dependents_.erase(found);
  }
}

bool OwnerGraph::matches(const GraphNode& dependent, const OwnerLink& owner) const {
  auto found = nodes_.find(owner.uid);
  if (found == nodes_.end()) return false;
  const GraphNode& node = found->second.node;
  return node.name == owner.name && node.resource->kind == owner.kind && api_version_of(*node.resource) == owner.api_version &&
         (node.name_space.empty() || node.name_space == dependent.name_space);
}

std::optional<GraphNode> OwnerGraph::find(std::string_view uid) const {
  std::lock_guard lock(mutex_);
  auto found = nodes_.find(uid);
  if (found == nodes_.end()) return {};
  return found->second.node;
}

std::vector<GraphNode> OwnerGraph::dependents_of(std::string_view uid) const {
  std::lock_guard lock(mutex_);
  std::vector<GraphNode> result;
  auto found = dependents_.find(uid);
  if (found == dependents_.end()) return result;
  for (const auto& dependent : found->second)
    if (auto node = nodes_.find(dependent); node != nodes_.end()) result.push_back(node->second.node);
  return result;
}

bool OwnerGraph::is_surely_there(const GraphNode& dependent, const OwnerLink& owner) const {
  std::lock_guard lock(mutex_);
  return matches(dependent, owner) && !nodes_.find(owner.uid)->second.node.waits_for_dependents;
}

size_t OwnerGraph::size() const {
  std::lock_guard lock(mutex_);
  return nodes_.size();
}

}  // namespace sampan::controllers
