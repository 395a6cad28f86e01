#include "apiserver/discovery.h"

#include <openssl/sha.h>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

Value strings(std::span<const std::string_view> texts, Arena& arena) {
  Value list = Value::list(arena, static_cast<uint32_t>(texts.size()));
  for (auto text : texts) list.push(text);
  return list;
}

// In upstream's order, which is the alphabet's.
Value verbs_of(uint16_t verbs, Arena& arena) {
  static constexpr std::pair<uint16_t, std::string_view> names[] = {
      {schema::Create, "create"}, {schema::Delete, "delete"}, {schema::DeleteCollection, "deletecollection"},
      {schema::Get, "get"},       {schema::List_, "list"},    {schema::Patch, "patch"},
      {schema::Update, "update"}, {schema::Watch, "watch"},
  };
  Value list = Value::list(arena);
  for (const auto& [bit, name] : names)
    if (verbs & bit) list.push(name);
  return list;
}

std::vector<const Served*> by_name(const GroupVersion& served) {
  auto sorted = served.resources;
  std::sort(sorted.begin(), sorted.end(),
            [](const Served* a, const Served* b) { return a->resource->resource < b->resource->resource; });
  return sorted;
}

std::vector<const schema::Subresource*> by_name(const schema::Resource& resource) {
  std::vector<const schema::Subresource*> sorted;
  for (const auto& subresource : resource.subresources) sorted.push_back(&subresource);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  return sorted;
}

Value version_of(const GroupVersion& served, Arena& arena) {
  Value version = Value::object(arena, 2);
  version.set("groupVersion", arena.copy(concat(served.group, "/", served.version)));
  version.set("version", served.version);
  return version;
}

Value resource_entry(const Served& served, Arena& arena) {
  const schema::Resource& resource = *served.resource;
  Value entry = Value::object(arena, 8);
  entry.set("name", resource.resource);
  entry.set("singularName", resource.singular);
  entry.set("namespaced", resource.namespaced);
  entry.set("kind", resource.kind);
  entry.set("verbs", verbs_of(resource.verbs, arena));
  if (!resource.short_names.empty()) entry.set("shortNames", strings(resource.short_names, arena));
  if (!resource.categories.empty()) entry.set("categories", strings(resource.categories, arena));
  if (served.store) {
    const auto& stored = served.store->resource();
    // Upstream keeps these in the older form, which is smaller.
    bool definition = stored.group == "apiextensions.k8s.io" && stored.kind == "CustomResourceDefinition";
    auto version = definition ? std::string_view("v1beta1") : stored.version;
    entry.set("storageVersionHash", arena.copy(storage_version_hash(stored.group, version, stored.kind)));
  }
  return entry;
}

Value subresource_entry(const schema::Resource& resource, const schema::Subresource& subresource, Arena& arena) {
  Value entry = Value::object(arena, 7);
  entry.set("name", arena.copy(concat(resource.resource, "/", subresource.name)));
  entry.set("singularName", "");
  entry.set("namespaced", resource.namespaced);
  if (!subresource.group.empty()) entry.set("group", subresource.group);
  if (!subresource.version.empty()) entry.set("version", subresource.version);
  entry.set("kind", subresource.kind);
  entry.set("verbs", verbs_of(subresource.verbs, arena));
  return entry;
}

// The group and version are told only where they are not the parent's.
Value response_kind(std::string_view group, std::string_view version, std::string_view kind, Arena& arena) {
  Value value = Value::object(arena, 3);
  value.set("group", group);
  value.set("version", version);
  value.set("kind", kind);
  return value;
}

