#include "apiserver/access/access.h"

#include "apiserver/access/bootstrap_tokens.h"
#include "apiserver/access/node_authorizer.h"
#include "base/aggregate.h"
#include "base/check.h"
#include "base/text.h"

namespace sampan::apiserver {

namespace {

// "Authorization: Bearer TOKEN"; "" if there is none. More headers of the name would let others see what we do not.
std::string_view bearer_token(const net::Request& request) {
  std::string_view header = trim(request.header("authorization"));
  auto space = header.find(' ');
  if (space == std::string_view::npos || !iequals(header.substr(0, space), "bearer")) return {};
  auto token = header.substr(space + 1);
  return token.substr(0, token.find(' '));
}

// Browsers cannot set headers of a WebSocket; there the token comes as a subprotocol, in base64.
constexpr std::string_view kTokenProtocol = "base64url.bearer.authorization.k8s.io.";

std::string websocket_token(net::Request& request) {
  std::string_view protocols = request.header("sec-websocket-protocol");
  if (protocols.empty() || !iequals(request.header("upgrade"), "websocket")) return {};
  std::string token, others;
  for (auto protocol : split(protocols, ',')) {
    protocol = trim(protocol);
    if (protocol.starts_with(kTokenProtocol)) {
      if (!token.empty() || !decode_base64_url(protocol.substr(kTokenProtocol.size()), token)) return {};
    } else {
      append(others, others.empty() ? "" : ", ", protocol);
    }
  }
  if (token.empty() || others.empty()) return {};  // the answer must name a protocol, and that one is none
  for (auto& [name, value] : request.headers)
    if (name == "sec-websocket-protocol") value = others;
  return token;
}

Error unauthorized() { return Error(Reason::Unauthorized, "Unauthorized"); }

}  // namespace

struct Access::Chain {
  struct Link {
    Authorizer* authorizer;
    Series *allowed, *denied;  // null: not counted
  };
  std::vector<Link> links;
  std::vector<std::unique_ptr<Authorizer>> own;
  bool has_webhooks = false;
};

std::vector<AuthorizerConfig> authorizer_modes(const std::vector<std::string>& modes) {
  std::vector<AuthorizerConfig> out;
  for (const auto& mode : modes) out.push_back({mode, mode == "Webhook" ? "default" : to_lower(mode), {}});
  return out;
}

Access::Access(AccessConfig config, Clock& clock) : config_(std::move(config)), clock_(clock) {}
Access::~Access() = default;

const Access::Chain& Access::chain(std::shared_ptr<const Chain>& held) const {
  if (chain_) return *chain_;
  held = changing_chain_.get();
  return *held;
}

Result<std::unique_ptr<Access>> Access::create(AccessConfig config, Catalog& catalog, Clock& clock, Random& random, Executor& executor) {
  std::unique_ptr<Access> access(new Access(std::move(config), clock));
  AccessConfig& it = access->config_;
  if (it.service_accounts) {
    auto tokens = std::make_unique<ServiceAccountTokens>(std::move(*it.service_accounts), catalog, clock, random, executor);
    access->service_accounts_ = tokens.get();
    if (it.audiences.empty()) it.audiences = tokens->config().audiences;
    it.tokens.push_back(std::move(tokens));
  }
  if (it.bootstrap_tokens) it.tokens.push_back(bootstrap_token_authenticator(catalog, clock));
  access->asks_for_tokens_ = !it.remote_tokens.empty();
  for (auto& tokens : it.remote_tokens) it.tokens.push_back(std::move(tokens));
  access->rbac_ = std::make_unique<Rbac>(catalog);
  auto wanted = [&](std::string_view type) { return std::any_of(it.chain.begin(), it.chain.end(), [&](const auto& one) { return one.type == type; }); };
  access->rbac_decides_ = wanted("RBAC");
  if (wanted("Node")) access->node_ = node_authorizer(catalog);
  auto chain = TRY(access->make_chain(it.chain));
  access->asks_others_ = access->asks_for_tokens_ || chain->has_webhooks;
  if (it.chain_may_change)
    access->changing_chain_.replace(std::move(chain));
  else
    access->chain_ = std::move(chain);
  return access;
}

Result<std::shared_ptr<const Access::Chain>> Access::make_chain(const std::vector<AuthorizerConfig>& authorizers) {
  auto chain = std::make_shared<Chain>();
  for (const auto& authorizer : config_.authorizers) chain->links.push_back({authorizer.get(), nullptr, nullptr});
  for (const auto& it : authorizers) {
    Authorizer* one = nullptr;
    if (it.type == "Webhook") {
      chain->own.push_back(TRY(webhook_authorizer(*it.webhook, it.name, clock_, metrics_)));
      chain->has_webhooks = true;
    }
    if (it.type == "AlwaysAllow") chain->own.push_back(always_allow_authorizer());
    if (it.type == "AlwaysDeny") chain->own.push_back(always_deny_authorizer());
    if (it.type == "Node") one = node_.get();
    if (it.type == "ABAC") one = config_.abac.get();
    if (it.type == "RBAC" && rbac_decides_) one = rbac_.get();
    if (it.type == "Webhook" || it.type.starts_with("Always")) one = chain->own.back().get();
    if (!one) return fail(bad_request(concat("authorizer type ", it.type, " is not allowed if it was not enabled at initial server startup")));
    chain->links.push_back({one, &metrics_.decisions(it.type, it.name, "allowed"), &metrics_.decisions(it.type, it.name, "denied")});
  }
  return chain;
}

Result<void> Access::use_chain(const std::vector<AuthorizerConfig>& authorizers) {
  check(config_.chain_may_change);
  auto chain = TRY(make_chain(authorizers));
  asks_others_.store(asks_for_tokens_ || chain->has_webhooks, std::memory_order_relaxed);
  changing_chain_.replace(std::move(chain));
  return {};
}

namespace {

// Whoever has shown who he is belongs to these, whatever told it.
void add_authenticated(User& user) {
  if (user.name == "system:anonymous" || user.in("system:authenticated") || user.in("system:unauthenticated")) return;
  user.groups.emplace_back("system:authenticated");
}

}  // namespace

IdentityResult Access::authenticate_token(std::string_view token, const std::vector<std::string>* wanted) {
  std::optional<Error> failure;
  for (auto& authenticator : config_.tokens) {
    auto identity = authenticator->authenticate_token(token, wanted);
    if (identity && !*identity) continue;
    if (identity) {
      add_authenticated((*identity)->user);
      return identity;
    }
    if (!failure) failure = std::move(identity).error();
  }
  if (failure) return fail(std::move(*failure));
  return nullptr;
}

Result<Identity> Access::authenticate(net::Request& request, std::string_view path) {
  for (auto& authenticator : config_.authenticators) {
    auto identity = authenticator->authenticate(request);
    if (identity && *identity) {
      add_authenticated((*identity)->user);
      return std::move(**identity);
    }
    if (!identity) return fail(unauthorized());
  }
  std::string token(bearer_token(request));
  if (token.empty()) token = websocket_token(request);
  if (!token.empty()) {
    auto identity = authenticate_token(token, nullptr);
    // What was wrong is nothing that a stranger needs to know.
    if (!identity || !*identity) return fail(unauthorized());
    std::erase_if(request.headers, [](const auto& header) { return header.first == "authorization"; });
    return std::move(**identity);
  }
  // Who shows a certificate that nobody vouches for, or that is a proxy's who says nobody's name, has shown a bad credential: worse than none.
  if ((request.peer && !request.peer->is_client) || !anonymous_may_come(path)) return fail(unauthorized());
  Identity anonymous;
  anonymous.user.name = "system:anonymous";
  anonymous.user.groups = {"system:unauthenticated"};
  return anonymous;
}

bool Access::anonymous_may_come(std::string_view path) const {
  const auto& paths = config_.anonymous_paths;
  return config_.anonymous && (paths.empty() || std::find(paths.begin(), paths.end(), path) != paths.end());
}

Decision Access::authorize(const User& user, const RequestInfo& request, std::string& reason, std::string* error) {
  std::shared_ptr<const Chain> held;
  std::string why, failure;
  std::vector<std::string> failures;
  for (const auto& link : chain(held).links) {
    why.clear();
    failure.clear();
    auto decision = link.authorizer->try_authorize(user, request, why, failure);
    if (decision != Decision::NoOpinion) {  // what others said or could not find out counts no more
      reason = std::move(why);
      if (error) *error = std::move(failure);
      if (auto* count = decision == Decision::Allow ? link.allowed : link.denied) count->add();
      return decision;
    }
    if (!why.empty()) append(reason, reason.empty() ? "" : "\n", why);
    if (!failure.empty()) failures.push_back(std::move(failure));
  }
  if (error) *error = aggregated(failures);
  return Decision::NoOpinion;
}

SubjectRules Access::rules_for(const User& user, std::string_view name_space) {
  SubjectRules rules;
  std::shared_ptr<const Chain> held;
  for (const auto& link : chain(held).links) link.authorizer->rules_for(user, name_space, rules);
  return rules;
}

bool Access::allows(const User& user, const RequestInfo& request) {
  std::string reason;
  return authorize(user, request, reason) == Decision::Allow;
}

}  // namespace sampan::apiserver
