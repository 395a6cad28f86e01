// What webhooks and admission policies have in common: which requests they are for.
#pragma once
#include "cel/admission/compiler.h"
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
// `params`: they may name them.
void validate_match_conditions(const At& conditions, bool params);
// Complains of what is no program, and shows it as `shown`.
void require_program(const At& at, const cel::Program& program, std::string_view shown);
inline void require_program(const At& at, const cel::Program& program) { require_program(at, program, program.text); }
void validate_param_kind(const At& kind);
void validate_param_ref(const At& ref);
bool is_blank(std::string_view text);

// Names that are kept for configuration in files.
void warn_of_static_name(const Object& object, const Object* old, Warnings& out);

}  // namespace sampan::registry::admission
