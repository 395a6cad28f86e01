// Events as EventLists to a server elsewhere.
#include <chrono>
#include <condition_variable>

#include "apiserver/audit/backend.h"
#include "base/text.h"
#include "net/client.h"

namespace sampan::apiserver {

namespace {

constexpr int kTries = 5;
constexpr double kBackoffFactor = 1.5, kBackoffJitter = 0.2;
constexpr int64_t kTimeout_ms = 30'000;

class AuditWebhook final : public AuditBackend {
 public:
  AuditWebhook(std::unique_ptr<net::Client> client, net::ClientRequest request, int64_t backoff_us, Random& random, AuditCounts& counts)
      : client_(std::move(client)), request_(std::move(request)), backoff_us_(backoff_us), random_(random), counts_(counts) {}

  bool process(std::span<const AuditEventRef> events) override {
    auto request = request_;
    request.body = R"({"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[)";
    for (const auto& event : events) append(request.body, event == events.front() ? "" : ",", event->json());
    request.body += "]}\n";
    double pause_us = static_cast<double>(backoff_us_);
    for (int tries = 1;; tries++) {
      auto why = send(request);
      if (why.empty()) return true;
      if (tries == kTries || !pause(pause_us)) {
        counts_.lost("webhook", why, events);
        return false;
      }
      pause_us *= kBackoffFactor;
    }
  }
  bool waits() const override { return true; }

  // A server that is not there must not hold up the end.
  void stop() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stop_.notify_all();
  }

 private:
  std::string send(const net::ClientRequest& request) {  // "": it has them
    auto answer = client_->send(request);
    if (!answer) return answer.error().message();
    if (answer->status >= 200 && answer->status < 300) return {};
    return concat("the server answered ", answer->status);
  }

  bool pause(double us) {
    double jitter = 1 + kBackoffJitter * static_cast<double>(random_.below(1000)) / 1000;
    std::unique_lock lock(mutex_);
    return !stop_.wait_for(lock, std::chrono::microseconds(static_cast<int64_t>(us * jitter)), [&] { return stopping_; });
  }

  const std::unique_ptr<net::Client> client_;
  const net::ClientRequest request_;
  const int64_t backoff_us_;
  Random& random_;
  AuditCounts& counts_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
};

}  // namespace

Result<std::unique_ptr<AuditBackend>> audit_webhook(const AuditWebhookConfig& config, Random& random, AuditCounts& counts) {
  auto url = TRY(net::parse_url(config.server.url));
  net::ClientOptions options;
  options.tls = config.server.tls;
  options.user_agent = "kube-apiserver";
  net::ClientRequest request;
  request.method = "POST";
  request.endpoint = url.endpoint;
  if (!config.server.server_name.empty()) request.endpoint.server_name = config.server.server_name;
  request.target = url.target;
  request.headers = {{"content-type", "application/json"}, {"accept", "application/json"}};
  if (!config.server.token.empty()) request.headers.emplace_back("authorization", concat("Bearer ", config.server.token));
  request.timeout_ms = kTimeout_ms;
  return std::make_unique<AuditWebhook>(TRY(net::Client::create(std::move(options))), std::move(request), config.initial_backoff_us, random, counts);
}

}  // namespace sampan::apiserver
