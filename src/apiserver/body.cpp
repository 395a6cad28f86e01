#include "apiserver/body.h"

#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/protobuf.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

std::string version_text(const ExpectedKind& kind) {
  return kind.group.empty() ? std::string(kind.version) : concat(kind.group, "/", kind.version);
}

struct Decoded {
  Value tree;
  std::vector<std::string> duplicates;
};

Result<Decoded> decode_protobuf_body(const std::string& body, const ExpectedKind& expected, Arena& arena) {
  auto envelope = TRY(schema::open_envelope(body));
  auto slash = envelope.api_version.find('/');
  auto group = slash == std::string_view::npos ? std::string_view() : envelope.api_version.substr(0, slash);
  auto version = slash == std::string_view::npos ? envelope.api_version : envelope.api_version.substr(slash + 1);
  const schema::Type* type = envelope.kind.empty() ? expected.type : schema::builtin_kind(group, version, envelope.kind);
  if (!type)
    return fail(bad_request(concat("no kind ", quoted(envelope.kind), " is registered for version ", quoted(envelope.api_version),
                                   " in scheme")));
  auto object = TRY(schema::decode_protobuf(envelope.raw, *type));
  Value tree = schema::thaw(*object, arena).clone(arena);  // the object goes, the tree stays
  if (!envelope.api_version.empty()) tree.set("apiVersion", arena.copy(envelope.api_version));
  if (!envelope.kind.empty()) tree.set("kind", arena.copy(envelope.kind));
  return Decoded{tree, {}};
}

Result<Decoded> decode_text_body(const std::string& body, const std::string& media, Arena& arena) {
  Decoded decoded;
  if (media == "application/yaml") {
    auto documents = TRY(schema::parse_yaml(body, arena, {.first_only = true}, &decoded.duplicates));
    if (documents.empty()) return fail(bad_request("EOF"));
    decoded.tree = documents.front();
    return decoded;
  }
  decoded.tree = TRY(schema::parse_json(body, arena, &decoded.duplicates));
  return decoded;
}

}  // namespace

Result<FieldValidation> field_validation(const Query& query) {
  std::string_view value = query.get("fieldValidation");
  if (value.empty() || value == "Warn") return FieldValidation::Warn;
  if (value == "Strict") return FieldValidation::Strict;
  if (value == "Ignore") return FieldValidation::Ignore;
  return fail(bad_request(concat("invalid fieldValidation ", value)));
}

ExpectedKind expected_kind(const Served& served) {
  return {served.resource->group, served.resource->version, served.resource->kind, served.resource->type};
}

ExpectedKind expected_kind(const Served& served, const schema::Subresource& subresource) {
  auto group = subresource.version.empty() ? served.resource->group : subresource.group;
  auto version = subresource.version.empty() ? served.resource->version : subresource.version;
  return {group, version, subresource.kind, schema::builtin_kind(group, version, subresource.kind)};
}

Result<Value> decode_body(Context& context, const ExpectedKind& expected, FieldValidation validation, Arena& arena) {
  std::string media = media_type_of(context.http.header("content-type"));
  Result<Decoded> decoded = [&]() -> Result<Decoded> {
    if (media.empty() || media == "application/json" || media == "application/yaml")
      return decode_text_body(context.http.body, media, arena);
    if (media == "application/vnd.kubernetes.protobuf") return decode_protobuf_body(context.http.body, expected, arena);
    return fail(Error(Reason::UnsupportedMediaType,
                      "the body of the request was in an unknown format - accepted media types include: application/json, "
                      "application/yaml, application/vnd.kubernetes.protobuf"));
  }();
  auto in_version = [&](std::string_view what) {
    return concat(expected.kind, " in version ", quoted(expected.version), " cannot be handled as a ", expected.kind, ": ", what);
  };
  if (!decoded) {
    if (!decoded.error().is(Reason::BadRequest)) return fail(std::move(decoded).error());
    return fail(bad_request(in_version(decoded.error().message())));
  }
  Value tree = decoded->tree;
  if (!tree.is_object()) {
    if (tree.is_missing()) return fail(bad_request(in_version("unexpected end of JSON input")));
    return fail(bad_request(in_version("json: cannot unmarshal a value that is no object")));
  }
  TRY(conform_tree(context, tree, expected, validation, std::move(decoded->duplicates)));
  return tree;
}

Result<void> conform_tree(Context& context, Value tree, const ExpectedKind& expected, FieldValidation validation,
                          std::vector<std::string> duplicates) {
  std::string_view api_version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  auto expected_version = version_text(expected);
  bool same_kind = kind.empty() || kind == expected.kind;
  bool same_version = api_version.empty() || api_version == expected_version;
  if (!same_kind || !same_version) {
    // Known kinds get another answer than unknown ones, as in upstream's scheme.
    auto given_version = api_version.empty() ? std::string_view(expected_version) : api_version;
    auto given_kind = kind.empty() ? expected.kind : kind;
    auto slash = given_version.find('/');
    auto group = slash == std::string_view::npos ? std::string_view() : given_version.substr(0, slash);
    auto version = slash == std::string_view::npos ? given_version : given_version.substr(slash + 1);
    if (schema::builtin_kind(group, version, given_kind))
      return fail(bad_request(concat("the API version in the data (", given_version, ") does not match the expected API version (",
                                     expected_version, ")")));
    return fail(bad_request(concat(expected.kind, " in version ", quoted(expected.version), " cannot be handled as a ", expected.kind,
                                   ": no kind ", quoted(given_kind), " is registered for version ", quoted(given_version), " in scheme")));
  }
  schema::Conformance found;
  if (auto conformed = schema::conform(tree, *expected.type, found); !conformed)
    return fail(bad_request(concat(expected.kind, " in version ", quoted(expected.version), " cannot be handled as a ", expected.kind, ": ",
                                   conformed.error().message())));
  if (validation == FieldValidation::Ignore) return {};
  auto problems = schema::strict_errors(duplicates, found);
  if (problems.empty()) return {};
  if (validation == FieldValidation::Strict)
    return fail(bad_request(concat(expected.kind, " in version ", quoted(expected.version), " cannot be handled as a ", expected.kind,
                                   ": strict decoding error: ", join(problems, ", "))));
  for (auto& problem : problems) context.warnings.push_back(std::move(problem));
  return {};
}

}  // namespace sampan::apiserver
