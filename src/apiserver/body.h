// The body of a request: from bytes to a tree that conforms to a type.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/context.h"
#include "schema/conform.h"
#include "schema/value.h"

namespace sampan::apiserver {

enum class FieldValidation : uint8_t { Ignore, Warn, Strict };

// ?fieldValidation; BadRequest for anything else.
Result<FieldValidation> field_validation(const Query& query);

struct ExpectedKind {
  std::string_view group, version, kind;
  const schema::Type* type = nullptr;
};

// Decodes JSON, YAML or protobuf by Content-Type. A body without apiVersion and kind is taken for the expected one; another kind is a BadRequest.
// What strict decoding finds becomes warnings or an error, as asked. The tree borrows from the request's body.
Result<schema::Value> decode_body(Context& context, const ExpectedKind& expected, FieldValidation validation, Arena& arena);
// The same for a tree that is already there (the result of a patch).
Result<void> conform_tree(Context& context, schema::Value tree, const ExpectedKind& expected, FieldValidation validation,
                          const schema::RepeatedKeys& repeated);

// A Content-Type that nobody can read.
Error unknown_format();

// `no kind "Other" is registered for version "v1" in scheme ...` unless these, where they are said at all, are the expected ones.
Result<void> check_kind(const ExpectedKind& expected, std::string_view api_version, std::string_view kind);

ExpectedKind expected_kind(const Served& served);
ExpectedKind expected_kind(const Served& served, const schema::Subresource& subresource);

}  // namespace sampan::apiserver
