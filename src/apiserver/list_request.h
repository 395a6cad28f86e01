// What a list or watch asks for, from the query to the objects.
#pragma once
#include "apiserver/context.h"
#include "apiserver/respond.h"
#include "registry/list_options.h"

namespace sampan::apiserver {

struct ListRequest {
  registry::ListOptions options;
  std::string prefix;  // of the keys: "" for all namespaces, else "default/"
  bool matches(const schema::Object& object) const { return options.labels.matches(object) && options.fields.matches(object); }
};

Result<ListRequest> list_request(Context& context);
Result<ListAnswer> read_list(Context& context);

}  // namespace sampan::apiserver
