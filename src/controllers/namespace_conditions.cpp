#include "controllers/namespace_conditions.h"

#include <algorithm>

#include "base/text.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

// "a has 1, b has 2"
std::string counted(const std::map<std::string, size_t>& counts, std::string_view between) {
  std::vector<std::string> parts;
  for (const auto& [name, count] : counts)
    if (count > 0) parts.push_back(concat(name, between, count, " resource instances"));
  std::sort(parts.begin(), parts.end());
  return join(parts, ", ");
}

}  // namespace

bool set_namespace_conditions(schema::Value status, const NamespaceRemains& remains, int64_t now_seconds) {
  schema::Value conditions = status.ensure_list("conditions");
  bool changed = false;
  auto set = [&](std::string_view type, std::string_view good_reason, std::string_view good_message, std::string_view bad_reason,
                 std::string bad_message) {
    bool good = bad_message.empty();
    changed |= set_condition(conditions,
                             {type, good ? "False" : "True", good ? good_reason : bad_reason,
                              good ? std::string(good_message) : std::move(bad_message)},
                             now_seconds);
  };
  auto errors = remains.errors;
  std::sort(errors.begin(), errors.end());
  auto content = counted(remains.resources, " has "), finalizers = counted(remains.finalizers, " in ");
  set("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered", "DiscoveryFailed",
      join(remains.discovery_errors, ", "));
  set("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed",
      "GroupVersionParsingFailed", {});
  set("NamespaceDeletionContentFailure", "ContentDeleted", "All content successfully deleted, may be waiting on finalization",
      "ContentDeletionFailed",
      errors.empty() ? "" : concat("Failed to delete all resource types, ", errors.size(), " remaining: ", join(errors, ", ")));
  set("NamespaceContentRemaining", "ContentRemoved", "All content successfully removed", "SomeResourcesRemain",
      content.empty() ? "" : concat("Some resources are remaining: ", content));
  set("NamespaceFinalizersRemaining", "ContentHasNoFinalizers", "All content-preserving finalizers finished", "SomeFinalizersRemain",
      finalizers.empty() ? "" : concat("Some content in the namespace has finalizers remaining: ", finalizers));
  return changed;
}

}  // namespace sampan::controllers
