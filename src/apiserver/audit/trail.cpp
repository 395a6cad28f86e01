#include "apiserver/audit/trail.h"

#include "apiserver/respond.h"
#include "base/log.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

bool AuditTrail::reach(AuditStage stage) {
  if (verdict_.omits(stage)) return true;
  event_.stage = stage;
  event_.stage_us = stage == AuditStage::RequestReceived ? event_.received_us : auditor_.clock_.now_us();
  return auditor_.note(event_);
}

void AuditTrail::impersonates(const User& user, std::string_view constraint) {
  event_.impersonated = user;
  event_.impersonation_constraint = constraint;
}

void AuditTrail::annotate(std::string_view key, std::string_view value) {
  auto [at, is_new] = event_.annotations.try_emplace(std::string(key), value);
  if (!is_new && at->second != value)
    LOG_WARNING("Failed to set annotations[", quoted(key), "] to ", quoted(value), " for audit:", quoted(event_.id), ", it has already been set to ",
                quoted(at->second));
}

void AuditTrail::allowed(bool allowed, std::string_view reason) {
  annotate("authorization.k8s.io/decision", allowed ? "allow" : "forbid");
  annotate("authorization.k8s.io/reason", reason);
}

void AuditTrail::refers_to(Value metadata) {
  if (!event_.object) event_.object.emplace();
  auto fill = [](std::string& member, std::string_view value) {
    if (member.empty()) member = value;
  };
  fill(event_.object->name_space, metadata["namespace"].as_string());
  fill(event_.object->name, metadata["name"].as_string());
  fill(event_.object->uid, metadata["uid"].as_string());
  fill(event_.object->resource_version, metadata["resourceVersion"].as_string());
}

std::shared_ptr<const std::string> AuditTrail::kept(std::string json) const {
  while (!json.empty() && json.back() == '\n') json.pop_back();
  if (verdict_.omit_managed_fields) json = without_managed_fields(json);
  return std::make_shared<const std::string>(std::move(json));
}

void AuditTrail::set_request(std::string json) { event_.request_object = kept(std::move(json)); }
void AuditTrail::set_response(std::string json) { event_.response_object = kept(std::move(json)); }

void AuditTrail::answered_with(const Error& error) {
  Arena arena;
  Value status = status_tree(error, arena);
  answered_with(status);
  if (!wants_response()) return;
  std::string json;
  schema::write_json(json, status);
  set_response(std::move(json));
}

void AuditTrail::answered_with(Value status) {
  AuditEvent::Status& response = event_.response.emplace();
  response.status = status["status"].as_string();
  response.message = status["message"].as_string();
  response.reason = status["reason"].as_string();
  if (Value details = status["details"]; details.is_object()) schema::write_json(response.details, details);
}

void AuditTrail::answered(int code) {
  if (!event_.response) event_.response.emplace();
  event_.response->code = code;
}

Result<std::unique_ptr<Auditor>> Auditor::create(const AuditConfig& config, Clock& clock, Random& random) {
  if (!config.policy || (!config.log && !config.webhook)) return nullptr;
  std::unique_ptr<Auditor> auditor(new Auditor(*config.policy, clock));
  auto add = [&](std::unique_ptr<AuditBackend> backend, const AuditDelivery& delivery) {
    auditor->backends_.push_back(audit_delivery(std::move(backend), delivery, auditor->counts_));
    auditor->waits_ |= auditor->backends_.back()->waits();
  };
  if (config.log) add(TRY(audit_log(*config.log, clock, auditor->counts_)), config.log->delivery);
  if (config.webhook) add(TRY(audit_webhook(*config.webhook, random, auditor->counts_)), config.webhook->delivery);
  return auditor;
}

Auditor::~Auditor() {
  for (auto& backend : backends_) backend->stop();
}

std::shared_ptr<AuditTrail> Auditor::begin(const net::Request& request, const RequestInfo& info, const User* user, std::string id, int64_t received_us) {
  auto verdict = policy_.judge(user, info);
  counts_.level(verdict.level);
  if (verdict.level == AuditLevel::None) return nullptr;
  AuditEvent event;
  event.level = verdict.level;
  event.id = std::move(id);
  event.received_us = received_us;
  event.verb = info.verb;
  event.uri = request.path;
  if (!request.query.empty()) append(event.uri, "?", request.query);
  event.user_agent = shown_user_agent(request.header("user-agent"));
  event.source_ips = source_ips_of(request);
  if (user) event.user = *user;
  if (info.is_resource) event.object = {info.resource, info.name_space, info.name, {}, info.group, info.version, {}, info.subresource};
  return std::make_shared<AuditTrail>(*this, verdict, std::move(event));
}

bool Auditor::note(const AuditEvent& event) {
  counts_.event();
  const AuditEventRef borrowed(AuditEventRef(), &event);
  AuditEventRef copy;
  bool good = true;
  for (auto& backend : backends_) {
    bool keeps = backend->keeps();
    if (keeps && !copy) copy = std::make_shared<const AuditEvent>(event);
    good &= backend->process({keeps ? &copy : &borrowed, 1});
  }
  return good;
}

}  // namespace sampan::apiserver
