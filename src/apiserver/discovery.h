// Discovery: what is served, told in the two forms that clients know. The plain form is a document for each group and version,
// the aggregated one (apidiscovery.k8s.io/v2) has it all in one.
#pragma once
#include <string>
#include <string_view>

#include "apiserver/catalog.h"
#include "schema/value.h"

namespace sampan::apiserver {

// Trees without kind and apiVersion.
schema::Value discovery_versions(const Catalog& catalog, std::string_view server_address, Arena& arena);  // APIVersions: of the core group
schema::Value discovery_groups(const Catalog& catalog, Arena& arena);                                      // APIGroupList
schema::Value discovery_group(const Catalog& catalog, std::string_view group, Arena& arena);               // APIGroup
schema::Value discovery_resources(const GroupVersion& served, Arena& arena);                               // APIResourceList
schema::Value discovery_aggregated(const Catalog& catalog, bool core, Arena& arena);                       // APIGroupDiscoveryList

// Changes when a resource is stored in another version, so that clients know to migrate.
std::string storage_version_hash(std::string_view group, std::string_view version, std::string_view kind);

}  // namespace sampan::apiserver
