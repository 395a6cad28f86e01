// One webhook of a configuration, and what asking it comes to.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apiserver/admission/admission_metrics.h"
#include "apiserver/admission/expressions.h"
#include "apiserver/admission/matching.h"
#include "apiserver/admission/review.h"
#include "apiserver/admission/webhooks/calls.h"

namespace sampan::apiserver {

struct Webhook {
  enum class Kind : uint8_t { Mutating, Validating };
  Webhook(const schema::Object& configuration, const schema::AnyView& webhook, Kind kind);

  std::string configuration, name;
  Kind kind;
  Matching matching;
  cel::admission::Compiler compiler{cel::admission::Compiler::Composition::None};
  MatchConditions conditions;
  WebhookAddress address;
  std::string review_version;  // "" = none that we speak
  int64_t timeout_seconds = 0;
  bool fails_open = false;     // without an answer the request goes on
  bool may_dry_run = false;    // has no side effects that a dry run must not have
  bool looks_again = false;    // wants to see what others make of the object

  std::string id() const { return configuration + "/" + name; }
};
using Webhooks = std::vector<std::shared_ptr<const Webhook>>;

// In the order of their configurations' names.
Webhooks webhooks_of(const store::Snapshot& configurations, Webhook::Kind kind);

// Why there is no answer that lets the request go on.
struct Failure {
  enum class Kind : uint8_t { NoAnswer, Denied, Broken };
  static Failure no_answer(std::string why, int code = 503) { return {Kind::NoAnswer, std::move(why), {}, code}; }
  static Failure broken(Error error) { return {Kind::Broken, {}, std::move(error), 0}; }
  Kind kind;
  std::string why;              // of NoAnswer
  std::optional<Error> error;   // of the others
  int code = 500;
};

class WebhookCaller {
 public:
  explicit WebhookCaller(const AdmissionParts& parts)
      : catalog_(parts.catalog), access_(parts.access), random_(parts.random), clock_(parts.clock), metrics_(*parts.metrics), calls_(parts.catalog) {}

  // As what the webhook wants to be asked about the request, if it does.
  Result<std::optional<Target>> wanted(const Webhook& webhook, const Attributes& attributes, Seen& seen);

  struct Question {
    std::string uid, text;
  };
  // Put together first, for a request's objects are one thread's.
  std::expected<Question, Failure> question(const Webhook& webhook, const Attributes& attributes, const Target& target, Seen& seen);
  std::expected<ReviewAnswer, Failure> ask(const Webhook& webhook, const Question& question, int64_t deadline_us);

  // The answer's warnings and annotations, and what was counted; of a failure what it means for the request: nothing, if the webhook fails open, which
  // `failed_open` is told.
  void pass_on(const Webhook& webhook, const ReviewAnswer& answer, const Attributes& attributes, double seconds);
  Result<void> judge(const Webhook& webhook, Failure failure, const Attributes& attributes, double seconds, std::string_view failed_open_key);

 private:
  AdmissionMetrics::Call counted(const Webhook& webhook, const Attributes& attributes, double seconds) const;

  Catalog& catalog_;
  Access& access_;
  Random& random_;
  Clock& clock_;
  AdmissionMetrics& metrics_;
  WebhookCalls calls_;
};

}  // namespace sampan::apiserver
