// The three patch kinds that need no memory of who set what (apply does: ../apply/apply.h). Each makes a new tree;
// neither input is changed, though the result may share parts with both.
#pragma once
#include "base/status.h"
#include "schema/schema.h"
#include "schema/value.h"

namespace sampan::schema {

struct PatchLimits {
  size_t operations_max = 10000;              // of a JSON patch, as upstream
  size_t result_bytes_max = 3 * 1024 * 1024;  // what copy operations may build up
};

// RFC 6902. Errors as upstream answers them: a malformed patch is a BadRequest, one that does not fit the document
// Invalid (422).
Result<Value> json_patch(Value document, Value patch, Arena& arena, PatchLimits limits = {});
// RFC 7386.
Result<Value> merge_patch(Value document, Value patch, Arena& arena);
// Strategic merge patch, with all directives ($patch: replace|delete|merge, $deleteFromPrimitiveList/,
// $setElementOrder/, $retainKeys).
Result<Value> strategic_merge_patch(Value document, Value patch, const Type& type, Arena& arena);

}  // namespace sampan::schema
