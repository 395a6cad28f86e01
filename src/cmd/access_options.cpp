#include "cmd/access_options.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "apiserver/access/abac.h"
#include "apiserver/access/webhooks.h"
#include "base/aggregate.h"
#include "base/text.h"
#include "client/kubeconfig.h"
#include "cluster/certificates.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kDefaultIssuer = "https://kubernetes.default.svc.cluster.local";
constexpr int64_t kSecond_ns = 1'000'000'000, kTokenSecondsMin = 3600, kTokenSecondsMax = int64_t{1} << 32;

Error complaint(std::string text) { return bad_request(std::move(text)); }

Result<void> read_authorization_config(const FlagSet& flags, AccessOptions& out) {
  for (auto name : {"authorization-mode", "authorization-webhook-config-file", "authorization-webhook-version",
                    "authorization-webhook-cache-authorized-ttl", "authorization-webhook-cache-unauthorized-ttl"})
    if (flags.given(name))
      return fail(complaint("--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined"));
  out.authorization_config = TRY(cluster::read_file(out.authorization_config_file));
  out.authorizers = TRY(parse_authorization_config(out.authorization_config));
  return {};
}

Result<void> read_modes(const FlagSet& flags, AccessOptions& out) {
  auto modes = flags.list("authorization-mode");
  auto kubeconfig = flags.text("authorization-webhook-config-file"), version = flags.text("authorization-webhook-version");
  auto wanted = [&](std::string_view mode) { return std::find(modes.begin(), modes.end(), mode) != modes.end(); };
  std::vector<std::string> wrong;
  if (modes.empty()) wrong.emplace_back("at least one authorization-mode must be passed");
  for (const auto& mode : modes)
    if (std::find(std::begin(kAuthorizerTypes), std::end(kAuthorizerTypes), mode) == std::end(kAuthorizerTypes))
      wrong.push_back(concat("authorization-mode ", quoted(mode), " is not a valid mode"));
  if (wanted("ABAC") && out.policy_file.empty()) wrong.emplace_back("authorization-mode ABAC's authorization policy file not passed");
  if (wanted("Webhook") && kubeconfig.empty()) wrong.emplace_back("authorization-mode Webhook's authorization config file not passed");
  if (!wanted("ABAC") && !out.policy_file.empty()) wrong.emplace_back("cannot specify --authorization-policy-file without mode ABAC");
  if (!wanted("Webhook") && !kubeconfig.empty())
    wrong.emplace_back("cannot specify --authorization-webhook-config-file without mode Webhook");
  if (std::set<std::string>(modes.begin(), modes.end()).size() != modes.size()) {
    std::string shown;
    for (const auto& mode : modes) append(shown, shown.empty() ? "" : " ", quoted(mode));
    wrong.push_back(concat("authorization-mode [", shown, "] has mode specified more than once"));
  }
  if (version != "v1" && version != "v1beta1") wrong.push_back(concat("--authorization-webhook-version must be v1 or v1beta1, got ", quoted(version)));
  if (!wrong.empty()) return fail(complaint(aggregated(wrong)));
  for (auto& it : apiserver::authorizer_modes(modes))
    out.authorizers.push_back({.type = it.type,
                               .name = it.name,
                               .kubeconfig = kubeconfig,
                               .version = version,
                               .allowed_ttl_us = flags.nanoseconds("authorization-webhook-cache-authorized-ttl") / 1000,
                               .denied_ttl_us = flags.nanoseconds("authorization-webhook-cache-unauthorized-ttl") / 1000});
  return {};
}

Result<void> read_authorizers(const FlagSet& flags, AccessOptions& out) {
  out.policy_file = flags.text("authorization-policy-file");
  out.authorization_config_file = flags.text("authorization-config");
  return out.authorization_config_file.empty() ? read_modes(flags, out) : read_authorization_config(flags, out);
}

Result<void> read_authentication_config(const FlagSet& flags, AccessOptions& out) {
  auto path = flags.text("authentication-config");
  if (path.empty()) return {};
  auto text = TRY(cluster::read_file(path));
  auto config = parse_authentication_config(text);
  if (!config)
    return fail(complaint(concat("failed to load authentication configuration from file ", quoted(path), ": ", config.error().message())));
  out.issuers = std::move(config->issuers);
  if (!config->says_anonymous) return {};
  if (flags.given("anonymous-auth"))
    return fail(complaint("anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file"));
  out.anonymous = config->anonymous;
  out.anonymous_paths = config->anonymous_paths;
  return {};
}

