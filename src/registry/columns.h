// What tables of many kinds have in common: the first and the last column, and how lists, labels and selectors are written in a cell.
#pragma once
#include <string>
#include <string_view>

#include "registry/rules.h"

namespace sampan::registry {

inline constexpr Column kNameColumn{
    "Name", "string", "name",
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the "
    "generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be "
    "updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"};
inline constexpr Column kAgeColumn{
    "Age", "string", "",
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before "
    "order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. "
    "Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"};

std::string_view name_of(const Object& object);
void name_cell(const Object& object, Row& row);
void age_cell(const Object& object, Row& row);
bool is_being_deleted(const Object& object);

std::string joined(const schema::AnyView& list, std::string_view separator);
bool has_item(const schema::AnyView& list, std::string_view text);
std::string_view annotation_of(const Object& object, std::string_view key);
bool has_annotation(const Object& object, std::string_view key);

std::string format_labels(const schema::AnyView& labels);                // "a=b,c=d" or "<none>"
std::string format_label_selector(const schema::AnyView& selector);      // "a=b,c in (d,e),!f" or "<none>"
// "10.0.0.1,10.0.0.2 + 3 more..."
std::string first_few(const std::vector<std::string>& all, size_t shown_max);

}  // namespace sampan::registry
