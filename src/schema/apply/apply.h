// Server-side apply and the bookkeeping of managedFields for every other write.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "schema/object.h"

namespace sampan::schema {

// Who writes, and as what.
struct FieldManager {
  std::string_view name;         // ?fieldManager, or from User-Agent (the caller decides)
  std::string_view api_version;  // "apps/v1"
  std::string_view subresource;  // "", "status", "scale"
  int64_t now_seconds = 0;
  // Paths that this resource (or subresource) resets, so that nobody owns them: "status" for the main resource, "spec"
  // ... for status. "metadata.labels" is a path of fields. Paths that begin with '+' say the opposite: nobody owns
  // anything else through this subresource
  // ("+spec.containers.*.resources"; * is any item or key).
  std::span<const std::string_view> reset_fields;
};

// After create, update or patch: `after` gets the managedFields that say who owns what, given what `before` had (null
// on create). `after` is the conformed, defaulted tree that is about to be frozen; its own managedFields (what the
// client sent) are honoured as upstream does: an empty list
// ([{}] or []) resets, invalid ones are ignored.
// The timestamp of an entry changes only if its set of fields did; if nothing but managedFields timestamps would
// change, nothing changes.
Result<void> update_managed_fields(Value after, const Object* before, const Type& type, const FieldManager& manager);

// Server-side apply: the tree that results from `applied` by this manager over `current` (null: create), with
// managedFields. `applied` is the parsed text as it came: apiVersion, kind and the whole form are checked here, with
// upstream's words, so conform() and defaulting come after. Nulls in the result are members that went. Conflicts are
// Reason::Conflict with one FieldManagerConflict cause a field.
Result<Value> apply(const Object* current, Value applied, const Type& type, const FieldManager& manager, bool force,
                    Arena& arena);

// A Scale is written as an object of its own (autoscaling/v1, subresource "scale"), but who owns its replicas is kept
// in the object it scales. `replicas` is where: "spec.replicas", or what a custom resource says. Both give a list of
// entries.
Value managed_fields_of_scale(Value entries, std::string_view replicas, Arena& arena);
Value managed_fields_after_scale(Value entries, Value scale_entries, std::string_view api_version,
                                 std::string_view replicas, Arena& arena);

// Nothing but times of managedFields differs, so that the write would say nothing new.
bool only_times_differ(const Object& after, const Object& before);

// Strips all managedFields (for comparisons and for `Table` output).
void strip_managed_fields(Value object);

}  // namespace sampan::schema
