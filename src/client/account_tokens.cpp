// Tokens of service accounts, asked of the API (TokenRequest).
#include <mutex>

#include "base/text.h"
#include "client/https.h"

namespace sampan::client {

namespace {

constexpr int64_t kLifeSeconds = 3600;

struct AccountToken {
  Api& api;
  Clock& clock;
  const std::string name_space, account;
  std::mutex mutex;
  std::string token;
  int64_t renew_at_us = 0;

  Result<std::string> get() {
    std::lock_guard lock(mutex);
    if (!token.empty() && clock.monotonic_us() < renew_at_us) return token;
    auto fresh = ask();
    if (!fresh && fresh.error().is(Reason::NotFound)) {
      TRY(make_account());
      fresh = ask();
    }
    if (!fresh) return fail(std::move(fresh).error().context(concat("a token of ", name_space, "/", account, ": ")));
    token = std::move(*fresh);
    renew_at_us = clock.monotonic_us() + kLifeSeconds * 800'000;  // after four fifths of its life
    return token;
  }

  Result<std::string> ask() {
    Arena arena;
    Value request = Value::object(arena);
    request.set("apiVersion", "authentication.k8s.io/v1");
    request.set("kind", "TokenRequest");
    request.ensure_object("spec").set("expirationSeconds", kLifeSeconds);
    Value answer = TRY(api.post(builtin("", "serviceaccounts"), name_space, account, "token", request, arena));
    return std::string(answer["status"]["token"].as_string());
  }

  Result<void> make_account() {
    Arena arena;
    Value object = Value::object(arena);
    object.ensure_object("metadata").set("name", std::string_view(account));
    object["metadata"].set("namespace", std::string_view(name_space));
    auto made = api.create(builtin("", "serviceaccounts"), name_space, object);
    if (!made && !made.error().is(Reason::AlreadyExists)) return fail(std::move(made).error());
    return {};
  }
};

}  // namespace

Remote::TokenSource account_tokens(Api& api, Clock& clock, std::string name_space, std::string account) {
  std::shared_ptr<AccountToken> state(new AccountToken{api, clock, std::move(name_space), std::move(account), {}, {}, 0});
  return [state] { return state->get(); };
}

}  // namespace sampan::client
