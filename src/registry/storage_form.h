// How objects are written in the store: as upstream does, so that a real kube-apiserver reads them. That is protobuf in its envelope, but for the kinds
// of two servers that kube-apiserver joins to itself: they keep theirs in JSON.
#pragma once
#include <string>

#include "base/status.h"
#include "schema/object.h"
#include "schema/schema.h"

namespace sampan::registry {

std::string stored_form(const schema::Resource& resource, const schema::Object& object);
// Reads either form, whichever the kind is written in.
Result<schema::ObjectRef> from_stored_form(const schema::Type& type, std::string_view value);

}  // namespace sampan::registry
