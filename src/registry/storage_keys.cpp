#include "registry/storage_keys.h"

#include "base/text.h"
#include "registry/names.h"

namespace sampan::registry {

namespace {
struct Irregular {
  std::string_view group, resource, prefix;
};
constexpr Irregular kIrregular[] = {
    {"", "services", "services/specs"},
    {"", "endpoints", "services/endpoints"},
    {"", "nodes", "minions"},
    {"", "replicationcontrollers", "controllers"},
    {"networking.k8s.io", "ingresses", "ingress"},
    {"networking.k8s.io", "networkpolicies", "networkpolicies"},
};
// Groups whose resources are kept under the group's name.
constexpr std::string_view kGrouped[] = {"apiextensions.k8s.io", "apiregistration.k8s.io"};
}  // namespace

std::string storage_prefix(std::string_view group, std::string_view resource) {
  for (const Irregular& it : kIrregular)
    if (it.group == group && it.resource == resource) return concat("/registry/", it.prefix, "/");
  for (std::string_view grouped : kGrouped)
    if (grouped == group) return concat("/registry/", group, "/", resource, "/");
  return concat("/registry/", resource, "/");
}

Result<std::string> object_key(const schema::Resource& resource, std::string_view name_space, std::string_view name) {
  auto checked = [](std::string_view segment, std::string_view what) -> Result<void> {
    if (segment.empty()) return fail(bad_request(concat(what, " parameter is required.")));
    Complaints complaints;
    check_path_segment(segment, complaints);
    if (!complaints.empty()) return fail(bad_request(concat("Name parameter invalid: ", quoted(segment), ": ", join(complaints, ";"))));
    return {};
  };
  TRY(checked(name, "Name"));
  if (!resource.namespaced) return std::string(name);
  TRY(checked(name_space, "Namespace"));
  return concat(name_space, "/", name);
}

}  // namespace sampan::registry
