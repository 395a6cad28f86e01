// What create, update, patch and the subresources that write share: one object on its way from the client's tree to the store.
#pragma once
#include "apiserver/admission.h"
#include "apiserver/context.h"
#include "apiserver/respond.h"
#include "apiserver/write_options.h"
#include "schema/apply/apply.h"

namespace sampan::apiserver {

// A client's whole object, or the result of its patch: defaulted, its managed fields settled (unless it comes from apply), in the stored version,
// and admitted. `old` is null on create.
Result<void> settle(Context& context, schema::Value object, const schema::Object* old, const WriteParameters& parameters, bool from_apply);

// The store's options for this request: validating admission and where warnings go.
registry::WriteOptions store_options(Context& context, const WriteParameters& parameters);

schema::FieldManager field_manager(const Context& context, const WriteParameters& parameters);

Attributes attributes_of(Context& context, Operation operation, bool dry_run);

// Owners that are named twice count once, and the client hears of it; `when` says that it was after admission.
void drop_repeated_owners(Context& context, schema::Value object, std::string_view when);

}  // namespace sampan::apiserver
