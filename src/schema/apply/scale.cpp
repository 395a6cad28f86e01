// The owners of replicas, between a Scale and what it scales. See apply.h.
#include "base/text.h"
#include "schema/apply/managed.h"

namespace sampan::schema {

namespace {

constexpr std::string_view kScaleVersion = "autoscaling/v1";

const FieldSet* replicas_set(std::string_view path, Arena& arena) {
  std::vector<std::string_view> names = split(path, '.');
  return path_set(names, arena);
}

bool owns(const ManagedEntry& entry, const FieldSet* replicas, Arena& arena) {
  return intersect(entry.set, replicas, FieldNode::Member, arena) != nullptr;
}

}  // namespace

Value managed_fields_of_scale(Value entries, std::string_view replicas, Arena& arena) {
  Managed managed, owners;
  read_managed(entries, arena, managed);
  const FieldSet* path = replicas_set(replicas, arena);
  for (ManagedEntry entry : managed) {
    if (!owns(entry, path, arena)) continue;
    entry.api_version = kScaleVersion;
    entry.replace_set(replicas_set("spec.replicas", arena));
    owners.push_back(entry);
  }
  return managed_list(owners, arena);
}

// An updater is another one under another version, as upstream sees it: it comes back as an entry of its own, without a
// time.
Value managed_fields_after_scale(Value entries, Value scale_entries, std::string_view api_version,
                                 std::string_view replicas, Arena& arena) {
  Managed managed, scale, result;
  read_managed(entries, arena, managed);
  read_managed(scale_entries, arena, scale);
  const FieldSet* path = replicas_set(replicas, arena);
  for (ManagedEntry entry : managed) {
    if (owns(entry, path, arena)) {
      if (ManagedEntry* same = find_entry(scale, entry))
        scale.erase(scale.begin() + (same - scale.data()));
      else
        entry.replace_set(subtract(entry.set, path, FieldNode::Member, arena));
    }
    if (entry.set) result.push_back(entry);
  }
  const FieldSet* in_scale = replicas_set("spec.replicas", arena);
  for (ManagedEntry entry : scale) {
    if (!owns(entry, in_scale, arena)) continue;
    ManagedEntry* known = entry.applied ? find_entry(result, entry) : nullptr;
    if (known) {
      known->replace_set(unite(known->set, path, FieldNode::Member, arena));
      continue;
    }
    entry.api_version = api_version;
    entry.has_time = false;
    entry.replace_set(path);
    result.push_back(entry);
  }
  return managed_list(result, arena);
}

}  // namespace sampan::schema
