// Paths as OpenAPI tells them: which there are, and the operations on each.
#pragma once
#include <string>
#include <vector>

#include "apiserver/openapi_schema.h"

namespace sampan::apiserver {

struct PathPlan {
  enum class Form : uint8_t {
    Version,          // /version/
    CoreRoot,         // /api/
    GroupsRoot,       // /apis/
    Group,            // /apis/apps/
    Resources,        // /apis/apps/v1/
    Collection,       // .../deployments, in a namespace if the resource is
    AllNamespaces,    // .../deployments without one
    Item,             // .../deployments/{name}
    Sub,              // .../deployments/{name}/scale
    SubWithPath,      // .../pods/{name}/proxy/{path}
    WatchCollection,  // .../watch/...: the old form
    WatchAllNamespaces,
    WatchItem,
  };
  std::string path;
  Form form = Form::Version;
  std::string_view group, version;
  const Served* served = nullptr;
  const schema::Subresource* subresource = nullptr;
};

// The paths of one group and version.
std::vector<PathPlan> version_paths(const GroupVersion& served);
// The paths outside of groups' versions: the roots, the groups, /version/. `group`s in catalog's order.
std::vector<PathPlan> root_paths(const Catalog& catalog);

// The types that the operations of a path name.
void collect_path_types(const PathPlan& plan, TypeSet& types);
schema::Value openapi_path(const PathPlan& plan, OpenApi dialect, Arena& arena);
// The shared parameters of version 2.
schema::Value openapi_parameter(const struct Parameter& parameter, OpenApi dialect, Arena& arena);

}  // namespace sampan::apiserver
