// The spec of a persistent volume, which volume attachments may carry too.
#pragma once
#include "registry/at.h"
#include "registry/rules.h"

namespace sampan::registry::core {

enum class VolumeSpecUse : uint8_t { Volume, Inline };  // Inline: in an attachment, where only CSI volumes may be
struct VolumeSpecOptions {
  bool allow_invalid_affinity_values = false;  // was stored with them
};
// Of the capacity and the source, wherever such a spec stands.
void default_persistent_volume_source(Value spec);
void validate_persistent_volume_spec(const At& spec, std::string_view volume_name, VolumeSpecUse use, VolumeSpecOptions options);

}  // namespace sampan::registry::core
