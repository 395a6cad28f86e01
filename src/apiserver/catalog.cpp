#include "apiserver/catalog.h"

#include "apiserver/usage/usage.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

std::string group_version_text(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : concat(group, "/", version);
}

bool is_beta(std::string_view version) { return version.find("beta") != std::string_view::npos; }
bool is_alpha(std::string_view version) { return version.find("alpha") != std::string_view::npos; }

// The most particular entry wins: a resource, then its group and version, then api/ga, api/beta, api/alpha, then api/all.
bool is_enabled(const schema::Resource& resource, const RuntimeConfig& config) {
  bool enabled = resource.enabled_by_default;
  auto apply = [&](std::string_view key) {
    for (const auto& [name, on] : config)
      if (name == key) enabled = on;
  };
  // What upstream has from an extension is turned on by its own name alone.
  if (resource.group != kUsageGroup) {
    apply("api/all");
    apply(is_alpha(resource.version) ? "api/alpha" : is_beta(resource.version) ? "api/beta" : "api/ga");
  }
  auto version = group_version_text(resource.group, resource.version);
  apply(version);
  apply(concat(version, "/", resource.resource));
  return enabled;
}

const schema::Resource* stored_resource(const schema::Resource& resource) {
  for (const auto& other : schema::builtin_resources())
    if (other.resource == resource.resource && group_version_text(other.group, other.version) == resource.stored_as) return &other;
  return &resource;
}

// Kinds that are asked and answered, never kept.
bool is_kept(const schema::Resource& resource) {
  return (resource.verbs & schema::Get) && resource.resource != "componentstatuses" && resource.group != kUsageGroup;
}

}  // namespace

const schema::Subresource* Served::subresource(std::string_view name) const {
  for (const auto& subresource : resource->subresources)
    if (subresource.name == name) return &subresource;
  return nullptr;
}

std::string Served::api_version() const { return group_version_text(resource->group, resource->version); }

Result<std::unique_ptr<Catalog>> Catalog::open(store::Store& store, Clock& clock, Random& random, const RuntimeConfig& config) {
  auto catalog = std::make_unique<Catalog>();
  for (const auto& resource : schema::builtin_resources()) {
    if (!is_enabled(resource, config)) continue;
    auto served = std::make_unique<Served>();
    served->resource = &resource;
    served->rules = &registry::rules_of(resource.group, resource.kind);
    if (is_kept(resource)) {
      const auto* stored = stored_resource(resource);
      served->store = catalog->store_of(stored->group, stored->resource);
      if (!served->store) {
        catalog->stores_.push_back(TRY(registry::ObjectStore::open(*stored, store, clock, random)));
        served->store = catalog->stores_.back().get();
      }
    }
    if (catalog->group_versions_.empty() || catalog->group_versions_.back().group != resource.group ||
        catalog->group_versions_.back().version != resource.version)
      catalog->group_versions_.push_back({resource.group, resource.version, {}});
    catalog->group_versions_.back().resources.push_back(served.get());
    catalog->served_.push_back(std::move(served));
  }
  return catalog;
}

const GroupVersion* Catalog::group_version(std::string_view group, std::string_view version) const {
  for (const auto& it : group_versions_)
    if (it.group == group && it.version == version) return &it;
  return nullptr;
}

bool Catalog::has_group(std::string_view group) const {
  for (const auto& it : group_versions_)
    if (it.group == group) return true;
  return false;
}

const Served* Catalog::find(std::string_view group, std::string_view version, std::string_view resource) const {
  const auto* found = group_version(group, version);
  if (!found) return nullptr;
  for (const Served* served : found->resources)
    if (served->resource->resource == resource) return served;
  return nullptr;
}

const Served* Catalog::find(std::string_view group, std::string_view resource) const {
  for (const auto& it : group_versions_)
    if (it.group == group)
      for (const Served* served : it.resources)
        if (served->resource->resource == resource) return served;
  return nullptr;
}

registry::ObjectStore* Catalog::store_of(std::string_view group, std::string_view resource) const {
  for (const auto& store : stores_)
    if (store->resource().group == group && store->resource().resource == resource) return store.get();
  return nullptr;
}

}  // namespace sampan::apiserver
