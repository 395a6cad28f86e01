#include "apiserver/access/metrics.h"

#include <openssl/evp.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kDecisionLabels[] = {"type", "name", "decision"};
constexpr std::string_view kWebhookLabels[] = {"name", "result"};
constexpr std::string_view kReloadLabels[] = {"status", "apiserver_id_hash"};
constexpr std::string_view kConditionLabels[] = {"type", "name"};
constexpr double kConditionSeconds[] = {0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25};
constexpr double kSeconds[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

std::string sha256(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  return std::string(reinterpret_cast<char*>(digest), size);
}

std::string shown_hash(std::string_view text) { return text.empty() ? std::string() : concat("sha256:", hex(sha256(text))); }

// An API server is known by the host it runs on: "kube-apiserver-" and 16 bytes of a hash in base 32.
std::string server_identity() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) return {};
  constexpr std::string_view kDigits = "abcdefghijklmnopqrstuvwxyz234567";
  std::string out = "kube-apiserver-", hash = sha256(host).substr(0, 16);
  unsigned bits = 0, count = 0;
  for (char c : hash) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 5; count -= 5) out += kDigits[bits >> (count - 5) & 31];
  }
  if (count) out += kDigits[bits << (5 - count) & 31];
  return out;
}

constexpr std::string_view kConfigInfo = "apiserver_authorization_config_controller_last_config_info";

}  // namespace

AccessMetrics::AccessMetrics()
    : decisions_({"apiserver_authorization_decisions_total",
                  "[ALPHA] Total number of terminal decisions made by an authorizer split by authorizer type, name, and decision.",
                  MetricKind::Counter, kDecisionLabels}),
      webhook_evaluations_({"apiserver_authorization_webhook_evaluations_total", "[ALPHA] Round-trips to authorization webhooks.",
                            MetricKind::Counter, kWebhookLabels}),
      webhook_durations_({"apiserver_authorization_webhook_duration_seconds", "[ALPHA] Request latency in seconds.", MetricKind::Histogram,
                          kWebhookLabels, kSeconds}),
      webhook_fail_open_({"apiserver_authorization_webhook_evaluations_fail_open_total",
                          "[ALPHA] NoOpinion results due to webhook timeout or error.", MetricKind::Counter, kWebhookLabels}),
      condition_errors_({"apiserver_authorization_match_condition_evaluation_errors_total",
                         "[ALPHA] Total number of errors when an authorization webhook encounters a match condition error split by authorizer type and name.",
                         MetricKind::Counter, kConditionLabels}),
      condition_exclusions_({"apiserver_authorization_match_condition_exclusions_total",
                             "[ALPHA] Total number of exclusions when an authorization webhook is skipped because match conditions exclude it.",
                             MetricKind::Counter, kConditionLabels}),
      condition_seconds_({"apiserver_authorization_match_condition_evaluation_seconds",
                          "[ALPHA] Authorization match condition evaluation time in seconds, split by authorizer type and name.", MetricKind::Histogram,
                          kConditionLabels, kConditionSeconds}),
      reloads_({"apiserver_authorization_config_controller_automatic_reloads_total",
                "[BETA] Total number of automatic reloads of authorization configuration split by status and apiserver identity.",
                MetricKind::Counter, kReloadLabels}),
      reload_times_({"apiserver_authorization_config_controller_automatic_reload_last_timestamp_seconds",
                     "[BETA] Timestamp of the last automatic reload of authorization configuration split by status and apiserver identity.",
                     MetricKind::Gauge, kReloadLabels}),
      server_hash_(shown_hash(server_identity())) {}

void AccessMetrics::webhook_asked(std::string_view name, std::string_view result, double seconds) {
  webhook_evaluations_.with({name, result}).add();
  webhook_durations_.with({name, result}).observe(seconds);
}

void AccessMetrics::conditions_judged(std::string_view name, double seconds, bool failed, bool excluded) {
  condition_seconds_.with({"Webhook", name}).observe(seconds);
  if (failed) condition_errors_.with({"Webhook", name}).add();
  if (excluded) condition_exclusions_.with({"Webhook", name}).add();
}

void AccessMetrics::config_in_use(std::string_view text) {
  std::lock_guard lock(mutex_);
  config_hash_ = shown_hash(text);
}

void AccessMetrics::config_reloaded(bool well, int64_t now_us) {
  std::string_view status = well ? "success" : "failure";
  reloads_.with({status, server_hash_}).add();
  reload_times_.with({status, server_hash_}).set(now_us / 1'000'000);
}

void AccessMetrics::write(std::string& out) const {
  for (const auto* family : {&decisions_, &webhook_evaluations_, &webhook_durations_, &webhook_fail_open_, &condition_errors_,
                             &condition_exclusions_, &condition_seconds_, &reloads_, &reload_times_}) family->write(out);
  std::lock_guard lock(mutex_);
  if (config_hash_.empty()) return;
  write_metric_head(out, kConfigInfo,
                    "[ALPHA] Information about the last applied authorization configuration with hash as label, split by apiserver identity.",
                    MetricKind::Gauge);
  write_metric(out, kConfigInfo, {{"apiserver_id_hash", server_hash_}, {"hash", config_hash_}}, 1);
}

}  // namespace sampan::apiserver
