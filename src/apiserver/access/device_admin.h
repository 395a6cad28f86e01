// Claims that ask for administrator's access to devices, which others may be using: a namespace has to be marked for it.
#pragma once
#include "apiserver/context.h"
#include "schema/object.h"

namespace sampan::apiserver {

// Of a finished object; `old` is null on create. Anything that is no claim of devices passes.
Result<void> guard_device_admin(Context& context, const schema::Object& object, const schema::Object* old);

}  // namespace sampan::apiserver
