// Questions to the server about identity and rights, which are answered and not kept: token reviews, access reviews, rules reviews.
#include "apiserver/access/access.h"
#include "apiserver/admission.h"
#include "apiserver/body.h"
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "apiserver/write.h"
#include "base/aggregate.h"
#include "base/text.h"
#include "base/time_text.h"
#include "registry/field_errors.h"
#include "registry/selectors.h"
#include "schema/json.h"

namespace sampan::apiserver {

namespace {

using registry::FieldErrors;
using registry::Path;
using registry::Shown;
using schema::AnyView;

constexpr std::string_view kAuthorization = "authorization.k8s.io", kAuthentication = "authentication.k8s.io/v1";

struct Question {
  Value tree;
  WriteParameters parameters;
};

// The object that was sent, with its managed fields.
Result<Question> read_question(Context& context, Arena& arena) {
  auto parameters = TRY(write_parameters(context, "CreateOptions"));
  Value tree = TRY(decode_body(context, expected_kind(*context.served), parameters.validation, arena));
  if (!context.info.name_space.empty()) tree.ensure_object("metadata").set("namespace", std::string_view(context.info.name_space));
  auto manager = field_manager(context, parameters);
  manager.name = arena.copy(parameters.field_manager);  // the tree keeps both
  manager.api_version = arena.copy(context.served->api_version());
  TRY(schema::update_managed_fields(tree, nullptr, *context.served->resource->type, manager));
  return Question{tree, std::move(parameters)};
}

Result<void> admit(Context& context, const Question& question) {
  auto attributes = attributes_of(context, Operation::Create, question.parameters.dry_run);
  TRY(context.services.admission->mutate(attributes, question.tree, nullptr));
  auto frozen = TRY(schema::freeze(question.tree, *context.served->resource->type));
  return context.services.admission->validate(attributes, &*frozen, nullptr);
}

HandlerResult answer(Context& context, Value tree) { return respond_value(context, 201, tree, context.served->api_version(), context.served->resource->kind); }

void set_texts(Value object, std::string_view member, const std::vector<std::string>& texts) {
  if (texts.empty()) return;
  Value list = Value::list(object.arena());
  for (const auto& text : texts) list.push(object.arena().copy(text));
  object.set(member, list);
}

std::vector<std::string> texts_of(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

void set_user(Value info, const User& user) {
  Arena& arena = info.arena();
  info.set("username", arena.copy(user.name));
  if (!user.uid.empty()) info.set("uid", arena.copy(user.uid));
  set_texts(info, "groups", user.groups);
  for (const auto& [key, values] : user.extra) set_texts(info.ensure_object("extra"), arena.copy(key), values);
}

// ---- access reviews ----

void check_selector(FieldErrors& errors, const Path& path, Value selector) {
  if (!selector.is_object()) return;
  auto raw = selector["rawSelector"].as_string();
  bool requirements = !selector["requirements"].empty();
  if (!raw.empty() && requirements) errors.invalid(path.child("rawSelector"), raw, "may not specified at the same time as requirements");
  if (raw.empty() && !requirements)
    errors.required(path.child("requirements"), concat("when ", path.text(), " is specified, requirements or rawSelector is required"));
  auto items = selector["requirements"].items();
  auto list = path.child("requirements");
  for (size_t i = 0; i < items.size(); i++) {
    auto key = items[i]["key"].as_string(), op = items[i]["operator"].as_string();
    bool has_values = !items[i]["values"].empty(), wants = op == "In" || op == "NotIn", wants_none = op == "Exists" || op == "DoesNotExist";
    auto at = list.index(static_cast<uint32_t>(i));
    if (wants && !has_values) errors.required(at.child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
    if (wants_none && has_values) errors.forbidden(at.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    if (key.empty()) errors.required(at.child("key"), "must be specified");
  }
}

std::string shown_path(Value path) {
  std::string text = "{\"Path\":";
  schema::write_json_string(text, path["path"].as_string());
  text += ",\"Verb\":";
  schema::write_json_string(text, path["verb"].as_string());
  return text + "}";
}

Result<void> check_question(const Context& context, Value tree) {
  std::string_view kind = context.served->resource->kind;
  FieldErrors errors;
  Value spec = tree["spec"], resource = spec["resourceAttributes"], path = spec["nonResourceAttributes"];
  auto at = Path("spec");
  if (resource.is_object() && path.is_object())
    errors.invalid(at.child("nonResourceAttributes"), Shown::raw(shown_path(path)), "cannot be specified in combination with resourceAttributes");
  if (!resource.is_object() && !path.is_object())
    errors.invalid(at.child("resourceAttributes"), Shown::null(), "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  if (kind != "SelfSubjectAccessReview" && spec["user"].as_string().empty() && spec["groups"].empty())
    errors.invalid(at.child("user"), "", "at least one of user or group must be specified");
  auto of_resource = at.child("resourceAttributes");
  check_selector(errors, of_resource.child("fieldSelector"), resource["fieldSelector"]);
  check_selector(errors, of_resource.child("labelSelector"), resource["labelSelector"]);
  bool local = kind == "LocalSubjectAccessReview";
  for (const auto& member : tree["metadata"].members()) {
    if (member.name == "managedFields" || (local && member.name == "namespace") || member.value.is_missing()) continue;
    std::string shown;
    schema::write_json(shown, tree["metadata"]);
    errors.invalid(Path("metadata"), Shown::raw(shown), local ? "must be empty except for namespace" : "must be empty");
    break;
  }
  if (local && resource.is_object() && resource["namespace"].as_string() != context.info.name_space)
    errors.invalid(of_resource.child("namespace"), resource["namespace"].as_string(), "must match metadata.namespace");
  if (local && path.is_object())
    errors.invalid(at.child("nonResourceAttributes"), Shown::raw(shown_path(path)), "disallowed on this kind of request");
  if (!errors.empty()) return fail(std::move(errors).to_error(kAuthorization, "", ""));
  return {};
}

// A selector as text: as it was given, or of its requirements, of which those that cannot be understood are left out.
std::string selector_text(Value selector, bool of_fields, bool& bad) {
  if (auto raw = selector["rawSelector"].as_string(); !raw.empty()) {
    bad = of_fields ? !registry::FieldSelector::parse(raw) : !registry::LabelSelector::parse(raw);
    return bad ? std::string() : std::string(raw);
  }
  std::string text;
  for (Value it : selector["requirements"].items()) {
    auto key = it["key"].as_string(), op = it["operator"].as_string();
    auto values = join(texts_of(it["values"]), ",");
    std::string term;
    if (of_fields && it["values"].size() == 1 && (op == "In" || op == "NotIn")) {
      term = concat(key, op == "In" ? "=" : "!=", values);
    } else if (!of_fields) {
      if (op == "In" || op == "NotIn") term = concat(key, op == "In" ? " in (" : " notin (", values, ")");
      if (op == "Exists") term = key;
      if (op == "DoesNotExist") term = concat("!", key);
      if (!term.empty() && !registry::LabelSelector::parse(term)) term.clear();
    }
    if (term.empty())
      bad = true;
    else
      append(text, text.empty() ? "" : ",", term);
  }
  return text;
}

RequestInfo question_of(Value spec, std::string& problem) {
  RequestInfo info;
  Value resource = spec["resourceAttributes"], path = spec["nonResourceAttributes"];
  if (path.is_object()) {
    info.path = path["path"].as_string();
    info.verb = path["verb"].as_string();
    return info;
  }
  info.is_resource = true;
  info.verb = resource["verb"].as_string();
  info.group = resource["group"].as_string();
  info.version = resource["version"].as_string();
  if (info.version.empty()) info.version = "*";
  info.name_space = resource["namespace"].as_string();
  info.resource = resource["resource"].as_string();
  info.subresource = resource["subresource"].as_string();
  info.name = resource["name"].as_string();
  bool bad_fields = false, bad_labels = false;
  info.field_selector = selector_text(resource["fieldSelector"], true, bad_fields);
  info.label_selector = selector_text(resource["labelSelector"], false, bad_labels);
  if (bad_fields) problem = "spec.resourceAttributes.fieldSelector ignored due to parse error";
  if (bad_labels) append(problem, problem.empty() ? "" : "; ", "spec.resourceAttributes.labelSelector ignored due to parse error");
  return info;
}

User user_of(Value spec) {
  User user{std::string(spec["user"].as_string()), std::string(spec["uid"].as_string()), texts_of(spec["groups"])};
  for (const auto& member : spec["extra"].members())
    for (Value value : member.value.items()) user.add_extra(member.name, value.as_string());
  return user;
}

HandlerResult review_access(Context& context) {
  Arena arena;
  auto question = TRY(read_question(context, arena));
  TRY(check_question(context, question.tree));
  TRY(admit(context, question));
  Value spec = question.tree["spec"];
  std::string problem, reason, unclear;
  auto info = question_of(spec, problem);
  bool self = context.served->resource->kind == "SelfSubjectAccessReview";
  auto decision = context.services.access->authorize(self ? context.user : user_of(spec), info, reason, &unclear);
  if (!unclear.empty()) problem = problem.empty() ? std::move(unclear) : concat(unclear, "; ", problem);
  Value status = Value::object(arena);
  status.set("allowed", decision == Decision::Allow);
  if (decision == Decision::Deny) status.set("denied", true);
  if (!reason.empty()) status.set("reason", std::string_view(reason));
  if (!problem.empty()) status.set("evaluationError", std::string_view(problem));
  question.tree.set("status", status);
  return answer(context, question.tree);
}

HandlerResult review_rules(Context& context) {
  Arena arena;
  auto question = TRY(read_question(context, arena));
  auto name_space = question.tree["spec"]["namespace"].as_string();
  if (name_space.empty()) return fail(bad_request("no namespace on request"));
  TRY(admit(context, question));
  auto held = context.services.access->rules_for(context.user, name_space);
  Value tree = Value::object(arena), status = tree.ensure_object("status");
  Value resources = status.ensure_list("resourceRules"), urls = status.ensure_list("nonResourceRules");
  for (const auto& rule : held.rules) {
    if (!rule.resources.empty()) {
      Value it = Value::object(arena);
      set_texts(it, "verbs", rule.verbs);
      set_texts(it, "apiGroups", rule.groups);
      set_texts(it, "resources", rule.resources);
      set_texts(it, "resourceNames", rule.names);
      resources.push(it);
    }
    if (!rule.urls.empty()) {
      Value it = Value::object(arena);
      set_texts(it, "verbs", rule.verbs);
      set_texts(it, "nonResourceURLs", rule.urls);
      urls.push(it);
    }
  }
  status.set("incomplete", held.incomplete);
  if (!held.problems.empty()) status.set("evaluationError", arena.copy(aggregated(held.problems)));
  tree.ensure_object("metadata");
  tree.ensure_object("spec");
  return answer(context, tree);
}

// ---- who somebody is ----

HandlerResult review_self(Context& context) {
  Arena arena;
  auto question = TRY(read_question(context, arena));
  TRY(admit(context, question));
  Value tree = Value::object(arena);
  tree.ensure_object("metadata").set("creationTimestamp", arena.copy(rfc3339(context.now_seconds())));
  set_user(tree.ensure_object("status").ensure_object("userInfo"), context.user);
  return answer(context, tree);
}

HandlerResult review_token(Context& context) {
  Arena arena;
  auto question = TRY(read_question(context, arena));
  Value spec = question.tree["spec"];
  auto token = spec["token"].as_string();
  if (token.empty()) return fail(bad_request("token is required for TokenReview in authentication"));
  TRY(admit(context, question));
  auto wanted = texts_of(spec["audiences"]);
  auto identity = context.services.access->authenticate_token(token, wanted.empty() ? nullptr : &wanted);
  Value status = Value::object(arena);
  if (identity && *identity) {
    status.set("authenticated", true);
    set_user(status.ensure_object("user"), (*identity)->user);
    // A token that says nothing of audiences is for the API server.
    const auto& ours = context.services.access->audiences();
    set_texts(status, "audiences", (*identity)->audiences.empty() ? ours : (*identity)->audiences);
  } else {
    constexpr std::string_view kInvalid = "invalid bearer token";
    status.ensure_object("user");
    status.set("error", identity ? kInvalid : arena.copy(concat("[", kInvalid, ", ", identity.error().message(), "]")));
  }
  question.tree.set("status", status);
  return answer(context, question.tree);
}

}  // namespace

HandlerResult handle_review(Context& context) {
  std::string_view kind = context.served->resource->kind;
  if (kind == "TokenReview") return review_token(context);
  if (kind == "SelfSubjectReview") return review_self(context);
  if (kind == "SelfSubjectRulesReview") return review_rules(context);
  return review_access(context);
}

}  // namespace sampan::apiserver
