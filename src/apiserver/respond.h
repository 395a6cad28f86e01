// Answers: objects, lists, statuses and whatever else there is, in the form that the client accepts.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "apiserver/context.h"
#include "schema/object.h"

namespace sampan::apiserver {

using schema::ObjectRef;
using schema::Value;

// An object of a served kind, as Object, Table or PartialObjectMetadata.
HandlerResult respond_object(Context& context, int status, const ObjectRef& object);

struct ListAnswer {
  std::vector<ObjectRef> items;
  int64_t revision = 0;
  std::string continue_token;
  std::optional<int64_t> remaining;
};
HandlerResult respond_list(Context& context, ListAnswer list);

// Anything that is no object of a resource's own kind (Scale, Status, reviews, discovery): a tree of a known type. Without
// `api_version` the answer has none, as the oldest of discovery's documents.
HandlerResult respond_value(Context& context, int status, Value value, std::string_view api_version, std::string_view kind,
                            const Offer& offer = {});

// A Status as a tree.
Value status_tree(const Error& error, Arena& arena);
net::Response respond_error(const net::Request& request, const Query& query, const Error& error);
// {"kind":"Status", ... "status":"Success"} with details.
HandlerResult respond_success(Context& context, int status, std::string_view group, std::string_view kind, std::string_view name,
                              std::string_view uid);
net::Response plain_text(int status, std::string text);

// `text` becomes a Warning header, in upstream's form.
void add_warnings(Context& context, net::Response& response);

// The object in the version that this request speaks.
Result<ObjectRef> in_served_version(const Served& served, const ObjectRef& object);
// The tree of a decoded request in the version that is stored.
Result<void> to_stored_version(const Served& served, Value object);

// What a Table has of each object: ?includeObject.
Result<std::string_view> include_object(const Context& context, const Accept& accept);

// One object in the shape and format of `accept`; for watch events and lists. `with_columns`: a Table names its columns.
Result<std::string> encode_object(const Served& served, const ObjectRef& object, const Accept& accept, std::string_view include_object,
                                  bool with_columns, int64_t now_seconds);

}  // namespace sampan::apiserver
