// What a pod asks for in all, from its spec alone.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "schema/object.h"
#include "schema/quantity.h"

namespace sampan::apiserver {

using Amounts = std::map<std::string, schema::Quantity, std::less<>>;

Amounts amounts_of(const schema::AnyView& quantities);

// `which` is "requests" or "limits". The containers together, or what the largest init container needs if that is more; sidecars count with both. What
// the pod as a whole says of cpu and memory overrides.
Amounts pod_amounts(const schema::AnyView& pod_spec, std::string_view which);

}  // namespace sampan::apiserver
