// Tokens that somebody else knows.
#include "apiserver/access/webhook_client.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

class WebhookTokens final : public TokenAuthenticator {
 public:
  WebhookTokens(std::unique_ptr<WebhookClient> webhook, WebhookConfig config, std::vector<std::string> audiences, Clock& clock)
      : webhook_(std::move(webhook)), config_(std::move(config)), audiences_(std::move(audiences)), kept_(clock) {}

  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>* wanted) override {
    const auto& asked = wanted ? *wanted : audiences_;
    auto key = concat(token, "\n", join(asked, "\n"));
    auto identity = kept_.find(key);
    if (!identity) {
      identity = TRY(ask(token, asked));
      kept_.keep(key, *identity, config_.allowed_ttl_us);
    }
    if (identity->user.name.empty()) return nullptr;
    return std::make_unique<Identity>(std::move(*identity));
  }

 private:
  // Without a name: nobody.
  Result<Identity> ask(std::string_view token, const std::vector<std::string>& asked) {
    Arena arena;
    Value tree = review("authentication.k8s.io", config_.version, "TokenReview", arena), spec = tree.ensure_object("spec");
    spec.set("token", token);
    if (!asked.empty()) spec.set("audiences", list_of(asked, arena));
    std::string body, text;
    schema::write_json(body, tree);
    Value status = TRY(webhook_->ask(body, text, arena));
    Identity identity;
    if (!status["authenticated"].as_bool()) {
      if (auto error = status["error"].as_string(); !error.empty()) return fail(Error(Reason::Unauthorized, std::string(error)));
      return identity;
    }
    // One that says nothing of audiences vouches for ours alone.
    auto given = read_list(status["audiences"]);
    if (given.empty()) given = audiences_;
    for (const auto& audience : asked)
      if (std::find(given.begin(), given.end(), audience) != given.end()) identity.audiences.push_back(audience);
    if (!asked.empty() && identity.audiences.empty()) return identity;
    Value user = status["user"];
    identity.user.name = user["username"].as_string();
    identity.user.uid = user["uid"].as_string();
    identity.user.groups = read_list(user["groups"]);
    for (const auto& member : user["extra"].members())
      for (Value value : member.value.items()) identity.user.add_extra(member.name, value.as_string());
    return identity;
  }

  std::unique_ptr<WebhookClient> webhook_;
  const WebhookConfig config_;
  const std::vector<std::string> audiences_;
  Kept<Identity> kept_;
};

}  // namespace

Result<std::unique_ptr<TokenAuthenticator>> webhook_token_authenticator(WebhookConfig config, std::vector<std::string> audiences, Clock& clock) {
  auto webhook = TRY(WebhookClient::open(config));
  return std::make_unique<WebhookTokens>(std::move(webhook), std::move(config), std::move(audiences), clock);
}

}  // namespace sampan::apiserver
