// Tables: what `kubectl get` shows, made from the columns of a kind's rules.
#pragma once
#include <span>
#include <string_view>

#include "apiserver/catalog.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::apiserver {

struct TableOptions {
  std::string_view api_version = "meta.k8s.io/v1";
  std::string_view include_object = "Metadata";  // or None, Object
  bool with_columns = true;
  int64_t now_seconds = 0;
};

// {"kind": "Table", ...} without metadata. The tree borrows from the objects.
schema::Value make_table(const Served& served, std::span<const schema::ObjectRef> objects, const TableOptions& options, Arena& arena);

// The object's PartialObjectMetadata.
schema::Value partial_metadata(const Served& served, const schema::Object& object, std::string_view api_version, Arena& arena);

}  // namespace sampan::apiserver
