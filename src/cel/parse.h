// Text to expression, with Kubernetes' limits (depth, size) and its macros.
#pragma once
#include <expected>

#include "cel/expression.h"
#include "cel/issues.h"

namespace sampan::cel {

// `bindings`: cel.bind() is a macro, too.
std::expected<Expression, Issues> parse(std::string text, bool bindings = false);

}  // namespace sampan::cel
