#include "registry/keep_metadata.h"

namespace sampan::registry {

void keep_metadata(Value object, const Object& old) {
  Value metadata = object.ensure_object("metadata");
  for (std::string_view field : {"labels", "annotations", "finalizers", "ownerReferences"}) {
    if (auto before = old["metadata"][field]; before.present())
      metadata.set(field, schema::thaw(before, object.arena()));
    else
      metadata.remove(field);
  }
}

void keep_metadata_in_status(Value object, const Object& old, std::string_view subresource) {
  if (subresource == "status") keep_metadata(object, old);
}

}  // namespace sampan::registry
