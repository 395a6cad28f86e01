// The audit policy: which requests are noted, how far, and at which of their stages. The first rule that fits decides.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/identity.h"
#include "apiserver/request_info.h"
#include "base/status.h"

namespace sampan::apiserver {

enum class AuditLevel : uint8_t { None, Metadata, Request, RequestResponse };
enum class AuditStage : uint8_t { RequestReceived, ResponseStarted, ResponseComplete, Panic };
std::string_view name_of(AuditLevel level);
std::string_view name_of(AuditStage stage);

// What the policy says of one request.
struct AuditVerdict {
  AuditLevel level = AuditLevel::None;
  uint8_t omitted_stages = 0;  // a bit for each AuditStage
  bool omit_managed_fields = false;
  bool omits(AuditStage stage) const { return omitted_stages >> static_cast<unsigned>(stage) & 1; }
};

struct AuditRule {
  struct Resources {
    std::string group;                         // "*": any
    std::vector<std::string> resources, names;  // empty: all
  };
  AuditLevel level = AuditLevel::None;
  std::vector<std::string> users, groups, verbs, name_spaces, paths;  // empty: all
  std::vector<Resources> resources;
  uint8_t omitted_stages = 0;  // with those of the policy
  std::optional<bool> omit_managed_fields;

  bool fits(const User* user, const RequestInfo& request) const;
};

class AuditPolicy {
 public:
  // A Policy of audit.k8s.io/v1 as YAML or JSON. What is unknown in it is left out and told in the log.
  static Result<AuditPolicy> read(std::string_view text);
  // `user` null: nobody was known by the credentials.
  AuditVerdict judge(const User* user, const RequestInfo& request) const;
  size_t rules() const { return rules_.size(); }

 private:
  std::vector<AuditRule> rules_;
  uint8_t omitted_stages_ = 0;
  bool omit_managed_fields_ = false;
};

}  // namespace sampan::apiserver
