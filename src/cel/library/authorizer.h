// The variable `authorizer` of admission policies: authorizer.group('apps').resource('deployments').check('create').allowed().
#pragma once
#include <optional>
#include <string>
#include <utility>

#include "cel/environment.h"

namespace sampan::cel {

// May the user do this? `path` is set for a request of no resource.
struct AccessQuestion {
  std::string path;
  std::string group, resource, subresource, namespace_name, name;  // of any version
  std::string field_selector, label_selector;                       // as written; one that is no selector counts as none
  std::string verb;
  // Namespace and name of the service account that is meant instead of the user of the request.
  std::optional<std::pair<std::string, std::string>> service_account;
};

struct AccessAnswer {
  bool allowed = false;
  std::string reason;
  std::optional<std::string> error;
};

class AccessJudge {
 public:
  virtual ~AccessJudge() = default;
  virtual AccessAnswer judge(const AccessQuestion& question) const = 0;
};

Type authorizer_type();
Type resource_check_type();

// What the variables `authorizer` and `authorizer.requestResource` stand for. The judge must outlive them.
Value authorizer_value(const AccessJudge& judge);
Value request_resource_value(const AccessJudge& judge, AccessQuestion resource);

void add_authorizer(Environment& environment);

}  // namespace sampan::cel
