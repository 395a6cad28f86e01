// CreateOptions, UpdateOptions, PatchOptions and DeleteOptions: from the query (and for deletes the body), checked.
#pragma once
#include <string>
#include <string_view>

#include "apiserver/body.h"
#include "apiserver/context.h"
#include "registry/object_store.h"

namespace sampan::apiserver {

struct WriteParameters {
  bool dry_run = false;
  bool force = false;
  std::string field_manager;  // of the query, or what the User-Agent says
  FieldValidation validation = FieldValidation::Warn;
};

// `kind` is "CreateOptions", "UpdateOptions" or "PatchOptions"; `apply` says that this patch is one.
Result<WriteParameters> write_parameters(const Context& context, std::string_view kind, bool apply = false);
Result<registry::DeleteOptions> delete_options(Context& context);
// Of options inside another object (an Eviction); absent ones are the default.
Result<registry::DeleteOptions> delete_options_of(schema::Value tree);

}  // namespace sampan::apiserver
