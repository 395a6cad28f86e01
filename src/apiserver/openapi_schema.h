// Schemas as OpenAPI tells them: the definition of a type, and which definitions a document needs.
#pragma once
#include <map>
#include <string_view>

#include "apiserver/catalog.h"
#include "schema/value.h"

namespace sampan::apiserver {

enum class OpenApi : uint8_t { V2, V3 };

// By name, as documents list them.
using TypeSet = std::map<std::string_view, const schema::Type*>;

// `type` and all that it is made of.
void collect_types(const schema::Type* type, TypeSet& types);

// {"$ref": ...} to a named type; null is the plain string.
schema::Value openapi_reference(const schema::Type* type, OpenApi dialect, Arena& arena);

// `only`: the group and version whose document this is; null: all that are served.
schema::Value openapi_definition(const schema::Type& type, OpenApi dialect, const Catalog& catalog, const GroupVersion* only, Arena& arena);

}  // namespace sampan::apiserver
