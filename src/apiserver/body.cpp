#include "apiserver/body.h"

#include "apiserver/audit/notes.h"
#include "base/encoding.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/go_text.h"
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
  schema::RepeatedKeys repeated;
};

// The beginning of a body that could not be read, as upstream shows it.
std::string summary(std::string_view body) {
  constexpr size_t kBytesMax = 30;
  if (body.empty()) return "<empty>";
  auto head = body.substr(0, kBytesMax);
  auto text = body[0] == '{' ? std::string(head) : hex(head);
  return body.size() > kBytesMax ? text + " ..." : text;
}

// The body says of no kind what it is.
Error unrecognized(const ExpectedKind& expected, std::string_view why, std::string_view body) {
  return bad_request(concat("the object provided is unrecognized (must be of type ", expected.kind, "): ", why, " (", summary(body), ")"));
}

Error cannot_handle(std::string_view kind, std::string_view version, const ExpectedKind& expected, std::string_view why) {
  return bad_request(concat(kind, " in version ", quoted(version), " cannot be handled as a ", expected.kind, ": ", why));
}

Error not_registered(std::string_view kind, std::string_view api_version, std::string_view version, const ExpectedKind& expected) {
  return cannot_handle(kind, version, expected,
                       concat("no kind ", quoted(kind), " is registered for version ", quoted(api_version),
                              " in scheme \"pkg/runtime/scheme.go:111\""));
}

std::string_view version_of(std::string_view api_version) {
  auto slash = api_version.find('/');
  return slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
}
std::string_view group_of(std::string_view api_version) {
  auto slash = api_version.find('/');
  return slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
}

Result<Decoded> decode_protobuf_body(const std::string& body, const ExpectedKind& expected, Arena& arena) {
  auto envelope = schema::open_envelope(body);
  if (!envelope) return fail(unrecognized(expected, envelope.error().message(), body));
  auto expected_version = version_text(expected);
  auto api_version = envelope->api_version.empty() ? std::string_view(expected_version) : envelope->api_version;
  auto kind = envelope->kind.empty() ? expected.kind : envelope->kind;
  const schema::Type* type = schema::builtin_kind(group_of(api_version), version_of(api_version), kind);
  if (!type) return fail(not_registered(kind, api_version, version_of(api_version), expected));
  auto object = schema::decode_protobuf(envelope->raw, *type);
  if (!object) return fail(cannot_handle(kind, version_of(api_version), expected, object.error().message()));
  Value tree = schema::thaw(**object, arena).clone(arena);  // the object goes, the tree stays
  tree.set("apiVersion", arena.copy(api_version));
  tree.set("kind", arena.copy(kind));
  return Decoded{tree, {}};
}

// Upstream reads apiVersion and kind first, into a struct of their own; what is wrong by then is said in these words.
Result<void> check_type_meta(Value tree, const ExpectedKind& expected, std::string_view body) {
  constexpr std::string_view prefix = "couldn't get version/kind; json parse error: ";
  if (!tree.is_object())
    return fail(unrecognized(expected,
                             concat(prefix, "json: cannot unmarshal ", schema::json_type_name(tree),
                                    " into Go value of type struct { APIVersion string \"json:\\\"apiVersion,omitempty\\\"\"; Kind string "
                                    "\"json:\\\"kind,omitempty\\\"\" }"),
                             body));
  for (std::string_view name : {"apiVersion", "kind"})
    if (Value value = tree[name]; !value.is_missing() && !value.is_string())
      return fail(unrecognized(
          expected, concat(prefix, "json: cannot unmarshal ", schema::json_type_name(value), " into Go struct field .", name, " of type string"), body));
  return {};
}

Result<Decoded> decode_text_body(const std::string& body, const std::string& media, const ExpectedKind& expected, Arena& arena) {
  Decoded decoded;
  if (media == "application/yaml") {
    auto documents = schema::parse_yaml(body, arena, {.first_only = true}, &decoded.repeated.lines);
    if (!documents) return fail(unrecognized(expected, documents.error().message(), body));
    if (!documents->empty()) decoded.tree = documents->front();
  } else {
    decoded.repeated.text = body;
    auto parsed = schema::parse_json(body, arena, &decoded.repeated.keys);
    if (!parsed)
      return fail(unrecognized(expected, concat("couldn't get version/kind; json parse error: ", parsed.error().message()), body));
    decoded.tree = *parsed;
  }
  if (decoded.tree.is_missing()) decoded.tree = Value::object(arena);  // null is an object without a member
  TRY(check_type_meta(decoded.tree, expected, body));
  return decoded;
}

}  // namespace

