// Checks of parts of metadata that stand inside of objects: in templates, selectors and terms.
#pragma once
#include "registry/at.h"

namespace sampan::registry {

void validate_annotations(const At& annotations);

// A selector, as upstream's ValidateLabelSelector; an absent one is good. Old objects may have values in it that are no labels' values.
void validate_label_selector(const At& selector, bool invalid_values_allowed);

// The key of a label, as upstream's ValidateLabelName.
void validate_label_name(const At& name);

}  // namespace sampan::registry
