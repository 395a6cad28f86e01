#include "cmd/audit_options.h"

#include <cstdlib>

#include "base/log.h"
#include "base/text.h"
#include "client/kubeconfig.h"
#include "cluster/certificates.h"

namespace sampan::cmd {

namespace {

using apiserver::AuditBatching;
using apiserver::AuditDelivery;
using apiserver::AuditMode;
using apiserver::AuditTruncation;

constexpr unsigned kWebhookSenders = 4;  // so that one slow answer does not hold up the rest

Error complaint(std::string text) { return bad_request(std::move(text)); }

// The flags of one backend: --audit-log-... or --audit-webhook-...
class DeliveryFlags {
 public:
  DeliveryFlags(const FlagSet& flags, std::string_view plugin) : flags_(flags), plugin_(plugin) {}

  Result<AuditDelivery> read() const {
    AuditDelivery out;
    out.mode = TRY(mode());
    if (out.mode == AuditMode::Batch) out.batching = TRY(batching());
    out.truncation = TRY(truncation());
    if (auto version = flags_.text(name("version")); version != "audit.k8s.io/v1")
      return fail(complaint("invalid group version, allowed versions are [\"audit.k8s.io/v1\"]"));
    return out;
  }

 private:
  std::string name(std::string_view rest) const { return concat("audit-", plugin_, "-", rest); }

  Result<AuditMode> mode() const {
    auto text = flags_.text(name("mode"));
    if (text == "batch") return AuditMode::Batch;
    if (text == "blocking") return AuditMode::Blocking;
    if (text == "blocking-strict") return AuditMode::BlockingStrict;
    return fail(complaint(concat("invalid audit ", plugin_, " mode ", text, ", allowed modes are \"batch,blocking,blocking-strict\"")));
  }

  Result<AuditBatching> batching() const {
    auto positive = [&](std::string_view what, std::string_view value, bool good) -> Result<void> {
      if (good) return {};
      return fail(complaint(concat("invalid audit batch ", plugin_, " ", what, " ", value, ", must be a positive number")));
    };
    AuditBatching out;
    auto waiting = flags_.number(name("batch-buffer-size")), events = flags_.number(name("batch-max-size"));
    TRY(positive("buffer size", concat(waiting), waiting > 0));
    TRY(positive("max batch size", concat(events), events > 0));
    out.events_waiting_max = static_cast<size_t>(waiting);
    out.batch_events_max = static_cast<size_t>(events);
    out.batch_wait_us = flags_.nanoseconds(name("batch-max-wait")) / 1000;
    out.throttled = flags_.is_true(name("batch-throttle-enable"));
    auto rate = flags_.text(name("batch-throttle-qps"));
    out.batches_per_second = std::strtod(rate.c_str(), nullptr);
    out.batches_burst = static_cast<int>(flags_.number(name("batch-throttle-burst")));
    if (out.throttled) {
      TRY(positive("throttle QPS", rate, out.batches_per_second > 0));
      TRY(positive("throttle burst", concat(out.batches_burst), out.batches_burst > 0));
    }
    return out;
  }

  Result<AuditTruncation> truncation() const {
    AuditTruncation out{flags_.is_true(name("truncate-enabled")), flags_.number(name("truncate-max-event-size")),
                        flags_.number(name("truncate-max-batch-size"))};
    if (out.event_bytes_max <= 0)
      return fail(complaint(concat("invalid audit truncate ", plugin_, " max event size ", out.event_bytes_max, ", must be a positive number")));
    if (out.batch_bytes_max < out.event_bytes_max)
      return fail(complaint(concat("invalid audit truncate ", plugin_, " max batch size ", out.batch_bytes_max,
                                   ", must be greater than max event size (", out.event_bytes_max, ")")));
    return out;
  }

  const FlagSet& flags_;
  const std::string_view plugin_;
};

Result<apiserver::AuditLogConfig> read_log(const FlagSet& flags) {
  apiserver::AuditLogConfig out;
  out.path = flags.text("audit-log-path");
  out.delivery = TRY(DeliveryFlags(flags, "log").read());
  auto format = flags.text("audit-log-format");
  if (format != "json" && format != "legacy")
    return fail(complaint(concat("invalid audit log format ", format, ", allowed formats are \"legacy,json\"")));
  out.legacy = format == "legacy";
  for (std::string_view name : {"audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize"})
    if (auto number = flags.number(name); number < 0) return fail(complaint(concat("--", name, " ", number, " can't be a negative number")));
  out.age_days_max = flags.number("audit-log-maxage");
  out.files_max = flags.number("audit-log-maxbackup");
  out.file_bytes_max = flags.number("audit-log-maxsize") * 1024 * 1024;
  out.compress = flags.is_true("audit-log-compress");
  return out;
}

Result<apiserver::AuditWebhookConfig> read_webhook(const FlagSet& flags) {
  apiserver::AuditWebhookConfig out;
  out.delivery = TRY(DeliveryFlags(flags, "webhook").read());
  out.delivery.batching.senders = kWebhookSenders;
  out.initial_backoff_us = flags.nanoseconds("audit-webhook-initial-backoff") / 1000;
  auto kubeconfig = client::load_kubeconfig(flags.text("audit-webhook-config-file"));
  if (!kubeconfig) return fail(complaint(concat("initializing audit webhook: ", kubeconfig.error().message())));
  out.server.url = kubeconfig->server;
  out.server.server_name = kubeconfig->server_name;
  out.server.tls = kubeconfig->tls;
  out.server.token = kubeconfig->token;
  return out;
}

}  // namespace

Result<apiserver::AuditConfig> audit_options(const FlagSet& flags) {
  apiserver::AuditConfig out;
  if (auto path = flags.text("audit-policy-file"); !path.empty()) {
    auto text = cluster::read_file(path);
    if (!text) return fail(complaint(concat("loading audit policy file: failed to read file path ", quoted(path), ": ", text.error().message())));
    auto policy = apiserver::AuditPolicy::read(*text);
    if (!policy) return fail(complaint(concat("loading audit policy file: ", policy.error().message(), ": from file ", path)));
    out.policy = std::move(*policy);
  }
  if (!flags.text("audit-log-path").empty()) out.log = TRY(read_log(flags));
  if (!flags.text("audit-webhook-config-file").empty()) out.webhook = TRY(read_webhook(flags));
  if (!out.policy && (out.log || out.webhook)) LOG_WARNING("No audit policy file provided, no events will be recorded");
  return out;
}

}  // namespace sampan::cmd
