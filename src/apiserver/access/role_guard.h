// The check of rights on writes of roles and bindings.
#pragma once
#include "apiserver/context.h"
#include "schema/object.h"

namespace sampan::apiserver {

// `object` is finished but for validation; `old` is null on create. Anything that is no role or binding passes.
Result<void> guard_roles(Context& context, schema::Value object, const schema::Object* old);

}  // namespace sampan::apiserver
