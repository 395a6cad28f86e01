// Rights from a file with a policy in JSON on each line, as clusters had them before roles.
#pragma once
#include "apiserver/identity.h"

namespace sampan::apiserver {

// `path` is for what is said of a bad line.
Result<std::unique_ptr<Authorizer>> abac_authorizer(std::string_view text, std::string_view path);

}  // namespace sampan::apiserver
