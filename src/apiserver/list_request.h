// What a list or watch asks for, from the query to the objects.
#pragma once
#include <functional>

#include "apiserver/context.h"
#include "apiserver/respond.h"
#include "registry/list_options.h"
#include "registry/selectors.h"

namespace sampan::apiserver {

struct ListRequest {
  registry::ListOptions options;
  registry::Filter filter;    // namespace, labels and fields
  std::string prefix;         // of the keys: "" or "default/"
};

Result<ListRequest> list_request(Context& context);
Result<ListAnswer> read_list(Context& context);

}  // namespace sampan::apiserver