Value aggregated_resource(const schema::Resource& resource, Arena& arena) {
  Value entry = Value::object(arena, 8);
  entry.set("resource", resource.resource);
  entry.set("responseKind", response_kind("", "", resource.kind, arena));
  entry.set("scope", resource.namespaced ? "Namespaced" : "Cluster");
  entry.set("singularResource", resource.singular);
  entry.set("verbs", verbs_of(resource.verbs, arena));
  if (!resource.short_names.empty()) entry.set("shortNames", strings(resource.short_names, arena));
  if (!resource.categories.empty()) entry.set("categories", strings(resource.categories, arena));
  if (resource.subresources.empty()) return entry;
  Value subresources = Value::list(arena);
  for (const auto* subresource : by_name(resource)) {
    Value sub = Value::object(arena, 3);
    sub.set("subresource", subresource->name);
    sub.set("responseKind", response_kind(subresource->group, subresource->version, subresource->kind, arena));
    sub.set("verbs", verbs_of(subresource->verbs, arena));
    subresources.push(sub);
  }
  entry.set("subresources", subresources);
  return entry;
}

}  // namespace

std::string storage_version_hash(std::string_view group, std::string_view version, std::string_view kind) {
  auto text = concat(group, "/", version, "/", kind);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string out;
  append_base64(out, {reinterpret_cast<const char*>(digest), 8});
  return out;
}

Value discovery_versions(const Catalog& catalog, std::string_view server_address, Arena& arena) {
  Value tree = Value::object(arena, 4);
  Value versions = Value::list(arena);
  for (const auto& it : catalog.group_versions())
    if (it.group.empty()) versions.push(it.version);
  tree.set("versions", versions);
  Value address = Value::object(arena, 2);
  address.set("clientCIDR", "0.0.0.0/0");
  address.set("serverAddress", arena.copy(server_address));
  Value addresses = Value::list(arena, 1);
  addresses.push(address);
  tree.set("serverAddressByClientCIDRs", addresses);
  return tree;
}

Value discovery_group(const Catalog& catalog, std::string_view group, Arena& arena) {
  Value tree = Value::object(arena, 5);
  tree.set("name", arena.copy(group));
  Value versions = Value::list(arena);
  for (const auto& it : catalog.group_versions())
    if (it.group == group) versions.push(version_of(it, arena));
  tree.set("versions", versions);
  if (!versions.empty()) tree.set("preferredVersion", versions.at(0).clone(arena));
  return tree;
}

Value discovery_groups(const Catalog& catalog, Arena& arena) {
  Value tree = Value::object(arena, 3);
  Value groups = Value::list(arena);
  std::string_view last;
  for (const auto& it : catalog.group_versions()) {
    if (it.group.empty() || it.group == last) continue;
    last = it.group;
    groups.push(discovery_group(catalog, it.group, arena));
  }
  tree.set("groups", groups);
  return tree;
}

Value discovery_resources(const GroupVersion& served, Arena& arena) {
  Value tree = Value::object(arena, 4);
  tree.set("groupVersion", served.group.empty() ? served.version : arena.copy(concat(served.group, "/", served.version)));
  Value resources = Value::list(arena);
  for (const Served* it : by_name(served)) {
    resources.push(resource_entry(*it, arena));
    for (const auto* subresource : by_name(*it->resource)) resources.push(subresource_entry(*it->resource, *subresource, arena));
  }
  tree.set("resources", resources);
  return tree;
}

Value discovery_aggregated(const Catalog& catalog, bool core, Arena& arena) {
  Value tree = Value::object(arena, 4);
  tree.set("metadata", Value::object(arena));
  Value groups = Value::list(arena);
  Value versions;
  std::string_view last;
  for (const auto& it : catalog.group_versions()) {
    if (it.group.empty() != core) continue;
    if (versions.is_absent() || it.group != last) {
      Value metadata = Value::object(arena, 1);
      if (!core) metadata.set("name", it.group);
      versions = Value::list(arena);
      Value group = Value::object(arena, 2);
      group.set("metadata", metadata);
      group.set("versions", versions);
      groups.push(group);
      last = it.group;
    }
    Value resources = Value::list(arena);
    for (const Served* served : by_name(it)) resources.push(aggregated_resource(*served->resource, arena));
    Value version = Value::object(arena, 3);
    version.set("version", it.version);
    version.set("resources", resources);
    version.set("freshness", "Current");
    versions.push(version);
  }
  tree.set("items", groups);
  return tree;
}

}  // namespace sampan::apiserver
