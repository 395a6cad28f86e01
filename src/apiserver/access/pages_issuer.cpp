// Where others learn how to verify tokens of service accounts.
#include "apiserver/pages.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kConfiguration = "/.well-known/openid-configuration", kKeys = "/openid/v1/jwks";

class IssuerPages final : public Page {
 public:
  explicit IssuerPages(ServiceAccountTokens& tokens) : configuration_(tokens.discovery_json()), keys_(tokens.keys_json()) {}
  bool serves(std::string_view path) const override { return path == kConfiguration || path == kKeys; }
  void list_paths(std::vector<std::string>& out) const override {
    out.emplace_back(kConfiguration);
    out.emplace_back(kKeys);
  }
  HandlerResult handle(Context& context) override {
    if (context.http.method != "GET" && context.http.method != "HEAD")
      return fail(Error(Reason::MethodNotAllowed, "the server does not allow this method on the requested resource").about("", "", ""));
    bool keys = context.info.path == kKeys;
    net::Response response;
    response.headers.emplace_back("content-type", keys ? "application/jwk-set+json" : "application/json");
    response.headers.emplace_back("cache-control", "public, max-age=3600");
    response.body = keys ? keys_ : configuration_;
    return response;
  }

 private:
  const std::string configuration_, keys_;
};

}  // namespace

std::unique_ptr<Page> issuer_pages(ServiceAccountTokens& tokens) { return std::make_unique<IssuerPages>(tokens); }

}  // namespace sampan::apiserver
