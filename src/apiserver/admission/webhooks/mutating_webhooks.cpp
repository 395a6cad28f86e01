// MutatingAdmissionWebhook: others who change an object, one after another, each seeing what those before have made of it.
#include "apiserver/admission/derived.h"
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/webhooks/webhook.h"
#include "apiserver/audit/trail.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/patch/patch.h"

namespace sampan::apiserver {

using schema::Object;
using schema::Value;

namespace {

std::string quoted_pair(const Webhook& webhook) {
  std::string text = R"({"configuration":)";
  schema::write_json_string(text, webhook.configuration);
  text += R"(,"webhook":)";
  schema::write_json_string(text, webhook.name);
  return text;
}

class MutatingWebhooks final : public AdmissionPlugin {
 public:
  explicit MutatingWebhooks(const AdmissionParts& parts) : clock_(parts.clock), workers_(parts.workers), caller_(parts) {
    auto* store = parts.catalog.store_of("admissionregistration.k8s.io", "mutatingwebhookconfigurations");
    if (store) webhooks_.emplace(store->cache(), [](const store::Snapshot& all) { return webhooks_of(all, Webhook::Kind::Mutating); });
  }
  std::string_view name() const override { return "MutatingAdmissionWebhook"; }

  Result<void> mutate(const Attributes& attributes, Value object, const Object* old) override {
    if (!webhooks_ || is_beyond_webhooks(attributes)) return {};
    auto webhooks = webhooks_->get();
    if (webhooks->empty()) return {};
    Seen seen(attributes, object, old);
    auto& callers = attributes.mutations->webhooks;
    bool again = attributes.mutations->second_round;
    if (again && callers.output != TRY(shown(attributes, seen))) callers.make_due();
    for (size_t i = 0; i < webhooks->size(); i++) {
      const Webhook& webhook = *(*webhooks)[i];
      auto target = TRY(caller_.wanted(webhook, attributes, seen));
      // Who has not been asked in the first round is not asked in the second.
      if (!target || (again && !callers.due.contains(webhook.id()))) continue;
      TRY(call(webhook, attributes, *target, seen, i));
    }
    if (!callers.waiting.empty()) callers.output = TRY(shown(attributes, seen));
    return {};
  }

 private:
  static Result<std::string> shown(const Attributes& attributes, Seen& seen) { return json_of(TRY(seen.object()), target_of(attributes)); }

  // From here on the thread does little but wait.
  Result<void> call(const Webhook& webhook, const Attributes& attributes, const Target& target, Seen& seen, size_t index) {
    Waiting waiting(workers_);
    auto began_us = clock_.monotonic_us();
    auto place = concat("round_", attributes.mutations->second_round ? 1 : 0, "_index_", index);
    auto changed = change(webhook, attributes, target, seen, place);
    auto seconds = seconds_since(clock_, began_us);
    attributes.annotate(concat("mutation.webhook.admission.k8s.io/", place),
                        concat(quoted_pair(webhook), R"(,"mutated":)", changed && changed->mutated ? "true" : "false", "}"));
    auto& callers = attributes.mutations->webhooks;
    if (changed && changed->mutated) {
      callers.make_due();
      attributes.mutations->wants_second_round = true;
    }
    if (webhook.looks_again) callers.waiting.insert(webhook.id());
    if (!changed)
      return caller_.judge(webhook, std::move(changed).error(), attributes, seconds, concat("failed-open.mutation.webhook.admission.k8s.io/", place));
    caller_.pass_on(webhook, changed->answer, attributes, seconds);
    return {};
  }

  struct Change {
    ReviewAnswer answer;
    bool mutated = false;
  };
  std::expected<Change, Failure> change(const Webhook& webhook, const Attributes& attributes, const Target& target, Seen& seen, std::string_view place) {
    auto question = caller_.question(webhook, attributes, target, seen);
    if (!question) return std::unexpected(std::move(question).error());
    auto answer = caller_.ask(webhook, *question, attributes.deadline_us);
    if (!answer) return std::unexpected(std::move(answer).error());
    if (!answer->allowed) {
      caller_.pass_on(webhook, *answer, attributes, 0);
      auto denial = denied_by(webhook.name, std::move(answer->status));
      int code = denial.code();
      return std::unexpected(Failure{Failure::Kind::Denied, {}, std::move(denial), code});
    }
    Change change{std::move(*answer)};
    if (change.answer.patch.empty()) return change;
    Arena arena;
    auto patch = schema::parse_json(change.answer.patch, arena);
    if (!patch || (!patch->is_list() && !patch->is_null()))
      return std::unexpected(Failure::no_answer(concat("received undecodable patch in webhook response: ",
                                                       patch ? "json: cannot unmarshal object into Go value of type jsonpatch.Patch" : patch.error().message())));
    if (patch->empty()) return change;
    if (!seen.can_change())
      return std::unexpected(Failure::broken(internal_error(
          concat("admission webhook ", quoted(webhook.name), " attempted to modify the object, which is not supported for this operation"))));
    if (const auto& type = change.answer.patch_type; type != "JSONPatch")
      return std::unexpected(Failure::no_answer(concat("unsupported patch type ", quoted(type)), denied_by(webhook.name, std::move(change.answer.status)).code()));
    auto mutated = apply(target, seen, *patch, arena);
    if (!mutated) return std::unexpected(Failure::broken(internal_error(mutated.error().message())));
    change.mutated = *mutated;
    if (attributes.audit && attributes.audit->wants_request())
      attributes.annotate(concat("patch.webhook.admission.k8s.io/", place),
                          concat(quoted_pair(webhook), R"(,"patch":)", compact(*patch), R"(,"patchType":"JSONPatch"})"));
    return change;
  }

  static std::string compact(Value tree) {
    std::string text;
    schema::write_json(text, tree);
    return text;
  }

  // Whether the object is another one now.
  Result<bool> apply(const Target& target, Seen& seen, Value patch, Arena& arena) {
    auto before = TRY(seen.object_as(target));
    auto text = json_of(before, target);
    Value document = TRY(schema::parse_json(text, arena));
    Value patched = TRY(schema::json_patch(document, patch, arena)).clone(arena);
    schema::Conformance found;
    TRY(schema::conform(patched, *target.kind.type, found));
    patched.remove("apiVersion");
    patched.remove("kind");
    auto after = TRY(schema::freeze(patched, *target.kind.type));
    bool mutated = text != json_of(after, target);
    if (target.served->rules->defaults && target.kind.type == target.served->resource->type) target.served->rules->defaults(patched, target.kind.version);
    TRY(seen.replace(target, patched));
    return mutated;
  }

  Clock& clock_;
  Executor* const workers_;
  WebhookCaller caller_;
  std::optional<Derived<Webhooks>> webhooks_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> mutating_webhooks(const AdmissionParts& parts) {
  return std::make_unique<MutatingWebhooks>(parts);
}

}  // namespace sampan::apiserver
