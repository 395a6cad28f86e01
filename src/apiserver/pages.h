// The paths that are no resources. One maker a file; server assembly adds them all.
#pragma once
#include <memory>

#include "apiserver/server.h"

namespace sampan::apiserver {

namespace fairness {
class FlowControl;
}

// A named check of /livez and /readyz.
struct HealthCheck {
  std::string_view name;
  bool in_livez = true, in_readyz = true;
  std::function<Result<void>()> run;
};

std::unique_ptr<Page> health_pages(std::vector<HealthCheck> checks);  // /healthz /livez /readyz, and one path below each a check
std::unique_ptr<Page> version_page();                                 // /version
// /api, /apis and down to a group's version; `server_address`: host:port, what clients are told to use
std::unique_ptr<Page> discovery_pages(const Catalog& catalog, std::string server_address);
std::unique_ptr<Page> openapi_pages(const Catalog& catalog);          // /openapi/v2, /openapi/v3
std::unique_ptr<Page> metrics_page(ApiServer& server);                // /metrics
std::unique_ptr<Page> issuer_pages(ServiceAccountTokens& tokens);        // /.well-known/openid-configuration, /openid/v1/jwks
std::unique_ptr<Page> flow_control_pages(fairness::FlowControl& control);  // /debug/api_priority_and_fairness/dump_...
std::unique_ptr<Page> root_page(const ApiServer& server);             // /

}  // namespace sampan::apiserver
