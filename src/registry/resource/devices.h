// What claims, classes and slices of devices have in common.
#pragma once
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry::resource {

inline constexpr uint32_t kRequestsMax = 32;

// Each item, unless there are more than may be.
template <class Check>
void validate_list(const At& list, uint32_t max, Check check) {
  if (list.size() > max) return list.errors().too_many(list.path(), list.size(), max);
  for (uint32_t i = 0; i < list.size(); i++) check(list.item(i));
}

// The same for items that must differ in what `key` gives: the name of a member, "" for the item itself.
template <class Check>
void validate_set(const At& list, uint32_t max, std::string_view key, Check check) {
  validate_list(list, max, check);
  if (list.size() > max) return;
  auto key_of = [&](uint32_t i) { return (key.empty() ? list.value().item(i) : list.value().item(i)[key]).as_string(); };
  for (uint32_t i = 0; i < list.size(); i++)
    for (uint32_t j = 0; j < i; j++)
      if (key_of(i) == key_of(j)) {
        list.errors().duplicate(list.item(i).path(), Shown(key_of(i)));
        break;
      }
}

void validate_pool_name(const At& name);
void validate_uid(const At& uid);
void validate_qualified_name(FieldErrors& errors, const Path& path, std::string_view name);
void validate_fully_qualified_name(const At& name);
void validate_selectors(const At& selectors);
void validate_configuration(const At& configuration);
void validate_raw(const At& raw);
void validate_taint(const At& taint);
void validate_toleration(const At& toleration);
void validate_binding_conditions(const At& parent);

// The names of a claim's requests, "request" or "request/subrequest".
bool names_request(const schema::AnyView& claim, std::string_view name);
void validate_request_name(const At& name, const schema::AnyView& claim);

// The spec of a claim or of what claims are made from.
void default_claim_spec(Value spec);
void validate_claim_spec(const At& spec);

void validate_capacity_policy(const At& capacity);

}  // namespace sampan::registry::resource