Result<void> read_service_accounts(const FlagSet& flags, AccessOptions& out) {
  out.account_issuers = flags.list("service-account-issuer");
  if (out.account_issuers.empty()) out.account_issuers.emplace_back(kDefaultIssuer);
  for (const auto& issuer : out.account_issuers)
    if (issuer.empty()) return fail(complaint("service-account-issuer should not be an empty string"));
  out.account_key_files = flags.list("service-account-key-file");
  out.account_signing_key_file = flags.text("service-account-signing-key-file");
  if (!out.account_key_files.empty() && out.account_signing_key_file.empty())
    return fail(complaint("service-account-signing-key-file is a required flag"));
  out.api_audiences = flags.list("api-audiences");
  out.jwks_uri = flags.text("service-account-jwks-uri");
  if (!out.jwks_uri.empty() && !out.jwks_uri.starts_with("https://"))
    return fail(complaint("service-account-jwks-uri requires https scheme"));
  out.account_token_seconds_max = flags.nanoseconds("service-account-max-token-expiration") / kSecond_ns;
  if (auto most = out.account_token_seconds_max; most != 0 && (most < kTokenSecondsMin || most > kTokenSecondsMax))
    return fail(complaint("the service-account-max-token-expiration must be between 1 hour and 2^32 seconds"));
  out.extend_account_tokens = flags.is_true("service-account-extend-token-expiration");
  out.lookup_accounts = flags.is_true("service-account-lookup");
  return {};
}

// The key that signs, made once. Others must not read it.
Result<std::string> signing_key(const AccessOptions& options, const std::string& directory) {
  if (!options.account_signing_key_file.empty()) return cluster::read_file(options.account_signing_key_file);
  auto path = directory + "/service-account.key";
  if (::access(path.c_str(), F_OK) == 0) return cluster::read_file(path);
  auto pem = TRY(apiserver::JwtKey::make_private_pem());
  TRY(cluster::write_file(path, pem, 0600));
  return pem;
}

Result<apiserver::ServiceAccountConfig> service_account_config(const AccessOptions& options, const std::string& directory, std::string_view host) {
  apiserver::ServiceAccountConfig config;
  for (const auto& file : options.account_key_files) {
    auto keys = apiserver::JwtKey::read_pem(TRY(cluster::read_file(file)));
    if (!keys) return fail(internal_error(concat("--service-account-key-file ", file, ": ", keys.error().message())));
    for (auto& key : *keys) config.keys.push_back(std::move(key));
  }
  auto signer = apiserver::JwtKey::read_private(TRY(signing_key(options, directory)));
  if (!signer) return fail(internal_error(concat("--service-account-signing-key-file: ", signer.error().message())));
  if (config.keys.empty()) config.keys.push_back(*signer);
  config.signer = std::move(*signer);
  config.issuers = options.account_issuers;
  config.audiences = options.api_audiences;
  config.jwks_uri = options.jwks_uri.empty() ? concat("https://", host, "/openid/v1/jwks") : options.jwks_uri;
  config.max_expiration_s = options.account_token_seconds_max;
  config.extend_expiration = options.extend_account_tokens;
  config.lookup = options.lookup_accounts;
  return config;
}

Result<void> read_request_headers(const FlagSet& flags, AccessOptions& out) {
  out.proxy_ca_file = flags.text("requestheader-client-ca-file");
  if (out.proxy_ca_file.empty()) return {};
  auto& headers = out.request_headers;
  headers.allowed_names = flags.list("requestheader-allowed-names");
  headers.username_headers = flags.list("requestheader-username-headers");
  headers.uid_headers = flags.list("requestheader-uid-headers");
  headers.group_headers = flags.list("requestheader-group-headers");
  headers.extra_prefixes = flags.list("requestheader-extra-headers-prefix");
  for (const auto* names : {&headers.username_headers, &headers.uid_headers, &headers.group_headers, &headers.extra_prefixes})
    for (const auto& name : *names)
      if (trim(name).empty()) return fail(complaint(concat("empty header ", quoted(name))));
  return {};
}

