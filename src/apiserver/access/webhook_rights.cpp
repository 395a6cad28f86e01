// Rights that somebody else decides on.
#include "apiserver/access/match_conditions.h"
#include "apiserver/access/webhook_client.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/selectors.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

void set_selectors(Value attributes, const RequestInfo& request, Arena& arena) {
  auto add = [&](std::string_view selector, std::string_view key, std::string_view op, std::span<const std::string> values) {
    Value it = Value::object(arena);
    it.set("key", arena.copy(key));
    it.set("operator", op);
    for (const auto& value : values) it.ensure_list("values").push(arena.copy(value));
    attributes.ensure_object(selector).ensure_list("requirements").push(it);
  };
  if (auto fields = registry::FieldSelector::parse(request.field_selector))
    for (const auto& it : fields->requirements()) {
      std::string value(it.value);
      add("fieldSelector", it.label, it.equal ? "In" : "NotIn", {&value, 1});
    }
  if (auto labels = registry::LabelSelector::parse(request.label_selector))
    for (const auto& it : labels->terms())
      if (it.operator_name != "Gt" && it.operator_name != "Lt") add("labelSelector", it.key, it.operator_name, it.values);
}

namespace {

constexpr size_t kKeptQuestionBytes = 10'000;  // of what the sender makes up: a larger question may be meant to fill the memory

struct Opinion {
  Decision decision = Decision::NoOpinion;
  std::string reason, error;
};

class WebhookRights final : public Authorizer {
 public:
  WebhookRights(std::unique_ptr<WebhookClient> webhook, MatchConditions conditions, WebhookConfig config, std::string name, Clock& clock,
                AccessMetrics& metrics)
      : webhook_(std::move(webhook)),
        conditions_(std::move(conditions)),
        config_(std::move(config)),
        name_(std::move(name)),
        clock_(clock),
        metrics_(metrics),
        kept_(clock) {}

  Decision authorize(const User& user, const RequestInfo& request, std::string& reason) override {
    std::string error;
    return try_authorize(user, request, reason, error);
  }

  Decision try_authorize(const User& user, const RequestInfo& request, std::string& reason, std::string& error) override {
    if (!conditions_.empty()) {
      auto outcome = judge(user, request, error);
      if (outcome == MatchConditions::Outcome::Excluded) return Decision::NoOpinion;
      if (outcome == MatchConditions::Outcome::Failed) return config_.denies_on_failure ? Decision::Deny : Decision::NoOpinion;
    }
    std::string body = question(user, request);
    auto opinion = kept_.find(body);
    if (!opinion) {
      std::string_view result;
      auto answer = ask(body, result);
      if (!answer) {
        LOG_ERROR("Failed to make webhook authorizer request: ", answer.error().message());
        error = answer.error().message();
        if (config_.denies_on_failure) return Decision::Deny;
        metrics_.webhook_failed_open(name_, result);
        return Decision::NoOpinion;
      }
      if (may_be_kept(request)) kept_.keep(body, *answer, answer->decision == Decision::Allow ? config_.allowed_ttl_us : config_.denied_ttl_us);
      opinion = std::move(*answer);
    }
    reason = opinion->reason;
    error = opinion->error;
    return opinion->decision;
  }

  void rules_for(const User&, std::string_view, SubjectRules& out) override {
    out.incomplete = true;
    out.problems.emplace_back("webhook authorizer does not support user rule resolution");
  }

 private:
  static bool may_be_kept(const RequestInfo& request) {
    size_t size = 0;
    for (const auto* text : {&request.name_space, &request.verb, &request.group, &request.version, &request.resource, &request.subresource,
                             &request.name, &request.path})
      size += text->size();
    return size < kKeptQuestionBytes;
  }

  MatchConditions::Outcome judge(const User& user, const RequestInfo& request, std::string& error) {
    const int64_t began_us = clock_.monotonic_us();
    auto outcome = conditions_.judge(user, request, error);
    metrics_.conditions_judged(name_, seconds_since(clock_, began_us), outcome == MatchConditions::Outcome::Failed,
                               outcome == MatchConditions::Outcome::Excluded);
    return outcome;
  }

  std::string question(const User& user, const RequestInfo& request) const {
    Arena arena;
    Value tree = review("authorization.k8s.io", config_.version, "SubjectAccessReview", arena), spec = tree.ensure_object("spec");
    if (request.is_resource) {
      Value of = spec.ensure_object("resourceAttributes");
      auto set = [&](std::string_view member, const std::string& text) {
        if (!text.empty()) of.set(member, std::string_view(text));
      };
      set("namespace", request.name_space);
      set("verb", request.verb);
      set("group", request.group);
      set("version", request.version);
      set("resource", request.resource);
      set("subresource", request.subresource);
      set("name", request.name);
      set_selectors(of, request, arena);
    } else {
      Value of = spec.ensure_object("nonResourceAttributes");
      of.set("path", std::string_view(request.path));
      of.set("verb", std::string_view(request.verb));
    }
    spec.set("user", std::string_view(user.name));
    if (!user.groups.empty()) spec.set(config_.version == "v1" ? "groups" : "group", list_of(user.groups, arena));
    for (const auto& [key, values] : user.extra) spec.ensure_object("extra").set(key, list_of(values, arena));
    if (!user.uid.empty()) spec.set("uid", std::string_view(user.uid));
    std::string body;
    schema::write_json(body, tree);
    return body;
  }

  Result<Opinion> ask(const std::string& body, std::string_view& result) {
    Arena arena;
    std::string text;
    Value status = TRY(webhook_->ask(body, text, arena, [&](std::string_view came_to, double seconds) {
      result = came_to;
      metrics_.webhook_asked(name_, came_to, seconds);
    }));
    bool allowed = status["allowed"].as_bool(), denied = status["denied"].as_bool();
    Opinion opinion;
    opinion.decision = denied ? Decision::Deny : allowed ? Decision::Allow : Decision::NoOpinion;
    opinion.reason = status["reason"].as_string();
    if (allowed && denied) opinion.error = "webhook subject access review returned both allow and deny response";
    return opinion;
  }

  std::unique_ptr<WebhookClient> webhook_;
  const MatchConditions conditions_;
  const WebhookConfig config_;
  const std::string name_;
  Clock& clock_;
  AccessMetrics& metrics_;
  Kept<Opinion> kept_;
};

}  // namespace

Result<std::unique_ptr<Authorizer>> webhook_authorizer(WebhookConfig config, std::string name, Clock& clock, AccessMetrics& metrics) {
  std::vector<cel::Program> conditions;
  for (const auto& text : config.match_conditions) {
    conditions.push_back(match_condition(text));
    if (!conditions.back().checked) return fail(bad_request(conditions.back().checked.error().reason));
  }
  auto webhook = TRY(WebhookClient::open(config));
  return std::make_unique<WebhookRights>(std::move(webhook), MatchConditions(std::move(conditions)), std::move(config), std::move(name), clock, metrics);
}

}  // namespace sampan::apiserver
