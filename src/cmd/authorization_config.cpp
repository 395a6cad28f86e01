#include "cmd/authorization_config.h"

#include <sys/stat.h>

#include <set>

#include "apiserver/access/match_conditions.h"
#include "base/aggregate.h"
#include "base/encoding.h"
#include "base/log.h"
#include "base/names.h"
#include "base/text.h"
#include "base/watchman.h"
#include "client/kubeconfig.h"
#include "cluster/certificates.h"
#include "registry/field_errors.h"
#include "schema/config_file.h"

namespace sampan::cmd {

namespace {

using registry::FieldErrors;
using registry::Path;
using registry::Shown;
using schema::Value;

constexpr std::string_view kVersions[] = {"v1", "v1beta1", "v1alpha1"};
constexpr std::string_view kReviewVersions[] = {"v1", "v1beta1"}, kConditionVersions[] = {"v1"};
constexpr std::string_view kPolicies[] = {"NoOpinion", "Deny"}, kConnections[] = {"InClusterConfig", "KubeConfigFile"};
constexpr int64_t kMillisecond_ns = 1'000'000, kSecond_ns = 1'000 * kMillisecond_ns;
constexpr int64_t kTimeoutMax_ns = 30 * kSecond_ns, kAllowedTtl_ns = 300 * kSecond_ns, kDeniedTtl_ns = 30 * kSecond_ns;
constexpr uint32_t kConditionsMax = 64;

template <size_t n>
bool is_one_of(std::string_view text, const std::string_view (&list)[n]) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

int64_t nanoseconds(Value duration) {
  int64_t ns = 0;
  parse_duration(duration.as_string(), ns);
  return ns;
}

// ---- validation ----

template <size_t n>
void check_choice(Value value, const Path& at, const std::string_view (&choices)[n], FieldErrors& errors) {
  auto text = value.as_string();
  if (text.empty()) return errors.required(at, "");
  if (!is_one_of(text, choices)) errors.not_supported(at, text, choices);
}

void check_kubeconfig(const std::string& file, const Path& at, FieldErrors& errors) {
  if (file.empty()) return errors.required(at, "");
  if (file[0] != '/') return errors.invalid(at, file, "must be an absolute path");
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0)
    return errors.invalid(at, file, concat("error loading file: stat ", file, ": ", to_lower(strerror(errno))));
  if (!S_ISREG(info.st_mode)) errors.invalid(at, file, "must be a regular file");
}

void check_connection(Value connection, const Path& at, FieldErrors& errors) {
  std::string type(connection["type"].as_string()), file(connection["kubeConfigFile"].as_string());
  auto type_at = at.child("type"), file_at = at.child("kubeConfigFile");
  bool names_file = connection["kubeConfigFile"].is_string();
  if (type.empty()) return errors.required(type_at, "");
  if (type == "KubeConfigFile") return check_kubeconfig(file, file_at, errors);
  if (type == "InClusterConfig") {
    if (names_file) return errors.invalid(file_at, file, "can only be set when type=KubeConfigFile");
    return errors.invalid(type_at, type, "an API server cannot ask itself");
  }
  errors.not_supported(type_at, Shown::raw(concat(R"({"Type":)", quoted(type), R"(,"KubeConfigFile":)", names_file ? quoted(file) : "null", "}")), kConnections);
}

void check_conditions(Value conditions, const Path& at, FieldErrors& errors) {
  if (conditions.size() > kConditionsMax) return errors.too_many(at, conditions.size(), kConditionsMax);
  std::set<std::string_view> seen;
  for (uint32_t i = 0; i < conditions.size(); i++) {
    auto expression = conditions.at(i)["expression"].as_string();
    auto condition_at = at.index(i), expression_at = condition_at.child("expression");
    if (trim(expression).empty())
      errors.required(expression_at, "");
    else if (!seen.insert(expression).second)
      errors.duplicate(expression_at, expression);
    else if (auto program = apiserver::match_condition(std::string(expression)); !program.checked && program.checked.error().internal)
      errors.internal(expression_at, program.checked.error().reason);
    else if (!program.checked)
      errors.invalid(expression_at, expression, program.checked.error().reason);
  }
}

void check_duration(Value value, int64_t preset_ns, const Path& at, FieldErrors& errors) {
  auto ns = nanoseconds(value);
  if (ns == 0) ns = preset_ns;
  if (ns < 0) errors.invalid(at, value.as_string(), "must be > 0s");
}

void check_webhook(Value webhook, const Path& at, FieldErrors& errors) {
  auto timeout = nanoseconds(webhook["timeout"]);
  if (timeout == 0)
    errors.required(at.child("timeout"), "");
  else if (timeout < 0 || timeout > kTimeoutMax_ns)
    errors.invalid(at.child("timeout"), webhook["timeout"].as_string(), "must be > 0s and <= 30s");
  check_duration(webhook["authorizedTTL"], kAllowedTtl_ns, at.child("authorizedTTL"), errors);
  check_duration(webhook["unauthorizedTTL"], kDeniedTtl_ns, at.child("unauthorizedTTL"), errors);
  check_choice(webhook["subjectAccessReviewVersion"], at.child("subjectAccessReviewVersion"), kReviewVersions, errors);
  Value version = webhook["matchConditionSubjectAccessReviewVersion"], conditions = webhook["matchConditions"];
  auto version_at = at.child("matchConditionSubjectAccessReviewVersion");
  if (!version.as_string().empty())
    check_choice(version, version_at, kConditionVersions, errors);
  else if (!conditions.empty())
    errors.required(version_at, "required if match conditions are specified");
  check_choice(webhook["failurePolicy"], at.child("failurePolicy"), kPolicies, errors);
  check_connection(webhook["connectionInfo"], at.child("connectionInfo"), errors);
  check_conditions(conditions, at.child("matchConditions"), errors);
}

void check_name(std::string_view name, std::set<std::string_view>& seen, const Path& at, FieldErrors& errors) {
  Complaints complaints;
  if (name.empty())
    errors.required(at, "");
  else if (seen.contains(name))
    errors.duplicate(at, name);
  else if (check_dns1123_subdomain(name, complaints); !complaints.empty())
    errors.invalid(at, name, concat("authorizer name is invalid: ", join(complaints, ", ")));
  seen.insert(name);
}

void check_config(Value tree, FieldErrors& errors) {
  auto list_at = Path("authorizers");
  Value authorizers = tree["authorizers"];
  if (authorizers.empty()) errors.required(list_at, "at least one authorization mode must be defined");
  std::set<std::string_view> types, names;
  for (uint32_t i = 0; i < authorizers.size(); i++) {
    Value it = authorizers.at(i), webhook = it["webhook"];
    auto at = list_at.index(i), type_at = at.child("type");
    auto type = it["type"].as_string();
    bool is_webhook = type == "Webhook";
    if (type.empty()) {
      errors.required(type_at, "");
    } else if (!is_one_of(type, kAuthorizerTypes)) {
      errors.not_supported(type_at, type, kAuthorizerTypes);
    } else if (!types.insert(type).second && !is_webhook) {
      errors.duplicate(type_at, type);
    } else {
      check_name(it["name"].as_string(), names, at.child("name"), errors);
      if (is_webhook && !webhook.is_object())
        errors.required(at.child("webhook"), "required when type=Webhook");
      else if (is_webhook)
        check_webhook(webhook, at, errors);  // upstream names the webhook's fields without the webhook
      else if (webhook.is_object())
        errors.invalid(at.child("webhook"), "non-null", "may only be specified when type=Webhook");
    }
  }
}

// ---- making ----

int64_t ttl_us(Value webhook, std::string_view ttl, std::string_view kept, int64_t preset_ns) {
  if (webhook[kept].is_bool() && !webhook[kept].as_bool()) return 0;
  auto ns = nanoseconds(webhook[ttl]);
  return (ns ? ns : preset_ns) / 1000;
}

AuthorizerOptions read_authorizer(Value it) {
  AuthorizerOptions out{.type = std::string(it["type"].as_string()), .name = std::string(it["name"].as_string())};
  Value webhook = it["webhook"];
  if (!webhook.is_object()) return out;
  out.kubeconfig = webhook["connectionInfo"]["kubeConfigFile"].as_string();
  for (Value condition : webhook["matchConditions"].items()) out.match_conditions.emplace_back(condition["expression"].as_string());
  out.version = webhook["subjectAccessReviewVersion"].as_string();
  out.allowed_ttl_us = ttl_us(webhook, "authorizedTTL", "cacheAuthorizedRequests", kAllowedTtl_ns);
  out.denied_ttl_us = ttl_us(webhook, "unauthorizedTTL", "cacheUnauthorizedRequests", kDeniedTtl_ns);
  out.timeout_ms = std::max<int64_t>(1, nanoseconds(webhook["timeout"]) / kMillisecond_ns);
  out.denies_on_failure = webhook["failurePolicy"].as_string() == "Deny";
  return out;
}

}  // namespace

