// Where noted events go: a log file, a webhook, or both; each written at once or in batches.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "apiserver/access/webhooks.h"
#include "apiserver/audit/event.h"
#include "base/environment.h"
#include "base/metrics.h"
#include "base/status.h"

namespace sampan::apiserver {

enum class AuditMode : uint8_t {
  Batch,           // later, many at once; what finds no place is lost
  Blocking,        // before the answer
  BlockingStrict,  // and what cannot be noted when it comes in is refused
};

struct AuditBatching {
  size_t events_waiting_max = 10'000, batch_events_max = 400;
  int64_t batch_wait_us = 30'000'000;
  bool throttled = true;
  double batches_per_second = 10;
  int batches_burst = 15;
  unsigned senders = 1;  // that send at the same time
};

struct AuditTruncation {
  bool enabled = false;
  int64_t event_bytes_max = 100 * 1024, batch_bytes_max = 10 * 1024 * 1024;
};

struct AuditDelivery {
  AuditMode mode = AuditMode::Blocking;
  AuditBatching batching;
  AuditTruncation truncation;
};

struct AuditLogConfig {
  std::string path;  // "-": standard output
  int64_t age_days_max = 366, files_max = 100, file_bytes_max = 100 * 1024 * 1024;  // of old files; 0: no limit
  bool compress = false;
  bool legacy = false;  // one line of text instead of JSON
  AuditDelivery delivery;
};

struct AuditWebhookConfig {
  WebhookConfig server;
  int64_t initial_backoff_us = 10'000'000;
  AuditDelivery delivery;
};

// What was counted, and the word in the log for events that were lost.
class AuditCounts {
 public:
  AuditCounts();
  void lost(std::string_view plugin, std::string_view why, std::span<const AuditEventRef> events);
  void event() { events_.with({}).add(); }
  void level(AuditLevel level) { levels_.with({name_of(level)}).add(); }
  void rejected() { rejected_.with({}).add(); }
  void write(std::string& out) const;

 private:
  MetricFamily events_, errors_, levels_, rejected_;
};

class AuditBackend {
 public:
  virtual ~AuditBackend() = default;
  // From any thread. False: not all are noted.
  virtual bool process(std::span<const AuditEventRef> events) = 0;
  // May process() take long? Then threads that have others to look after do not call it.
  virtual bool waits() const = 0;
  // Does it go on with events after process()?
  virtual bool keeps() const { return false; }
  // From now on nothing is waited for; what has come is noted or lost when it returns.
  virtual void stop() {}
};

Result<std::unique_ptr<AuditBackend>> audit_log(const AuditLogConfig& config, Clock& clock, AuditCounts& counts);
Result<std::unique_ptr<AuditBackend>> audit_webhook(const AuditWebhookConfig& config, Random& random, AuditCounts& counts);
// What the delivery asks for, around what writes or sends.
std::unique_ptr<AuditBackend> audit_delivery(std::unique_ptr<AuditBackend> backend, const AuditDelivery& delivery, AuditCounts& counts);

}  // namespace sampan::apiserver
