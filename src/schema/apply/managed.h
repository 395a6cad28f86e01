// metadata.managedFields, read and written.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "schema/apply/apply.h"
#include "schema/apply/field_set.h"

namespace sampan::schema {

struct ManagedEntry {
  std::string_view manager, api_version, subresource;
  bool applied = false;
  bool has_time = false;
  int64_t seconds = 0;
  const FieldSet* set = nullptr;
  Value fields;  // the set as it is stored; absent once the set was changed

  // Who it is: an applier stays the same when it applies with another version.
  bool same_manager(const ManagedEntry& other) const;
  std::string identifier() const;  // orders managers where upstream does so by theirs
  void replace_set(const FieldSet* changed);
};

using Managed = std::vector<ManagedEntry>;

// False: an entry is not valid, and so nothing of it counts.
bool read_managed(Value entries, Arena& arena, Managed& managed);
Value managed_list(Managed& managed, Arena& arena);
void write_managed(Value object, Managed& managed, Arena& arena);  // none: the member is removed
ManagedEntry entry_of(const FieldManager& manager, bool applied);
ManagedEntry* find_entry(Managed& managed, const ManagedEntry& like);
void drop_empty(Managed& managed);
// Entries of versions that the kind does not have: nothing can be said of what they own.
void drop_unknown_versions(Managed& managed, const Type& type, std::string_view own_version);
// Of more than ten updaters the oldest are merged into one entry a version.
void cap_updaters(Managed& managed, Arena& arena);

const FieldSet* never_owned(Arena& arena);  // apiVersion, kind, metadata.name ...
// What FieldManager::reset_fields says, taken out of a set or comparison.
const FieldSet* without_reset_fields(const FieldSet* set, const FieldManager& manager, Arena& arena);

// One write by an updater: `changes` leave their owners and become the manager's.
void record_update(Managed& managed, const FieldSet* changes, const FieldManager& manager, Arena& arena);

}  // namespace sampan::schema