Result<AuthorizersOptions> parse_authorization_config(std::string_view yaml) {
  Arena arena;
  Value tree;
  if (!yaml.empty()) {  // an empty file has no authorisers, which the checks tell
    constexpr schema::ConfigKind kind{"apiserver.config.k8s.io", "AuthorizationConfiguration", kVersions,
                                      "io.k8s.apiserver.pkg.apis.apiserver.v1.AuthorizationConfiguration"};
    auto read = schema::read_config(yaml, {&kind, 1}, arena);
    if (!read) return fail(std::move(read).error().context("failed to load AuthorizationConfiguration from file"));
    tree = *read;
  }
  FieldErrors errors;
  check_config(tree, errors);
  if (!errors.empty()) return fail(bad_request(errors.text()));
  AuthorizersOptions out;
  std::vector<std::string> wrong;
  for (Value it : tree["authorizers"].items()) {
    out.push_back(read_authorizer(it));
    const auto& [type, name] = std::tie(out.back().type, out.back().name);
    if (type != "Webhook" && name != to_lower(type)) wrong.push_back(concat("expected name ", to_lower(type), " for authorizer ", type, " instead of ", name));
  }
  if (wrong.empty()) return out;
  return fail(bad_request(aggregated(wrong)));
}

Result<std::vector<apiserver::AuthorizerConfig>> authorizer_chain(const AuthorizersOptions& options) {
  std::vector<apiserver::AuthorizerConfig> chain;
  for (const auto& it : options) {
    apiserver::AuthorizerConfig config{it.type, it.name, {}};
    if (it.type == "Webhook") {
      auto kubeconfig = TRY(client::load_kubeconfig(it.kubeconfig));
      config.webhook = apiserver::WebhookConfig{.url = kubeconfig.server,
                                                .server_name = kubeconfig.server_name,
                                                .tls = kubeconfig.tls,
                                                .token = kubeconfig.token,
                                                .version = it.version,
                                                .allowed_ttl_us = it.allowed_ttl_us,
                                                .denied_ttl_us = it.denied_ttl_us,
                                                .timeout_ms = it.timeout_ms,
                                                .match_conditions = it.match_conditions,
                                                .denies_on_failure = it.denies_on_failure};
    }
    chain.push_back(std::move(config));
  }
  return chain;
}

