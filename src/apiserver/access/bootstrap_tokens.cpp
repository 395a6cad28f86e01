// Tokens by which nodes join: ID.SECRET, kept in a secret of kube-system that says how long and what for they are good.
#include <openssl/crypto.h>

#include "apiserver/access/bootstrap_tokens.h"
#include "base/encoding.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

constexpr size_t kIdSize = 6, kSecretSize = 16;
constexpr std::string_view kGroup = "system:bootstrappers";

bool is_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

// "system:bootstrappers:" and a name of letters, digits, dashes and colons.
bool is_group(std::string_view text) {
  constexpr std::string_view kPrefix = "system:bootstrappers:";
  if (!text.starts_with(kPrefix)) return false;
  auto rest = text.substr(kPrefix.size());
  if (rest.empty() || rest.size() > 255 || !is_word(rest.substr(rest.size() - 1))) return false;
  return std::all_of(rest.begin(), rest.end(), [](char c) { return is_word({&c, 1}) || c == '-' || c == ':'; });
}

class BootstrapTokens final : public TokenAuthenticator {
 public:
  BootstrapTokens(Catalog& catalog, Clock& clock) : secrets_(*catalog.store_of("", "secrets")), clock_(clock) {}

  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>*) override {
    if (token.size() != kIdSize + 1 + kSecretSize || token[kIdSize] != '.') return nullptr;
    auto id = token.substr(0, kIdSize), secret = token.substr(kIdSize + 1);
    if (!is_word(id) || !is_word(secret)) return nullptr;
    auto found = secrets_.get("kube-system", concat("bootstrap-token-", id));
    if (!found) return nullptr;
    const schema::Object& object = **found;
    auto data = [&](std::string_view key) { return object["data"][key].as_string(); };
    if (object["metadata"]["deletionTimestamp"].present() || object["type"].as_string() != "bootstrap.kubernetes.io/token") return nullptr;
    auto kept = data("token-secret");
    if (kept.size() != secret.size() || CRYPTO_memcmp(kept.data(), secret.data(), secret.size()) != 0) return nullptr;
    if (data("token-id") != id || has_expired(data("expiration")) || data("usage-bootstrap-authentication") != "true") return nullptr;
    auto identity = std::make_unique<Identity>();
    identity->user.name = concat("system:bootstrap:", id);
    if (!read_groups(data("auth-extra-groups"), identity->user.groups)) return nullptr;
    return identity;
  }

 private:
  // What cannot be read is past.
  bool has_expired(std::string_view expiration) {
    if (expiration.empty()) return false;
    int64_t until_us = 0;
    return !parse_time(expiration, until_us) || until_us <= clock_.now_us();
  }

  static bool read_groups(std::string_view text, std::vector<std::string>& groups) {
    groups.emplace_back(kGroup);
    if (!text.empty())
      for (auto group : split(text, ',')) {
        if (!is_group(group)) return false;
        groups.emplace_back(group);
      }
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    groups.emplace_back("system:authenticated");
    return true;
  }

  registry::ObjectStore& secrets_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<TokenAuthenticator> bootstrap_token_authenticator(Catalog& catalog, Clock& clock) {
  return std::make_unique<BootstrapTokens>(catalog, clock);
}

}  // namespace sampan::apiserver
