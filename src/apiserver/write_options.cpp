#include "apiserver/write_options.h"

#include "apiserver/audit/notes.h"
#include "base/text.h"
#include "registry/field_errors.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/protobuf.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using registry::FieldErrors;
using registry::Path;
using registry::Shown;
using schema::Value;

namespace {

constexpr size_t kFieldManagerBytesMax = 128;
constexpr std::string_view kMetaGroup = "meta.k8s.io";

// `values` all have to be "All".
bool check_dry_run(const std::vector<std::string_view>& values, FieldErrors& errors) {
  if (values.empty()) return false;
  constexpr std::string_view supported[] = {"All"};
  bool all = std::all_of(values.begin(), values.end(), [](auto value) { return value == "All"; });
  if (!all) {
    std::string shown = "[";
    for (size_t i = 0; i < values.size(); i++) append(shown, i ? "," : "", quoted(values[i]));
    errors.not_supported(Path("dryRun"), Shown::raw(shown + "]"), supported);
  }
  return true;
}

void check_field_manager(std::string_view manager, FieldErrors& errors) {
  // Each bad character is told with the whole text: of one that is too long that could be gigabytes.
  if (manager.size() > kFieldManagerBytesMax) return errors.too_long(Path("fieldManager"), kFieldManagerBytesMax);
  constexpr char hex[] = "0123456789ABCDEF";
  for (size_t i = 0; i < manager.size(); i++) {
    auto c = static_cast<unsigned char>(manager[i]);
    if (c >= 0x20 && c != 0x7f) continue;
    errors.invalid(Path("fieldManager"), manager,
                   concat("invalid character U+00", std::string_view(&hex[c >> 4], 1), std::string_view(&hex[c & 15], 1), " (at position ", i, ")"));
  }
}

// What a client that names no manager is called: the first word of its User-Agent.
std::string manager_of_agent(std::string_view agent) {
  auto name = agent.substr(0, agent.find('/'));
  std::string out;
  for (unsigned char c : name)
    if (c >= 0x20 && c != 0x7f && out.size() < kFieldManagerBytesMax) out += static_cast<char>(c);
  return out;
}

}  // namespace

Result<WriteParameters> write_parameters(const Context& context, std::string_view kind, bool apply) {
  WriteParameters parameters;
  FieldErrors errors;
  parameters.dry_run = check_dry_run(context.query.all("dryRun"), errors);
  parameters.field_manager = context.query.get("fieldManager");
  check_field_manager(parameters.field_manager, errors);
  parameters.force = context.query.has("force") && context.query.is_true("force");
  if (kind == "PatchOptions") {
    if (apply && parameters.field_manager.empty())
      errors.required(Path("fieldManager"), "is required for apply patch");
    else if (!apply && context.query.has("force"))
      errors.forbidden(Path("force"), "may not be specified for non-apply patch");
  }
  auto validation = context.query.get("fieldValidation");
  constexpr std::string_view known[] = {"", "Ignore", "Strict", "Warn"};
  if (validation == "Strict")
    parameters.validation = FieldValidation::Strict;
  else if (validation == "Ignore")
    parameters.validation = FieldValidation::Ignore;
  else if (!validation.empty() && validation != "Warn")
    errors.not_supported(Path("fieldValidation"), validation, known);
  if (!errors.empty()) return fail(std::move(errors).to_error(kMetaGroup, kind, ""));
  if (parameters.field_manager.empty()) parameters.field_manager = manager_of_agent(context.http.header("user-agent"));
  return parameters;
}

