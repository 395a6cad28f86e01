// Who may do what with claims of devices, beyond what his verbs on them say: what is complained about goes with the rest of what is wrong.
#pragma once
#include "apiserver/context.h"
#include "registry/field_errors.h"
#include "schema/object.h"

namespace sampan::apiserver {

// Of a finished object; `old` is null on create. Anything that is no claim of devices passes.
//  - Administrator's access, to devices that others may be using: a namespace has to be marked for it.
//  - What a claim has got and for whom, in its status: needs the right to resourceclaims/binding.
//  - What drivers tell of devices there: needs the right to resourceclaims/driver of that name.
void guard_claim(Context& context, const schema::Object& object, const schema::Object* old, registry::FieldErrors& errors);

}  // namespace sampan::apiserver