Error unknown_format() {
  return Error(Reason::UnsupportedMediaType,
               "the body of the request was in an unknown format - accepted media types include: application/json, "
               "application/yaml, application/vnd.kubernetes.protobuf");
}

Result<FieldValidation> field_validation(const Query& query) {
  std::string_view value = query.get("fieldValidation");
  if (value.empty() || value == "Warn") return FieldValidation::Warn;
  if (value == "Strict") return FieldValidation::Strict;
  if (value == "Ignore") return FieldValidation::Ignore;
  return fail(bad_request(concat("invalid fieldValidation ", value)));
}

Result<void> check_kind(const ExpectedKind& expected, std::string_view api_version, std::string_view kind) {
  auto expected_version = version_text(expected);
  if (api_version.empty()) api_version = expected_version;
  if (kind.empty()) kind = expected.kind;
  if (api_version == expected_version && kind == expected.kind) return {};
  return fail(bad_request(concat("no kind ", quoted(kind), " is registered for version ", quoted(api_version),
                                 " in scheme \"pkg/runtime/scheme.go:111\"")));
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
  if (context.direct) {
    Value tree = context.direct->body.clone(arena);
    TRY(conform_tree(context, tree, expected, FieldValidation::Ignore, {}));
    note_request(context, expected, tree);
    return tree;
  }
  std::string media = media_type_of(context.http.header("content-type"));
  Decoded decoded;
  if (media.empty() || media == "application/json" || media == "application/yaml")
    decoded = TRY(decode_text_body(context.http.body, media, expected, arena));
  else if (media == "application/vnd.kubernetes.protobuf")
    decoded = TRY(decode_protobuf_body(context.http.body, expected, arena));
  else
    return fail(unknown_format());
  TRY(conform_tree(context, decoded.tree, expected, validation, decoded.repeated));
  note_request(context, expected, decoded.tree);
  return decoded.tree;
}

Result<void> conform_tree(Context& context, Value tree, const ExpectedKind& expected, FieldValidation validation,
                          const schema::RepeatedKeys& repeated) {
  std::string_view api_version = tree["apiVersion"].as_string(), kind = tree["kind"].as_string();
  auto expected_version = version_text(expected);
  bool same_kind = kind.empty() || kind == expected.kind;
  bool same_version = api_version.empty() || api_version == expected_version;
  if (!same_kind || !same_version) {
    // Known kinds get another answer than unknown ones, as in upstream's scheme.
    auto given_version = api_version.empty() ? std::string_view(expected_version) : api_version;
    auto given_kind = kind.empty() ? expected.kind : kind;
    auto group = group_of(given_version), version = version_of(given_version);
    if (schema::builtin_kind(group, version, given_kind))
      return fail(bad_request(concat("the API version in the data (", given_version, ") does not match the expected API version (",
                                     expected_version, ")")));
    return fail(not_registered(given_kind, given_version, version, expected));
  }
  schema::Conformance found;
  if (auto conformed = schema::conform(tree, *expected.type, found); !conformed)
    return fail(bad_request(concat(expected.kind, " in version ", quoted(expected.version), " cannot be handled as a ", expected.kind, ": ",
                                   conformed.error().message())));
  if (validation == FieldValidation::Ignore) return {};
  auto problems = schema::strict_errors(repeated, found);
  if (problems.empty()) return {};
  if (validation == FieldValidation::Strict)
    return fail(bad_request(concat(expected.kind, " in version ", quoted(expected.version), " cannot be handled as a ", expected.kind,
                                   ": strict decoding error: ", join(problems, ", "))));
  for (auto& problem : problems) context.warnings.push_back(std::move(problem));
  return {};
}

}  // namespace sampan::apiserver
