// Tokens with which nodes join: they end in time, and the public description of the cluster (kube-public/cluster-info) is signed with each, so that who
// has only a token can trust it.
#include "base/encoding.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/signing.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kSpace = "kube-system", kPrefix = "bootstrap-token-", kType = "bootstrap.kubernetes.io/token";
constexpr std::string_view kPublicSpace = "kube-public", kInfo = "cluster-info", kSignature = "jws-kubeconfig-";

bool is_token(const Object& secret) { return namespace_of(secret) == kSpace && secret["type"].as_string() == kType; }

// Seconds since 1970; 0: never. What cannot be read has ended.
int64_t end_of(const Object& secret) {
  auto text = secret["data"]["expiration"].as_string();
  if (text.empty()) return 0;
  int64_t us = 0;
  return parse_time(text, us) ? us / 1'000'000 : 1;
}

class TokenCleaner final : public Controller {
 public:
  explicit TokenCleaner(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    secrets_ = &watches.on("", "secrets", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object && is_token(*change.object)) enqueue(key_of(*change.object));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto secret = secrets_->find(key.name_space, key.name);
    if (!secret || !is_token(*secret)) return Again::never();
    int64_t end = end_of(*secret), left = end - environment_.now_seconds();
    if (end == 0) return Again::never();
    if (left > 0) return Again::in(left * 1'000'000);
    TRY(ignore(ignore_not_found(environment_.api.remove(secrets_->resource(), key.name_space, key.name, {.uid = uid_of(*secret)})), Reason::Conflict));
    return Again::never();
  }

 private:
  Environment& environment_;
  Informer* secrets_ = nullptr;
};

class BootstrapSigner final : public Controller {
 public:
  explicit BootstrapSigner(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    maps_ = &watches.on("", "configmaps", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (namespace_of(change.any()) == kPublicSpace && name_of(change.any()) == kInfo) enqueue(kInfo);
    });
    secrets_ = &watches.on("", "secrets", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (is_token(change.any())) enqueue(kInfo);
    });
  }

  Result<Again> reconcile(const Key&) override {
    auto info = maps_->find(kPublicSpace, kInfo);
    auto content = info ? (*info)["data"]["kubeconfig"].as_string() : std::string_view();
    if (content.empty()) return Again::never();
    int64_t next = 0;
    auto wanted = signatures(content, next);
    if (!is_signed(*info, wanted)) {
      Arena arena;
      Value tree = schema::thaw(*info, arena);
      Value data = tree["data"];
      for (uint32_t i = 0; i < (*info)["data"].size(); i++) {
        auto name = (*info)["data"].key(i);
        if (name.starts_with(kSignature)) data.remove(name);
      }
      for (const auto& [name, signature] : wanted) data.set(name, std::string_view(signature));
      TRY(environment_.api.update(maps_->resource(), tree));
    }
    return next == 0 ? Again::never() : Again::in(std::max<int64_t>(1, next - environment_.now_seconds()) * 1'000'000);
  }

 private:
  using Signatures = std::map<std::string, std::string>;

  // By name in the config map. `next` is when the first of the tokens ends.
  Signatures signatures(std::string_view content, int64_t& next) const {
    Signatures result;
    secrets_->snapshot().each(concat(kSpace, "/"), {}, [&](std::string_view, const ObjectRef& secret) {
      AnyView data = (*secret)["data"];
      auto id = data["token-id"].as_string(), key = data["token-secret"].as_string();
      int64_t end = end_of(*secret);
      bool ended = end != 0 && end <= environment_.now_seconds();
      if (!is_token(*secret) || id.empty() || key.empty() || ended || data["usage-bootstrap-signing"].as_string() != "true" ||
          name_of(*secret) != concat(kPrefix, id))
        return true;
      if (end != 0 && (next == 0 || end < next)) next = end;
      result.emplace(concat(kSignature, id), detached_signature(content, id, key));
      return true;
    });
    return result;
  }

  static bool is_signed(const Object& info, const Signatures& wanted) {
    AnyView data = info["data"];
    size_t count = 0;
    for (uint32_t i = 0; i < data.size(); i++) count += data.key(i).starts_with(kSignature);
    if (count != wanted.size()) return false;
    for (const auto& [name, signature] : wanted)
      if (data[name].as_string() != signature) return false;
    return true;
  }

  Environment& environment_;
  Informer *maps_ = nullptr, *secrets_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_token_cleaner(Environment& environment) { return std::make_unique<TokenCleaner>(environment); }
std::unique_ptr<Controller> make_bootstrap_signer(Environment& environment) { return std::make_unique<BootstrapSigner>(environment); }

}  // namespace sampan::controllers
