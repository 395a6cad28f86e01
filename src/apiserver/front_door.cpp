#include "apiserver/front_door.h"

#include <re2/re2.h>

#include <algorithm>

#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kCorsHelp =
    "List of allowed origins for CORS, comma separated. An allowed origin can be a regular expression to support subdomain matching. If this list is "
    "empty CORS will not be enabled. Please ensure each expression matches the entire hostname by anchoring to the start with '^' or including the '//' "
    "prefix, and by anchoring to the end with '$' or including the ':' port separator suffix. Examples of valid expressions are "
    "'//example\\.com(:|$)' and '^https://example\\.com(:|$)'";

Error wrong_origins(std::string_view why) { return bad_request(concat("--cors-allowed-origins has an invalid regular expression: ", why, ", help: ", kCorsHelp)); }

Result<void> check_hsts(const std::vector<std::string>& directives) {
  for (const auto& directive : directives) {
    if (trim(directive).empty()) return fail(bad_request("empty value in strict-transport-security-directives"));
    bool has_age = directive.starts_with("max-age=") && directive.find('=', 8) == std::string::npos;
    if (!has_age && directive != "includeSubDomains" && directive != "preload")
      return fail(bad_request("--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. "
                              "see https://tools.ietf.org/html/rfc6797#section-6.1 for more information"));
  }
  return {};
}

class Door final : public FrontDoor {
 public:
  Door(FrontDoorConfig config, Random& random) : config_(std::move(config)), random_(random) {
    for (const auto& directive : config_.hsts) append(hsts_, hsts_.empty() ? "" : "; ", directive);
  }

  Result<void> open() {
    TRY(check_hsts(config_.hsts));
    if (config_.goaway_chance < 0 || config_.goaway_chance > 0.02)
      return fail(bad_request("--goaway-chance can not be less than 0 or greater than 0.02"));
    for (const auto& pattern : config_.cors_origins) {
      if (pattern.empty()) return fail(bad_request(concat("empty value in --cors-allowed-origins, help: ", kCorsHelp)));
      auto& origin = origins_.emplace_back(std::make_unique<RE2>(pattern, RE2::Quiet));
      if (!origin->ok()) return fail(wrong_origins(concat("error parsing regexp: ", origin->error())));
      // An expression that fits in the middle of a name would let in whoever registers a longer one (CVE-2022-1996).
      bool start = pattern.find('^') != std::string::npos || pattern.find("//") != std::string::npos;
      bool end = pattern.find_first_of("$:") != std::string::npos;
      if (!start || !end) return fail(wrong_origins("regular expression does not pin to start/end of host in the origin header"));
    }
    return {};
  }

  std::optional<net::Response> turn_away(const net::Request& request, bool stopping) const override {
    if (config_.sends_away_on_shutdown && stopping && !may_stay(request))
      return net::Response{.status = 429,
                           .headers = {{"retry-after", "5"}, {"content-type", "text/plain; charset=utf-8"}, {"x-content-type-options", "nosniff"}},
                           .body = "The apiserver is shutting down, please try again later.\n",
                           .closes = true};
    if (request.method == "OPTIONS" && is_allowed(request.header("origin"))) return net::Response{.status = 204};
    return std::nullopt;
  }

  void dress(const net::Request& request, net::Response& response) override {
    if (!hsts_.empty()) response.headers.emplace_back("strict-transport-security", hsts_);
    if (request.http2 && config_.goaway_chance > 0 && static_cast<double>(random_.below(kGrains)) < config_.goaway_chance * kGrains) response.closes = true;
    auto origin = request.header("origin");
    if (!is_allowed(origin)) return;
    response.headers.emplace_back("access-control-allow-origin", origin);
    response.headers.emplace_back("access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE, PATCH");
    response.headers.emplace_back("access-control-allow-headers",
                                  "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since");
    response.headers.emplace_back("access-control-expose-headers", "Date");
    response.headers.emplace_back("access-control-allow-credentials", "true");
  }

 private:
  static constexpr uint64_t kGrains = 1'000'000;

  // Probes and metrics are answered to the end, and a server's own requests too.
  static bool may_stay(const net::Request& request) {
    for (std::string_view prefix : {"/readyz", "/livez", "/healthz", "/metrics"})
      if (request.path.starts_with(prefix)) return true;
    return request.header("user-agent").starts_with("kube-apiserver/");
  }

  bool is_allowed(std::string_view origin) const {
    if (origin.empty()) return false;
    return std::any_of(origins_.begin(), origins_.end(), [&](const auto& allowed) { return RE2::PartialMatch({origin.data(), origin.size()}, *allowed); });
  }

  const FrontDoorConfig config_;
  Random& random_;
  std::string hsts_;
  std::vector<std::unique_ptr<RE2>> origins_;
};

}  // namespace

Result<std::unique_ptr<FrontDoor>> FrontDoor::create(FrontDoorConfig config, Random& random) {
  auto door = std::make_unique<Door>(std::move(config), random);
  TRY(door->open());
  return door;
}

}  // namespace sampan::apiserver