namespace {

class Reload final : public AuthorizationReload {
 public:
  Reload(std::string path, std::string text, apiserver::Access& access, int64_t pause_us)
      : path_(std::move(path)), access_(access), pause_us_(pause_us), text_(std::move(text)) {
    for (const auto& it : parse_authorization_config(text_).value_or(AuthorizersOptions()))
      if (it.type != "Webhook") required_.insert(it.type);
    access_.metrics().config_in_use(text_);
    watchman_.start();
  }

 private:
  void look() {
    auto text = cluster::read_file(path_);
    if (!text) {
      if (!std::exchange(unreadable_, true)) report(text.error());  // once is enough
      return;
    }
    unreadable_ = false;
    if (*text == text_) return;
    LOG_INFO("found new authorization config data");
    text_ = std::move(*text);
    if (auto used = use(); !used) return report(used.error());
    LOG_INFO("reloaded authz config");
    access_.metrics().config_in_use(text_);
    access_.metrics().config_reloaded(true, real_clock().now_us());
  }

  Result<void> use() {
    auto options = TRY(parse_authorization_config(text_));
    auto missing = required_;
    for (const auto& it : options) missing.erase(it.type);
    if (!missing.empty()) return fail(bad_request(concat("missing required types: [", join({missing.begin(), missing.end()}, " "), "]")));
    return access_.use_chain(TRY(authorizer_chain(options)));
  }

  void report(const Error& error) {
    LOG_ERROR("reloading authorization config ", path_, ": ", error.message());
    access_.metrics().config_reloaded(false, real_clock().now_us());
  }

  const std::string path_;
  apiserver::Access& access_;
  const int64_t pause_us_;
  std::set<std::string> required_;  // types, besides webhooks, that must stay
  std::string text_;                // as it was looked at last
  bool unreadable_ = false;
  Watchman watchman_{[this](bool) { return look(), pause_us_; }};
};

}  // namespace

std::unique_ptr<AuthorizationReload> reload_authorization_config(std::string path, std::string text, apiserver::Access& access, int64_t pause_us) {
  return std::make_unique<Reload>(std::move(path), std::move(text), access, pause_us);
}

}  // namespace sampan::cmd
