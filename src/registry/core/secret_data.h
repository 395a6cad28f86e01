// What ConfigMaps and Secrets have in common.
#pragma once
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry::core {

inline constexpr size_t kSecretBytesMax = 1024 * 1024;

// The forms of the keys; gives the bytes of all values.
size_t validate_data_keys(const At& data);
void require_unchanged_if_immutable(const Object& object, const Object& old, FieldErrors& errors,
                                    std::initializer_list<std::string_view> fields);

}  // namespace sampan::registry::core
