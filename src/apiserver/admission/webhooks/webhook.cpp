#include "apiserver/admission/webhooks/webhook.h"

#include "apiserver/admission/plugin.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uuid.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;

namespace {

// The first of the webhook's versions that we speak.
std::string version_of_reviews(const AnyView& versions) {
  for (uint32_t i = 0; i < versions.size(); i++)
    if (auto version = versions.item(i).as_string(); version == "v1" || version == "v1beta1") return std::string(version);
  return {};
}

}  // namespace

Webhook::Webhook(const Object& object, const AnyView& webhook, Kind k)
    : configuration(object["metadata"]["name"].as_string()),
      name(webhook["name"].as_string()),
      kind(k),
      matching(webhook, webhook["rules"], {}, Matching::WithoutRules::Nothing),
      conditions(webhook["matchConditions"], compiler, {.params = false, .authorizer = true}),
      address(webhook_address(webhook["clientConfig"])),
      review_version(version_of_reviews(webhook["admissionReviewVersions"])),
      timeout_seconds(webhook["timeoutSeconds"].as_int()),
      fails_open(webhook["failurePolicy"].as_string() == "Ignore"),
      may_dry_run(webhook["sideEffects"].as_string() == "None" || webhook["sideEffects"].as_string() == "NoneOnDryRun"),
      looks_again(webhook["reinvocationPolicy"].as_string() == "IfNeeded") {}

Webhooks webhooks_of(const store::Snapshot& configurations, Webhook::Kind kind) {
  Webhooks webhooks;
  configurations.each({}, {}, [&](std::string_view, const schema::ObjectRef& object) {
    AnyView list = (*object)["webhooks"];
    for (uint32_t i = 0; i < list.size(); i++) webhooks.push_back(std::make_shared<const Webhook>(*object, list.item(i), kind));
    return true;
  });
  return webhooks;
}

Result<std::optional<Target>> WebhookCaller::wanted(const Webhook& webhook, const Attributes& attributes, Seen& seen) {
  auto target = TRY(webhook.matching.match(attributes, seen, catalog_));
  if (!target || webhook.conditions.empty()) return target;
  Arena arena;
  RequestersRights rights(access_, attributes.user);
  auto inputs = TRY(expression_inputs(attributes, *target, seen, rights, arena));
  bool mutating = webhook.kind == Webhook::Kind::Mutating;
  ConditionsOf of{metrics_, clock_, webhook.name, "webhook", mutating ? "admit" : "validating", attributes.operation};
  auto holds = webhook.conditions.hold(webhook.compiler, inputs, webhook.fails_open, of);
  if (!holds) return fail(refusal(attributes, schema::Value(), holds.error()));
  if (*holds) return target;
  if (!mutating) of.type = "validate";  // upstream has two words for it
  metrics_.excluded_by_conditions(of.counted());
  return std::nullopt;
}

std::expected<WebhookCaller::Question, Failure> WebhookCaller::question(const Webhook& webhook, const Attributes& attributes, const Target& target, Seen& seen) {
  if (attributes.dry_run && !webhook.may_dry_run)
    return std::unexpected(Failure::broken(bad_request(concat("admission webhook ", quoted(webhook.name), " does not support dry run"))));
  if (webhook.review_version.empty())
    return std::unexpected(Failure::no_answer("could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)", 400));
  Question question{new_uuid(random_), {}};
  auto text = review_request(attributes, target, seen, webhook.review_version, question.uid);
  if (!text) return std::unexpected(Failure::broken(internal_error(text.error().message())));
  question.text = std::move(*text);
  return question;
}

std::expected<ReviewAnswer, Failure> WebhookCaller::ask(const Webhook& webhook, const Question& question, int64_t deadline_us) {
  auto left_us = deadline_us == INT64_MAX ? deadline_us : deadline_us - clock_.monotonic_us();
  if (webhook.timeout_seconds > 0) left_us = std::min(left_us, webhook.timeout_seconds * 1'000'000);
  auto text = calls_.post(webhook.address, question.text, left_us);
  if (!text) return std::unexpected(Failure::no_answer(concat("failed to call webhook: ", text.error().why), text.error().code));
  auto answer = read_review(*text, webhook.review_version, question.uid, webhook.kind == Webhook::Kind::Mutating);
  if (!answer) {
    auto prefix = answer.error().readable ? "received invalid webhook response: " : "failed to call webhook: ";
    return std::unexpected(Failure::no_answer(concat(prefix, answer.error().why)));
  }
  return std::move(*answer);
}

AdmissionMetrics::Call WebhookCaller::counted(const Webhook& webhook, const Attributes& attributes, double seconds) const {
  return {.name = webhook.name,
          .type = webhook.kind == Webhook::Kind::Mutating ? "admit" : "validating",
          .operation = operation_text(attributes.operation),
          .seconds = seconds};
}

void WebhookCaller::pass_on(const Webhook& webhook, const ReviewAnswer& answer, const Attributes& attributes, double seconds) {
  for (const auto& [key, value] : answer.annotations) attributes.annotate(concat(webhook.name, "/", key), value);
  if (attributes.warnings) attributes.warnings->insert(attributes.warnings->end(), answer.warnings.begin(), answer.warnings.end());
  if (!answer.allowed) return;
  auto call = counted(webhook, attributes, seconds);
  call.code = 200;
  metrics_.webhook_called(call);
}

Result<void> WebhookCaller::judge(const Webhook& webhook, Failure failure, const Attributes& attributes, double seconds, std::string_view failed_open_key) {
  auto call = counted(webhook, attributes, seconds);
  bool silent = failure.kind == Failure::Kind::NoAnswer;
  call.rejected = !silent || !webhook.fails_open;
  call.code = failure.code;
  metrics_.webhook_called(call);
  if (call.rejected)
    metrics_.webhook_rejected(call, silent ? "calling_webhook_error" : failure.kind == Failure::Kind::Denied ? "no_error" : "apiserver_internal_error");
  if (!silent) return fail(std::move(*failure.error));
  auto why = concat("failed calling webhook ", quoted(webhook.name), ": ", failure.why);
  LOG_WARNING("Failed calling webhook, failing ", webhook.fails_open ? "open " : "closed ", webhook.name, ": ", why);
  if (!webhook.fails_open) return fail(internal_error(std::move(why)));
  metrics_.webhook_failed_open(call.name, call.type);
  attributes.annotate(failed_open_key, webhook.name);
  return {};
}

}  // namespace sampan::apiserver
