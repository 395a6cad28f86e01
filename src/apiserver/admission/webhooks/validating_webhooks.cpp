// ValidatingAdmissionWebhook: others who judge a finished object. All who are meant are asked at the same time.
#include <system_error>
#include <thread>

#include "apiserver/admission/derived.h"
#include "apiserver/admission/plugin.h"
#include "apiserver/admission/webhooks/webhook.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::Object;

namespace {

constexpr std::string_view kFailedOpen = "failed-open.validating.webhook.admission.k8s.io/round_0_index_";

struct Call {
  std::shared_ptr<const Webhook> webhook;
  std::expected<WebhookCaller::Question, Failure> question;
  std::expected<ReviewAnswer, Failure> answer = std::unexpected(Failure{});
  double seconds = 0;
};

class ValidatingWebhooks final : public AdmissionPlugin {
 public:
  explicit ValidatingWebhooks(const AdmissionParts& parts) : clock_(parts.clock), workers_(parts.workers), caller_(parts) {
    auto* store = parts.catalog.store_of("admissionregistration.k8s.io", "validatingwebhookconfigurations");
    if (store) webhooks_.emplace(store->cache(), [](const store::Snapshot& all) { return webhooks_of(all, Webhook::Kind::Validating); });
  }
  std::string_view name() const override { return "ValidatingAdmissionWebhook"; }

  Result<void> validate(const Attributes& attributes, const Object* object, const Object* old) override {
    if (!webhooks_ || is_beyond_webhooks(attributes)) return {};
    auto webhooks = webhooks_->get();
    if (webhooks->empty()) return {};
    auto calls = TRY(calls_for(*webhooks, attributes, object, old));
    if (calls.empty()) return {};
    make(calls, attributes.deadline_us);
    std::optional<Error> first;
    for (size_t i = 0; i < calls.size(); i++)
      if (auto judged = judge(calls[i], attributes, i); !judged && !first) first = std::move(judged).error();
    if (first) return fail(std::move(*first));
    return {};
  }

 private:
  Result<std::vector<Call>> calls_for(const Webhooks& webhooks, const Attributes& attributes, const Object* object, const Object* old) {
    std::vector<Call> calls;
    Seen seen(attributes, object, old);
    for (const auto& webhook : webhooks) {
      auto target = TRY(caller_.wanted(*webhook, attributes, seen));
      if (target) calls.push_back({webhook, caller_.question(*webhook, attributes, *target, seen)});
    }
    return calls;
  }

  void make(std::vector<Call>& calls, int64_t deadline_us) {
    Waiting waiting(workers_);
    auto ask = [this, deadline_us](Call& call) {
      auto began_us = clock_.monotonic_us();
      call.answer = caller_.ask(*call.webhook, *call.question, deadline_us);
      call.seconds = seconds_since(clock_, began_us);
    };
    std::vector<std::jthread> others;
    Call* own = nullptr;
    for (auto& call : calls) {
      if (!call.question) continue;
      if (!own) {
        own = &call;
        continue;
      }
      try {
        others.emplace_back(ask, std::ref(call));
      } catch (const std::system_error&) {
        ask(call);  // the machine has no more threads for us: one after another, then
      }
    }
    if (own) ask(*own);
  }

  Result<void> judge(Call& call, const Attributes& attributes, size_t index) {
    const Webhook& webhook = *call.webhook;
    auto key = concat(kFailedOpen, index);
    if (!call.question) return caller_.judge(webhook, std::move(call.question).error(), attributes, 0, key);
    if (!call.answer) return caller_.judge(webhook, std::move(call.answer).error(), attributes, call.seconds, key);
    caller_.pass_on(webhook, *call.answer, attributes, call.seconds);
    if (call.answer->allowed) return {};
    auto denial = denied_by(webhook.name, std::move(call.answer->status));
    int code = denial.code();
    return caller_.judge(webhook, {Failure::Kind::Denied, {}, std::move(denial), code}, attributes, call.seconds, key);
  }

  Clock& clock_;
  Executor* const workers_;
  WebhookCaller caller_;
  std::optional<Derived<Webhooks>> webhooks_;
};

}  // namespace

std::unique_ptr<AdmissionPlugin> validating_webhooks(const AdmissionParts& parts) {
  return std::make_unique<ValidatingWebhooks>(parts);
}

}  // namespace sampan::apiserver
