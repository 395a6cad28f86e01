#include "apiserver/admission/review.h"

#include "base/encoding.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/go_text.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr std::string_view kGroup = "admission.k8s.io";

Value list_of(const std::vector<std::string>& texts, Arena& arena) {
  Value list = Value::list(arena, static_cast<uint32_t>(texts.size()));
  for (const auto& text : texts) list.push(std::string_view(text));
  return list;
}

Value user_tree(const User& user, Arena& arena) {
  Value tree = Value::object(arena, 4);
  tree.set("username", std::string_view(user.name));
  if (!user.uid.empty()) tree.set("uid", std::string_view(user.uid));
  if (!user.groups.empty()) tree.set("groups", list_of(user.groups, arena));
  for (const auto& [key, values] : user.extra) tree.ensure_object("extra").set(key, list_of(values, arena));
  return tree;
}

Value named(Arena& arena, std::string_view group, std::string_view version, std::string_view member, std::string_view name) {
  Value tree = Value::object(arena, 3);
  tree.set("group", group);
  tree.set("version", version);
  tree.set(member, name);
  return tree;
}

}  // namespace

Value review_head(const Attributes& attributes, const Target& target, Arena& arena) {
  const RequestInfo& info = attributes.info;
  Target own = target_of(attributes);
  auto set_text = [](Value tree, std::string_view name, std::string_view text) {
    if (!text.empty()) tree.set(name, text);
  };
  Value head = Value::object(arena, 12);
  head.set("kind", named(arena, target.kind.group, target.kind.version, "kind", target.kind.kind));
  head.set("resource", named(arena, target.group, target.version, "resource", target.resource));
  set_text(head, "subResource", info.subresource);
  head.set("requestKind", named(arena, own.kind.group, own.kind.version, "kind", own.kind.kind));
  head.set("requestResource", named(arena, own.group, own.version, "resource", own.resource));
  set_text(head, "requestSubResource", info.subresource);
  set_text(head, "name", info.name);
  set_text(head, "namespace", namespace_of(attributes));
  head.set("operation", operation_text(attributes.operation));
  head.set("userInfo", user_tree(attributes.user, arena));
  return head;
}

namespace {

Value delete_options_tree(const registry::DeleteOptions& options, Arena& arena) {
  Value tree = Value::object(arena, 8);
  if (options.grace_seconds) tree.set("gracePeriodSeconds", *options.grace_seconds);
  if (!options.preconditions.uid.empty()) tree.ensure_object("preconditions").set("uid", std::string_view(options.preconditions.uid));
  if (auto& version = options.preconditions.resource_version) tree.ensure_object("preconditions").set("resourceVersion", std::string_view(*version));
  if (options.orphan_dependents) tree.set("orphanDependents", *options.orphan_dependents);
  if (!options.propagation_policy.empty()) tree.set("propagationPolicy", std::string_view(options.propagation_policy));
  if (options.dry_run) tree.ensure_list("dryRun").push("All");
  return tree;
}

Value write_options_tree(const Query& query, Arena& arena) {
  Value tree = Value::object(arena, 6);
  for (auto value : query.all("dryRun")) tree.ensure_list("dryRun").push(value);
  for (std::string_view name : {"fieldManager", "fieldValidation"})
    if (auto value = query.get(name); !value.empty()) tree.set(name, value);
  return tree;
}

// A Status of somebody else's: its reason may be a word that is none of ours.
StatusData status_of(Value tree) {
  StatusData status;
  status.code = static_cast<int>(tree["code"].as_int());
  status.message = tree["message"].as_string();
  status.reason = reason_named(tree["reason"].as_string());
  if (status.reason == Reason::Unknown) status.other_reason = tree["reason"].as_string();
  Value details = tree["details"];
  status.has_details = details.is_object();
  status.name = details["name"].as_string();
  status.group = details["group"].as_string();
  status.kind = details["kind"].as_string();
  status.uid = details["uid"].as_string();
  status.retry_after_seconds = static_cast<int>(details["retryAfterSeconds"].as_int());
  for (Value cause : details["causes"].items())
    status.causes.push_back({std::string(cause["reason"].as_string()), std::string(cause["message"].as_string()), std::string(cause["field"].as_string())});
  return status;
}

// What is wrong with the patch of an answer, or with its kind; "" if nothing.
std::string patch_problem(Value response, std::string_view patch, bool mutating, bool is_v1) {
  Value type = response["patchType"];
  if (!mutating && is_v1) {
    if (!patch.empty()) return "validating webhook may not return response.patch";
    return type.is_missing() ? "" : "validating webhook may not return response.patchType";
  }
  if (!is_v1) return "";
  if (!patch.empty() && type.is_missing()) return "webhook returned response.patch but not response.patchType";
  if (patch.empty() && !type.is_missing()) return "webhook returned response.patchType but not response.patch";
  if (!type.is_missing() && type.as_string().empty()) return "webhook returned invalid response.patchType of \"\"";
  return "";
}

}  // namespace

