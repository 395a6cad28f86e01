// What classes of storage have in common.
#pragma once
#include "registry/at.h"

namespace sampan::registry::storage {

void validate_driver_name(const At& name);  // of classes: a qualified name in any case
void validate_parameters(const At& parameters, bool may_be_empty);
void require_csi_driver_name(const At& name);

}  // namespace sampan::registry::storage
