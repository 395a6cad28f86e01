// What a list or watch asks for, from the query to the objects.
#pragma once
#include "apiserver/context.h"
#include "apiserver/respond.h"

namespace sampan::apiserver {

Result<ListAnswer> read_list(Context& context);

}  // namespace sampan::apiserver
