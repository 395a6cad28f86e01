// What expressions of admission may name.
#pragma once
#include "cel/environment.h"

namespace sampan::cel::admission {

// Besides object, oldObject, request and namespaceObject.
struct Names {
  bool params = false;
  bool authorizer = false;  // and authorizer.requestResource
  bool patches = false;     // the structs Object, Object.x.y and JSONPatch, and jsonpatch.escapeKey()
};

// The same for as long as the program runs.
//
// Upstream judges a new expression by the functions of the release before its own, so that it can go back to that one, and an old expression by those of
// all releases. Both sets are the same in 1.36: the latest functions are of 1.34. So there is one environment, and what is old may stay anyway.
const Environment& environment_of(Names names);

inline constexpr std::string_view kVariables = "kubernetes.variables";  // the type of `variables`: whoever composes expressions declares its fields

}  // namespace sampan::cel::admission
