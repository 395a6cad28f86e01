// The spec of a claim of storage, as PersistentVolumeClaims have it and as the templates of them in pods and stateful sets do.
#pragma once
#include "registry/at.h"

namespace sampan::registry {

struct ClaimSpecOptions {
  // Tolerated in what already has them.
  bool invalid_api_group_in_data_source = false;
  bool invalid_label_value_in_selector = false;
};
void validate_claim_spec(const At& spec, const ClaimSpecOptions& options);

void warn_of_claim_spec(const At& spec, std::vector<std::string>& warnings);

// Of what claims are made from: only labels and annotations may be given.
void validate_template_metadata(const At& metadata);

// metadata (of which only labels and annotations may be set) and spec.
void validate_claim_template(const At& claim);

}  // namespace sampan::registry
