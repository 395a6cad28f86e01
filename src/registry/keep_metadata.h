// For kinds whose status is written without their metadata.
#pragma once
#include "registry/rules.h"

namespace sampan::registry {

// Labels, annotations, finalizers and owners are those of before; managedFields stay as they are written.
void keep_metadata(Value object, const Object& old);
// As Rules::prepare_update of kinds that need nothing else.
void keep_metadata_in_status(Value object, const Object& old, std::string_view subresource);

}  // namespace sampan::registry
