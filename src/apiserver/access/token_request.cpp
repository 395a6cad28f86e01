// serviceaccounts/token: a token of an account, for an audience and a time, and bound to an object if the client wants.
#include "apiserver/access/access.h"
#include "apiserver/admission.h"
#include "apiserver/audit/notes.h"
#include "apiserver/body.h"
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "apiserver/write.h"
#include "base/text.h"
#include "base/time_text.h"
#include "base/uuid.h"
#include "registry/field_errors.h"

namespace sampan::apiserver {

namespace {

using registry::FieldErrors;
using registry::Path;

constexpr int64_t kDefaultSeconds = 3600, kSecondsMin = 600, kSecondsMax = int64_t{1} << 32;
// What the ServiceAccount admission plug-in asks for; such tokens may be used for a year, after a warning time.
constexpr int64_t kOrdinarySeconds = 3607, kExtendedSeconds = 365 * 24 * 3600;

Error invalid(FieldErrors errors, std::string_view name) { return std::move(errors).to_error("authentication.k8s.io", "TokenRequest", name); }

Result<ObjectRef> lookup(Context& context, std::string_view resource, std::string_view name_space, std::string_view name) {
  return context.services.catalog->store_of("", resource)->get(name_space, name);
}

Result<ObjectRef> account_for(Context& context, Value metadata) {
  const RequestInfo& info = context.info;
  if (auto given = metadata["namespace"].as_string(); !given.empty() && given != info.name_space)
    return fail(bad_request("the namespace of the provided object does not match the namespace sent on the request"));
  if (auto given = metadata["name"].as_string(); !given.empty() && given != info.name) {
    FieldErrors errors;
    errors.invalid(Path("metadata").child("name"), given, "must match the service account name if specified");
    return fail(invalid(std::move(errors), info.name));
  }
  auto account = TRY(lookup(context, "serviceaccounts", info.name_space, info.name));
  auto uid = (*account)["metadata"]["uid"].as_string(), given = metadata["uid"].as_string();
  if (!given.empty() && given != uid)
    return fail(conflict("authentication.k8s.io", "TokenRequest", info.name,
                         concat("the UID in the token request (", given, ") does not match the UID of the service account (", uid, ")")));
  return account;
}

Result<void> check_seconds(Value spec) {
  FieldErrors errors;
  auto seconds = spec["expirationSeconds"].as_int();
  auto path = Path("spec");
  if (seconds < kSecondsMin) errors.invalid(path.child("expirationSeconds"), seconds, "may not specify a duration less than 10 minutes");
  if (seconds > kSecondsMax) errors.invalid(path.child("expirationSeconds"), seconds, "may not specify a duration larger than 2^32 seconds");
  if (!errors.empty()) return fail(invalid(std::move(errors), ""));
  return {};
}

Result<void> bind_pod(Context& context, BoundObjects& bound, std::string_view name) {
  bound.pod = TRY(lookup(context, "pods", context.info.name_space, name));
  auto spec = (*bound.pod)["spec"];
  if (spec["serviceAccountName"].as_string() != context.info.name)
    return fail(bad_request(concat("cannot bind token for serviceaccount ", quoted(context.info.name),
                                   " to pod running with different serviceaccount name.")));
  bound.node_name = spec["nodeName"].as_string();
  if (bound.node_name.empty()) return {};
  if (auto node = lookup(context, "nodes", "", bound.node_name)) bound.node = *node;
  return {};
}

// The object that the token is to end with.
Result<void> bind(Context& context, Value reference, BoundObjects& bound) {
  auto version = reference["apiVersion"].as_string(), kind = reference["kind"].as_string(), name = reference["name"].as_string();
  bool core = version.find('/') == std::string_view::npos;
  if (core && kind == "Pod") {
    TRY(bind_pod(context, bound, name));
  } else if (core && kind == "Node") {
    bound.node = TRY(lookup(context, "nodes", "", name));
  } else if (core && kind == "Secret") {
    bound.secret = TRY(lookup(context, "secrets", context.info.name_space, name));
  } else {
    auto slash = version.find('/');
    auto text = core ? concat("/", version, ", Kind=", kind) : concat(version.substr(0, slash), "/", version.substr(slash + 1), ", Kind=", kind);
    return fail(bad_request(concat("cannot bind token to object of type ", text)));
  }
  const ObjectRef& object = bound.pod ? bound.pod : bound.secret ? bound.secret : bound.node;
  auto uid = reference["uid"].as_string();
  if (!uid.empty() && uid != (*object)["metadata"]["uid"].as_string())
    return fail(conflict("", kind, name,
                         concat("the UID in the bound object reference (", uid,
                                ") does not match the UID in record. The object might have been deleted and then recreated")));
  return {};
}

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

// What the request leaves open, and what the server says of itself.
void complete(Value request, const schema::Object& account, const std::vector<std::string>& audiences, int64_t now_s) {
  Arena& arena = request.arena();
  Value metadata = request.ensure_object("metadata"), spec = request.ensure_object("spec");
  for (std::string_view member : {"name", "namespace", "uid"}) metadata.set(member, account["metadata"][member].as_string());
  metadata.set("creationTimestamp", arena.copy(rfc3339(now_s)));
  if (spec["audiences"].empty()) {
    Value list = Value::list(arena);
    for (const auto& audience : audiences) list.push(std::string_view(audience));
    spec.set("audiences", list);
  }
  request.remove("status");
}

}  // namespace

HandlerResult handle_token_request(Context& context) {
  auto* tokens = context.services.access->service_accounts();
  if (!tokens || !tokens->config().signer)
    return fail(not_found("", "serviceaccounts/token", context.info.name));
  auto parameters = TRY(write_parameters(context, "CreateOptions"));
  auto expected = expected_kind(*context.served, *context.subresource);
  Arena arena;
  Value request = TRY(decode_body(context, expected, parameters.validation, arena));
  if (request["spec"]["expirationSeconds"].is_missing()) request.ensure_object("spec").set("expirationSeconds", kDefaultSeconds);
  note_request(context, expected, request);
  auto manager = field_manager(context, parameters);
  manager.api_version = "authentication.k8s.io/v1";
  TRY(schema::update_managed_fields(request, nullptr, *expected.type, manager));
  if (Value metadata = request.ensure_object("metadata"); metadata["namespace"].as_string().empty()) metadata.set("namespace", std::string_view(context.info.name_space));
  auto attributes = attributes_of(context, Operation::Create, parameters.dry_run);
  TRY(context.services.admission->mutate(attributes, request, nullptr));
  BoundObjects bound;
  bound.account = TRY(account_for(context, request.ensure_object("metadata")));
  int64_t now_s = context.now_seconds();
  complete(request, *bound.account, tokens->config().audiences, now_s);
  Value spec = request["spec"];
  TRY(check_seconds(spec));
  auto admitted = TRY(schema::freeze(request, *expected.type));
  TRY(context.services.admission->validate(attributes, &*admitted, nullptr));
  if (spec["boundObjectRef"].is_object()) TRY(bind(context, spec["boundObjectRef"], bound));

  int64_t seconds = spec["expirationSeconds"].as_int(), most = tokens->config().max_expiration_s, warn_after = 0;
  if (most > 0 && seconds > most) {
    context.warnings.push_back(concat("requested expiration of ", seconds, " seconds shortened to ", most, " seconds"));
    seconds = most;
    spec.set("expirationSeconds", seconds);
  }
  auto audiences = texts_of(spec["audiences"]);
  const auto& ours = tokens->config().audiences;
  bool for_us = std::all_of(audiences.begin(), audiences.end(), [&](const auto& it) { return std::find(ours.begin(), ours.end(), it) != ours.end(); });
  bool extended = tokens->config().extend_expiration && bound.pod && seconds == kOrdinarySeconds && for_us;
  if (extended) warn_after = seconds;
  if (spec["boundObjectRef"].is_missing()) spec.set("boundObjectRef", Value::null());
  Value status = request.ensure_object("status");
  auto id = new_uuid(*context.services.random);
  annotate(context, "authentication.kubernetes.io/issued-credential-id", concat("JTI=", id));
  status.set("token", arena.copy(tokens->issue(bound, id, audiences, now_s, extended ? kExtendedSeconds : seconds, warn_after)));
  status.set("expirationTimestamp", arena.copy(rfc3339(now_s + seconds)));
  return respond_value(context, 201, request, "authentication.k8s.io/v1", "TokenRequest");
}

}  // namespace sampan::apiserver