std::string options_json(const Attributes& attributes) {
  if (attributes.operation == Operation::Connect) return "null";
  Arena arena;
  std::string_view kind = "DeleteOptions";
  Value options = attributes.delete_options ? delete_options_tree(*attributes.delete_options, arena) : Value();
  if (attributes.operation != Operation::Delete) {
    kind = attributes.operation == Operation::Create ? "CreateOptions" : "UpdateOptions";
    if (attributes.query) options = write_options_tree(*attributes.query, arena);
  }
  Value tree = Value::object(arena, 10);
  tree.set("kind", kind);
  tree.set("apiVersion", "meta.k8s.io/v1");
  for (const auto& member : options.members()) tree.set(member.name, member.value);
  std::string text;
  schema::write_json(text, tree);
  return text;
}

Result<std::string> review_request(const Attributes& attributes, const Target& target, Seen& seen, std::string_view version, std::string_view uid) {
  auto object = TRY(seen.object_as(target)), old = TRY(seen.old_as(target));
  Arena arena;
  std::string text = concat(R"({"kind":"AdmissionReview","apiVersion":")", kGroup, "/", version, R"(","request":{"uid":")", uid, R"(",)");
  std::string head;
  schema::write_json(head, review_head(attributes, target, arena));
  text.append(head, 1, head.size() - 2);
  append(text, R"(,"object":)", json_of(object, target), R"(,"oldObject":)", json_of(old, target), R"(,"dryRun":)", attributes.dry_run ? "true" : "false",
         R"(,"options":)", options_json(attributes), "}}\n");
  return text;
}

std::expected<ReviewAnswer, BadAnswer> read_review(std::string_view text, std::string_view version, std::string_view uid, bool mutating) {
  auto unreadable = [](std::string why) { return std::unexpected(BadAnswer{std::move(why), false}); };
  auto wrong = [](std::string why) { return std::unexpected(BadAnswer{std::move(why), true}); };
  Arena arena;
  auto tree = schema::parse_json(text, arena);
  if (!tree) {
    // What is no JSON is read as YAML, upstream, and there most texts are something.
    auto documents = schema::parse_yaml(text, arena, {.first_only = true});
    if (documents && !documents->empty()) tree = documents->front();
  }
  if (!tree) return unreadable(concat("couldn't get version/kind; json parse error: ", tree.error().message()));
  if (!tree->is_object())
    return unreadable(concat("couldn't get version/kind; json parse error: json: cannot unmarshal ", schema::json_type_name(*tree),
                             R"( into Go value of type struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" })"));
  auto kind = (*tree)["kind"].as_string(), api_version = (*tree)["apiVersion"].as_string();
  auto expected = concat(kGroup, "/", version);
  Value review = *tree;
  review.remove("kind");
  review.remove("apiVersion");
  schema::Conformance found;
  // Both versions have the same fields.
  if (auto conformed = schema::conform(review, *schema::builtin_kind(kGroup, "v1", "AdmissionReview"), found); !conformed)
    return unreadable(conformed.error().message());
  Value response = review["response"];
  if (!response.is_object()) return wrong("webhook response was absent");
  bool is_v1 = version == "v1";
  if (is_v1 && response["uid"].as_string() != uid)
    return wrong(concat("expected response.uid=", quoted(uid), ", got ", quoted(response["uid"].as_string())));
  if (is_v1 && (api_version != expected || kind != "AdmissionReview"))
    return wrong(concat("expected webhook response of ", expected, ", Kind=AdmissionReview, got ", api_version.empty() ? "/" : api_version, ", Kind=", kind));
  ReviewAnswer answer;
  if (auto patch = response["patch"].as_string(); !patch.empty() && !decode_base64(patch, answer.patch)) return unreadable("illegal base64 data");
  if (auto problem = patch_problem(response, answer.patch, mutating, is_v1); !problem.empty()) return wrong(std::move(problem));
  if (!mutating) answer.patch.clear();
  answer.allowed = response["allowed"].as_bool();
  answer.patch_type = is_v1 ? response["patchType"].as_string() : "JSONPatch";
  for (const auto& member : response["auditAnnotations"].members()) answer.annotations.emplace_back(member.name, member.value.as_string());
  for (Value warning : response["warnings"].items()) answer.warnings.emplace_back(warning.as_string());
  if (response["status"].is_object()) answer.status = status_of(response["status"]);
  return answer;
}

Error denied_by(std::string_view webhook, std::optional<StatusData> status) {
  constexpr int kBadRequest = 400, kCodeMax = 599;
  auto denial = concat("admission webhook ", quoted(webhook), " denied the request");
  StatusData data = status ? std::move(*status) : StatusData{.code = 0};
  data.code = data.code > kCodeMax ? 500 : std::max(data.code, kBadRequest);  // what HTTP has no word for is the webhook's own mistake
  if (!data.message.empty())
    data.message = concat(denial, ": ", data.message);
  else if (std::string_view reason = data.other_reason.empty() ? name_of(data.reason) : data.other_reason; !reason.empty())
    data.message = concat(denial, ": ", reason);
  else
    data.message = concat(denial, " without explanation");
  Error error(data.code, Reason::Unknown, "");
  error.edit() = std::move(data);
  return error;
}

}  // namespace sampan::apiserver
