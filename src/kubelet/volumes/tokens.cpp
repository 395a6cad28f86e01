// See tokens.h.
#include "kubelet/volumes/tokens.h"

#include "base/log.h"
#include "base/text.h"
#include "kubelet/failure.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kSecond = 1'000'000, kOldestSeconds = 24 * 3600;
constexpr int64_t kRetrySeconds = 30;  // where the API server could not give a new one

}  // namespace

int64_t renewal_time(const ServiceAccountToken& token, int64_t life_seconds) {
  auto issued_at = token.expires_at - life_seconds;
  return std::min(issued_at + kOldestSeconds, token.expires_at - life_seconds / 5) * kSecond;
}

Result<Tokens::Token> Tokens::get(const TokenRequest& request) {
  Key key(concat(request.namespace_, "/", request.service_account), request.audience, request.expiration_seconds);
  auto now = clock_.now_us();
  ServiceAccountToken kept;
  {
    std::lock_guard lock(mutex_);
    if (auto of = kept_.find(request.pod_uid); of != kept_.end())
      if (auto at = of->second.find(key); at != of->second.end()) kept = at->second;
  }
  auto renew_at = renewal_time(kept, request.expiration_seconds);
  if (!kept.token.empty() && now < renew_at) return Token{std::move(kept.token), renew_at};
  auto asked = cluster_.service_account_token(request);
  if (!asked) {
    if (kept.token.empty()) return fail(failure(concat("failed to fetch token: ", asked.error().message())));
    if (now >= kept.expires_at * kSecond)
      return fail(failure(concat("token ", quoted(request.service_account), "/", quoted(request.namespace_), " expired and refresh failed: ", asked.error().message())));
    LOG_WARNING("cannot renew the token of service account ", request.namespace_, "/", request.service_account, " for pod ", request.pod_name, ": ", asked.error().message());
    return Token{std::move(kept.token), now + kRetrySeconds * kSecond};
  }
  renew_at = renewal_time(*asked, request.expiration_seconds);
  std::lock_guard lock(mutex_);
  kept_[request.pod_uid][std::move(key)] = *asked;
  // A server may give shorter lives than were asked for; it is not to be asked all the time for that.
  return Token{std::move(asked->token), std::max(renew_at, now + kRetrySeconds * kSecond)};
}

void Tokens::forget(std::string_view pod_uid) {
  std::lock_guard lock(mutex_);
  if (auto at = kept_.find(pod_uid); at != kept_.end()) kept_.erase(at);
}

}  // namespace sampan::kubelet
