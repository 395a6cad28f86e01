// What is noted of a request at one of its stages: audit.k8s.io/v1 Event.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apiserver/audit/policy.h"
#include "apiserver/identity.h"
#include "base/status.h"
#include "net/http.h"

namespace sampan::apiserver {

// What a Status says that was answered.
struct AuditedStatus {
  std::string status, message, reason, details;  // the last as JSON
  int code = 0;
};

struct AuditEvent {
  struct ObjectReference {
    std::string resource, name_space, name, uid, group, version, resource_version, subresource;
  };
  using Status = AuditedStatus;

  AuditLevel level = AuditLevel::None;
  AuditStage stage = AuditStage::RequestReceived;
  std::string id, uri, verb;
  User user;
  std::optional<User> impersonated;
  std::string impersonation_constraint;
  std::vector<std::string> source_ips;
  std::string user_agent;
  std::optional<ObjectReference> object;
  std::optional<Status> response;
  std::shared_ptr<const std::string> request_object, response_object;  // JSON; null: none
  int64_t received_us = 0, stage_us = 0;
  std::map<std::string, std::string> annotations;

  std::string json() const;    // without a line end
  std::string legacy() const;  // the one-line text of old
};
using AuditEventRef = std::shared_ptr<const AuditEvent>;

// What all servers and proxies on the way say of where a request is from; the last one, the connection's own, is beyond the client's reach.
std::vector<std::string> source_ips_of(const net::Request& request);
std::string shown_user_agent(std::string_view agent);  // shortened

// The same JSON without metadata.managedFields, also of a list's items and a table's rows.
std::string without_managed_fields(std::string_view json);

}  // namespace sampan::apiserver
