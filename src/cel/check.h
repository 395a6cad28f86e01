// Gives every node its type and every call its overloads, or says why not.
#pragma once
#include <expected>

#include "cel/environment.h"
#include "cel/expression.h"
#include "cel/issues.h"

namespace sampan::cel {

struct Checked {
  Expression expression;
  std::vector<Type> types;                              // by node id
  std::vector<std::vector<const Overload*>> overloads;  // by node id, of calls: those that fit; one of them is chosen by the values
  // By node id, the full name: of identifiers and qualified selects that name a variable or a type, of structs, and of calls of a function that is
  // qualified itself (ip.isCanonical(x): its target is no operand). Else "".
  std::vector<std::string> names;
  Type type() const { return types[expression.root().id]; }
};

std::expected<Checked, Issues> check_types(Expression expression, const Environment& environment);

// Both steps: what a validator wants.
std::expected<Checked, Issues> compile(std::string text, const Environment& environment);

}  // namespace sampan::cel
