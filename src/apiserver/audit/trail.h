// Auditing: what a request leaves behind. A trail is made where the user is known, filled on the request's way, and noted at its stages.
#pragma once
#include <memory>
#include <optional>

#include "apiserver/audit/backend.h"
#include "apiserver/audit/policy.h"
#include "schema/object.h"
#include "schema/value.h"

namespace sampan::apiserver {

struct AuditConfig {
  std::optional<AuditPolicy> policy;  // without one nothing is noted
  std::optional<AuditLogConfig> log;
  std::optional<AuditWebhookConfig> webhook;
};

class Auditor;

// Of one request whose level is at least Metadata. By one thread at a time.
class AuditTrail {
 public:
  AuditTrail(Auditor& auditor, const AuditVerdict& verdict, AuditEvent event) : auditor_(auditor), verdict_(verdict), event_(std::move(event)) {}

  // False: it could not be noted, and the request must not go on.
  bool reach(AuditStage stage);

  void impersonates(const User& user, std::string_view constraint);
  void annotate(std::string_view key, std::string_view value);  // the first value stays
  void allowed(bool allowed, std::string_view reason);          // by authorisation

  bool wants_request() const { return event_.level >= AuditLevel::Request; }
  bool wants_response() const { return event_.level >= AuditLevel::RequestResponse; }
  // What the object that was sent says of itself, as far as the path did not.
  void refers_to(schema::Value metadata);
  void set_request(std::string json);
  void set_response(std::string json);
  void answered_with(const Error& error);
  void answered_with(schema::Value status);  // a Status
  void answered(int code);

 private:
  std::shared_ptr<const std::string> kept(std::string json) const;

  Auditor& auditor_;
  const AuditVerdict verdict_;
  AuditEvent event_;
};

class Auditor {
 public:
  // Null: there is no policy, or nowhere to write to.
  static Result<std::unique_ptr<Auditor>> create(const AuditConfig& config, Clock& clock, Random& random);
  ~Auditor();

  // Null: the policy does not want this request noted. `user` null: the credentials are nobody's.
  std::shared_ptr<AuditTrail> begin(const net::Request& request, const RequestInfo& info, const User* user, std::string id, int64_t received_us);
  bool waits() const { return waits_; }  // does noting take long?
  void rejected() { counts_.rejected(); }
  void write_metrics(std::string& out) const { counts_.write(out); }

 private:
  friend class AuditTrail;
  Auditor(AuditPolicy policy, Clock& clock) : policy_(std::move(policy)), clock_(clock) {}
  bool note(const AuditEvent& event);

  const AuditPolicy policy_;
  Clock& clock_;
  AuditCounts counts_;
  std::vector<std::unique_ptr<AuditBackend>> backends_;
  bool waits_ = false;
};

}  // namespace sampan::apiserver
