// What webhooks and admission policies have in common: which requests they are for.
#pragma once
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry::admission {

void default_rule(Value rule);
// The policy of matching and the selectors, of a webhook or of match resources.
void default_match(Value match);
void default_match_resources(Value resources);

void validate_rule(const At& rule);
void validate_match_resources(const At& resources);
// Mutating policies are never asked about deletions.
void forbid_deletions(const At& resources);
void validate_match_conditions(const At& conditions);
void validate_param_kind(const At& kind);
void validate_param_ref(const At& ref);
bool is_blank(std::string_view text);

// Names that are kept for configuration in files.
void warn_of_static_name(const Object& object, const Object* old, Warnings& out);

}  // namespace sampan::registry::admission
