// What the kinds that make pods from a template have in common.
#pragma once
#include <initializer_list>
#include <string_view>

#include "registry/at.h"
#include "registry/core/pod_spec.h"
#include "registry/rules.h"

namespace sampan::registry {

// ---- defaults ----

// Sets a field that is missing or, as Go cannot tell these apart, empty text.
void default_text(Value object, std::string_view name, std::string_view text);
void default_value(Value object, std::string_view name, Value value);

// ---- updates ----

// Whether a value of a tree says the same as one of an object; both are of `type`.
bool says_the_same(Value now, const AnyView& before, const schema::Type& type);
void keep_from(Value now, std::string_view name, const AnyView& before);  // the member `name` becomes what `before` is

// ---- validation ----

// A strict selector that must be there and select something; `what` names the kind in the complaint. False if it cannot select at all, which
// is complained about with `unusable`.
bool require_selector(const At& selector, std::string_view what, std::string_view unusable);
// That the template has the labels which the selector wants.
void require_selected_labels(const AnyView& selector, const At& pod_template);
// Of workloads that run for ever: pods are always restarted, and have no deadline.
void require_endless_pods(const At& pod_template, std::string_view kind);

// Numbers and percentages ("25%").
void require_int_or_percent(const At& at);
void require_at_most_100_percent(const At& at);
int64_t int_or_percent(const AnyView& value);
// A rolling update as upstream's internal type shows it: {"MaxUnavailable":"25%","MaxSurge":0}.
std::string internal_text(const AnyView& value, std::string_view name, std::string_view if_absent);

// Status.
void require_not_negative(const At& at, std::initializer_list<std::string_view> fields);
void require_at_most(const At& status, std::string_view field, std::string_view limit, std::string_view complaint);
void require_not_decremented(const At& status, const AnyView& old_status);  // collisionCount

// ---- warnings and tables ----

void warn_of_pod_host_name(const Object& object, Warnings& out);
// Only an update that made a new generation looks at the template again.
void warn_of_template(const Object& object, const Object* old, Warnings& out);

constexpr Column kContainersColumn{"Containers", "string", "", "Names of each container in the template.", 1};
constexpr Column kImagesColumn{"Images", "string", "", "Images referenced by each container in the template.", 1};
void container_cells(const AnyView& pod_template, Row& row);

}  // namespace sampan::registry
