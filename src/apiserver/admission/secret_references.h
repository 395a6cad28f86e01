// Which secrets a pod refers to, and which of them its service account does not allow.
#pragma once
#include <string>

#include "schema/object.h"

namespace sampan::apiserver {

// Does anything in the pod refer to a secret: containers, volumes, pull secrets?
bool references_secrets(const schema::Object& pod);

// Does the account limit its pods to the secrets that it lists?
bool enforces_secrets(const schema::Object& account);
// The first reference that the account does not list, in words; "" if all are fine. The second is of ephemeral containers alone.
std::string forbidden_secret(const schema::Object& account, const schema::Object& pod);
std::string forbidden_debug_secret(const schema::Object& account, const schema::Object& pod);

}  // namespace sampan::apiserver