Result<void> read_oidc(const FlagSet& flags, AccessOptions& out) {
  apiserver::OidcConfig oidc;
  oidc.issuer = flags.text("oidc-issuer-url");
  auto client = flags.text("oidc-client-id"), prefix = flags.text("oidc-username-prefix");
  if (oidc.issuer.empty() && client.empty()) return {};
  if (oidc.issuer.empty() || client.empty()) return fail(complaint("oidc-issuer-url and oidc-client-id must be specified together when any oidc-* flags are set"));
  if (!flags.text("authentication-config").empty())
    return fail(complaint("authentication-config file and oidc-* flags are mutually exclusive"));
  if (!oidc.issuer.starts_with("https://")) return fail(complaint(concat("oidc-issuer-url: Invalid value: ", quoted(oidc.issuer), ": URL scheme must be https")));
  oidc.tls.ca_file = flags.text("oidc-ca-file");
  oidc.audiences = {client};
  oidc.algorithms = flags.list("oidc-signing-algs");
  oidc.username.claim = flags.text("oidc-username-claim");
  // Names of several providers must not be taken for each other, unless they are mail addresses or the prefix is given up.
  if (prefix.empty() && oidc.username.claim != "email") prefix = concat(oidc.issuer, "#");
  if (prefix != "-") oidc.username.prefix = prefix;
  oidc.groups = {flags.text("oidc-groups-claim"), flags.text("oidc-groups-prefix")};
  for (const auto& pair : flags.list("oidc-required-claim")) {
    auto equals = pair.find('=');
    if (equals == std::string::npos) return fail(complaint(concat("oidc-required-claim: ", quoted(pair), " is not KEY=VALUE")));
    oidc.required.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  out.issuers.push_back(std::move(oidc));
  return {};
}

Result<void> read_token_webhook(const FlagSet& flags, AccessOptions& out) {
  auto& webhook = out.token_webhook;
  webhook.kubeconfig = flags.text("authentication-token-webhook-config-file");
  webhook.version = flags.text("authentication-token-webhook-version");
  webhook.ttl_us = flags.nanoseconds("authentication-token-webhook-cache-ttl") / 1000;
  if (webhook.version != "v1" && webhook.version != "v1beta1")
    return fail(complaint(concat("--authentication-token-webhook-version must be v1 or v1beta1, got ", quoted(webhook.version))));
  return {};
}

Result<apiserver::WebhookConfig> webhook_config(const AccessOptions::Webhook& options) {
  auto kubeconfig = TRY(client::load_kubeconfig(options.kubeconfig));
  apiserver::WebhookConfig config;
  config.url = kubeconfig.server;
  config.server_name = kubeconfig.server_name;
  config.tls = kubeconfig.tls;
  config.token = kubeconfig.token;
  config.version = options.version;
  config.allowed_ttl_us = options.ttl_us;
  return config;
}

Result<std::unique_ptr<apiserver::Authorizer>> abac(const AccessOptions& options) {
  bool wanted = std::any_of(options.authorizers.begin(), options.authorizers.end(), [](const auto& it) { return it.type == "ABAC"; });
  if (!wanted) return nullptr;
  auto text = cluster::read_file(options.policy_file);
  if (!text) return fail(std::move(text).error().context("invalid authorization config"));
  auto made = apiserver::abac_authorizer(*text, options.policy_file);
  if (!made) return fail(std::move(made).error().context("invalid authorization config"));
  return made;
}

}  // namespace

Result<AccessOptions> access_options(const FlagSet& flags) {
  AccessOptions out;
  TRY(read_authorizers(flags, out));
  out.token_file = flags.text("token-auth-file");
  out.anonymous = flags.is_true("anonymous-auth");
  TRY(read_authentication_config(flags, out));
  TRY(read_service_accounts(flags, out));
  TRY(read_request_headers(flags, out));
  TRY(read_oidc(flags, out));
  TRY(read_token_webhook(flags, out));
  out.bootstrap_tokens = flags.is_true("enable-bootstrap-token-auth");
  return out;
}

Result<apiserver::AccessConfig> access_config(const AccessOptions& options, const std::string& directory, std::string_view host) {
  apiserver::AccessConfig config;
  config.anonymous = options.anonymous;
  config.anonymous_paths = options.anonymous_paths;
  config.chain = TRY(authorizer_chain(options.authorizers));
  config.chain_may_change = !options.authorization_config_file.empty();
  config.abac = TRY(abac(options));
  config.audiences = options.api_audiences;
  if (!options.proxy_ca_file.empty()) config.authenticators.push_back(apiserver::request_header_authenticator(options.request_headers));
  config.authenticators.push_back(apiserver::certificate_authenticator());
  if (!options.token_file.empty()) config.tokens.push_back(TRY(apiserver::token_file_authenticator(options.token_file)));
  config.service_accounts = TRY(service_account_config(options, directory, host));
  config.bootstrap_tokens = options.bootstrap_tokens;
  for (const auto& issuer : options.issuers) config.remote_tokens.push_back(TRY(apiserver::oidc_authenticator(issuer, real_clock())));
  auto audiences = config.audiences.empty() ? config.service_accounts->issuers : config.audiences;
  if (!options.token_webhook.kubeconfig.empty())
    config.remote_tokens.push_back(TRY(apiserver::webhook_token_authenticator(TRY(webhook_config(options.token_webhook)), audiences, real_clock())));
  config.authorizers.push_back(apiserver::masters_authorizer());
  return config;
}

}  // namespace sampan::cmd
