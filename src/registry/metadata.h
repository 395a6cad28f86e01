// What metadata must be, for objects of every kind: names, labels, annotations, owners, finalizers, and what an update may not change.
#pragma once
#include "registry/field_errors.h"
#include "registry/rules.h"

namespace sampan::registry {

void validate_metadata_on_create(const Object& object, bool namespaced, const Rules& rules, FieldErrors& errors);

// Upstream looks at metadata more than once on an update (the generic part, then the kind's), and so complains more than once; the
// Rules say how often (`update_checks_metadata`, `update_checks_whole`).
void validate_metadata_on_update(const Object& object, const Object& old, bool namespaced, const Rules& rules, std::string_view subresource, FieldErrors& errors);

// ---- parts that others need ----

// Metadata inside an object (templates): labels, annotations, owners and the like at `path`.
void validate_annotations(FieldErrors& errors, const Path& path, const schema::AnyView& annotations);
// "name is neither a standard finalizer name nor is it fully qualified"
void require_known_finalizer(FieldErrors& errors, const Path& path, std::string_view finalizer);
// Of kinds whose names follow from what they say: complains in these words of any other, and so of every generateName.
void require_exact_name(FieldErrors& errors, const Object& object, std::string_view wanted, std::string_view complaint);
// The same labels or annotations as before.
bool same_texts(Value now, const schema::AnyView& before);
// Of managedFields and of the query parameter: at most 128 bytes, all printable.
void validate_field_manager(FieldErrors& errors, const Path& path, std::string_view manager);

}  // namespace sampan::registry