namespace {

Error no_such_options(std::string_view kind, std::string_view version) {
  return bad_request(concat("no kind ", quoted(kind), " is registered for version ", quoted(version), " in scheme \"pkg/runtime/scheme.go:111\""));
}

// Clients send options with their group's apiVersion as well; the kind is what counts.
Result<Value> delete_options_sent(Context& context, const schema::Type& type, Arena& arena) {
  const std::string& body = context.http.body;
  auto media = media_type_of(context.http.header("content-type"));
  if (media == "application/vnd.kubernetes.protobuf") {
    auto envelope = schema::open_envelope(body);
    if (!envelope) return fail(bad_request(envelope.error().message()));
    if (!envelope->kind.empty() && envelope->kind != "DeleteOptions") return fail(no_such_options(envelope->kind, envelope->api_version));
    auto object = schema::decode_protobuf(envelope->raw, type);
    if (!object) return fail(bad_request(object.error().message()));
    return schema::thaw(**object, arena).clone(arena);
  }
  Value tree;
  if (media == "application/yaml") {
    auto documents = schema::parse_yaml(body, arena, {.first_only = true});
    if (!documents) return fail(bad_request(documents.error().message()));
    if (!documents->empty()) tree = documents->front();
  } else if (media.empty() || media == "application/json") {
    auto parsed = schema::parse_json(body, arena);
    if (!parsed) return fail(bad_request(concat("couldn't get version/kind; json parse error: ", parsed.error().message())));
    tree = *parsed;
  } else {
    return fail(unknown_format());
  }
  if (tree.is_missing()) tree = Value::object(arena);
  if (tree.is_object()) {
    if (auto kind = tree["kind"].as_string(); !kind.empty() && kind != "DeleteOptions") {
      auto version = tree["apiVersion"].as_string();
      return fail(no_such_options(kind, version.empty() ? "meta.k8s.io/v1" : version));
    }
    tree.remove("apiVersion");
    tree.remove("kind");
  }
  schema::Conformance found;
  TRY(schema::conform(tree, type, found));
  return tree;
}

// The options as one tree, whether they came in the body or in the query.
Result<Value> delete_options_tree(Context& context, Arena& arena) {
  const ExpectedKind expected{"", "v1", "DeleteOptions", schema::builtin_kind("", "v1", "DeleteOptions")};
  if (context.direct) {
    note_request(context, expected, context.direct->body);
    return context.direct->body;
  }
  if (!context.http.body.empty()) {
    Value tree = TRY(delete_options_sent(context, *expected.type, arena));
    note_request(context, expected, tree);
    return tree;
  }
  Value tree = Value::object(arena);
  const Query& query = context.query;
  if (query.has("gracePeriodSeconds")) {
    int64_t seconds;
    if (!parse_int(query.get("gracePeriodSeconds"), seconds))
      return fail(bad_request(concat("strconv.ParseInt: parsing ", quoted(query.get("gracePeriodSeconds")), ": invalid syntax")));
    tree.set("gracePeriodSeconds", seconds);
  }
  if (query.has("orphanDependents")) tree.set("orphanDependents", query.is_true("orphanDependents"));
  if (query.has("propagationPolicy")) tree.set("propagationPolicy", query.get("propagationPolicy"));
  for (std::string_view name : {"uid", "resourceVersion"})
    if (auto value = query.get(name); !value.empty()) tree.ensure_object("preconditions").set(name, value);
  if (query.has("dryRun")) {
    Value list = Value::list(arena);
    for (auto value : query.all("dryRun")) list.push(value);
    tree.set("dryRun", list);
  }
  return tree;
}

}  // namespace

Result<registry::DeleteOptions> delete_options(Context& context) {
  Arena arena;
  return delete_options_of(TRY(delete_options_tree(context, arena)));
}

Result<registry::DeleteOptions> delete_options_of(Value tree) {
  registry::DeleteOptions options;
  FieldErrors errors;
  if (Value* grace = tree.find("gracePeriodSeconds"); grace && grace->is_int()) options.grace_seconds = grace->as_int();
  if (Value* orphan = tree.find("orphanDependents"); orphan && orphan->is_bool()) options.orphan_dependents = orphan->as_bool();
  options.propagation_policy = tree["propagationPolicy"].as_string();
  options.preconditions.uid = tree["preconditions"]["uid"].as_string();
  if (Value version = tree["preconditions"]["resourceVersion"]; version.is_string())
    options.preconditions.resource_version = version.as_string();
  if (options.orphan_dependents && !options.propagation_policy.empty())
    errors.invalid(Path("propagationPolicy"), options.propagation_policy, "orphanDependents and deletionPropagation cannot be both set");
  constexpr std::string_view policies[] = {"Foreground", "Background", "Orphan", "nil"};
  if (tree["propagationPolicy"].is_string() && std::find(policies, policies + 3, options.propagation_policy) == policies + 3)
    errors.not_supported(Path("propagationPolicy"), options.propagation_policy, policies);
  std::vector<std::string_view> dry_run;
  for (Value value : tree["dryRun"].items()) dry_run.push_back(value.as_string());
  options.dry_run = check_dry_run(dry_run, errors);
  if (!errors.empty()) return fail(std::move(errors).to_error(kMetaGroup, "DeleteOptions", ""));
  return options;
}

}  // namespace sampan::apiserver
