// What is served: every enabled resource with the store of its kind. Versions of one kind share a store.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "registry/object_store.h"
#include "schema/schema.h"

namespace sampan::apiserver {

struct Served {
  const schema::Resource* resource = nullptr;
  const registry::Rules* rules = nullptr;
  registry::ObjectStore* store = nullptr;  // null: nothing is kept (reviews, bindings, component statuses)

  const schema::Subresource* subresource(std::string_view name) const;
  std::string api_version() const;  // "apps/v1"
};

struct GroupVersion {
  std::string_view group, version;
  std::vector<const Served*> resources;  // in the order of discovery
};

// What --runtime-config says: "api/all=true", "api/beta=true", "batch/v1=false", "storage.k8s.io/v1beta1", "apps/v1/deployments=false".
using RuntimeConfig = std::vector<std::pair<std::string, bool>>;

class Catalog {
 public:
  static Result<std::unique_ptr<Catalog>> open(store::Store& store, Clock& clock, Random& random, const RuntimeConfig& config);

  const Served* find(std::string_view group, std::string_view version, std::string_view resource) const;
  // The preferred version of a resource.
  const Served* find(std::string_view group, std::string_view resource) const;
  const GroupVersion* group_version(std::string_view group, std::string_view version) const;
  bool has_group(std::string_view group) const;
  // In discovery's order: by the groups' priority, the preferred version first.
  const std::vector<GroupVersion>& group_versions() const { return group_versions_; }
  registry::ObjectStore* store_of(std::string_view group, std::string_view resource) const;
  const std::vector<std::unique_ptr<registry::ObjectStore>>& stores() const { return stores_; }

 private:
  std::vector<std::unique_ptr<Served>> served_;
  std::vector<std::unique_ptr<registry::ObjectStore>> stores_;
  std::vector<GroupVersion> group_versions_;
};

}  // namespace sampan::apiserver
