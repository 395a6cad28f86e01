// What is decided before anybody asks who comes: pages of other origins (CORS), clients that had better go elsewhere, and what every answer says
// about the connection rather than about what was asked.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/status.h"
#include "net/http.h"

namespace sampan::apiserver {

struct FrontDoorConfig {
  std::vector<std::string> cors_origins;   // regular expressions; each must pin both ends of the host
  std::vector<std::string> hsts;           // directives of Strict-Transport-Security
  double goaway_chance = 0;                // that a client over HTTP/2 is asked to connect anew
  bool sends_away_on_shutdown = false;     // new requests get 429 and Retry-After
  bool is_idle() const { return cors_origins.empty() && hsts.empty() && goaway_chance == 0 && !sends_away_on_shutdown; }
};

class FrontDoor {
 public:
  virtual ~FrontDoor() = default;
  // What is wrong is said as kube-apiserver says it of its flags.
  static Result<std::unique_ptr<FrontDoor>> create(FrontDoorConfig config, Random& random);
  // The answer to a request that goes no further.
  virtual std::optional<net::Response> turn_away(const net::Request& request, bool stopping) const = 0;
  virtual void dress(const net::Request& request, net::Response& response) = 0;
};

}  // namespace sampan::apiserver
