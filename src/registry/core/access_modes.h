// How volumes and claims of them are shown.
#pragma once
#include <string>

#include "registry/rules.h"

namespace sampan::registry::core {

inline constexpr std::string_view kBetaStorageClass = "volume.beta.kubernetes.io/storage-class";
std::string access_modes_text(const schema::AnyView& modes);  // "RWO,ROX"
// The class of a volume or a claim; the old annotation counts first.
std::string_view storage_class_of(const Object& object);

}  // namespace sampan::registry::core
