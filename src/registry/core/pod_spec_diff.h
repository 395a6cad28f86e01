// Comparing specs of pods, and saying how they differ.
#pragma once
#include <string>

#include "schema/object.h"
#include "schema/value.h"

namespace sampan::registry {

// The same meaning: quantities by their value, and an absent list or map like an empty one.
bool semantically_equal(const schema::AnyView& a, const schema::AnyView& b);

// What upstream shows of two specs or ephemeral containers that should be equal: a unified diff of their internal forms as indented JSON.
// `sent` is what the second was made of, if that is known.
std::string pod_spec_diff(const schema::AnyView& before, const schema::AnyView& after, schema::Value sent = {});

}  // namespace sampan::registry
