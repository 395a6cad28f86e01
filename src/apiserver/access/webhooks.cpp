#include "apiserver/access/webhooks.h"

#include <mutex>
#include <optional>
#include <unordered_map>

#include "base/log.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

constexpr int64_t kTimeout_ms = 30'000;
constexpr size_t kKeptMax = 8192;
constexpr size_t kAnswerBytesMax = 1024 * 1024;

template <class T>
class Kept {
 public:
  explicit Kept(Clock& clock) : clock_(clock) {}
  std::optional<T> find(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto at = entries_.find(key);
    if (at == entries_.end() || at->second.until_us < clock_.monotonic_us()) return std::nullopt;
    return at->second.value;
  }
  void keep(std::string key, T value, int64_t ttl_us) {
    if (ttl_us <= 0) return;
    std::lock_guard lock(mutex_);
    if (entries_.size() >= kKeptMax) entries_.clear();
    entries_.insert_or_assign(std::move(key), Entry{std::move(value), clock_.monotonic_us() + ttl_us});
  }

 private:
  struct Entry {
    T value;
    int64_t until_us;
  };
  Clock& clock_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

class Webhook {
 public:
  static Result<std::unique_ptr<Webhook>> open(const WebhookConfig& config) {
    auto webhook = std::make_unique<Webhook>();
    auto url = TRY(net::parse_url(config.url));
    net::ClientOptions options;
    options.tls = config.tls;
    options.user_agent = "kube-apiserver-admission";
    webhook->client_ = TRY(net::Client::create(std::move(options)));
    webhook->request_.method = "POST";
    webhook->request_.endpoint = url.endpoint;
    if (!config.server_name.empty()) webhook->request_.endpoint.server_name = config.server_name;
    webhook->request_.target = url.target;
    webhook->request_.headers = {{"content-type", "application/json"}, {"accept", "application/json"}};
    if (!config.token.empty()) webhook->request_.headers.emplace_back("authorization", concat("Bearer ", config.token));
    webhook->request_.timeout_ms = kTimeout_ms;
    webhook->request_.body_bytes_max = kAnswerBytesMax;
    return webhook;
  }

  // The `status` of the review that comes back. Asked once more if the other side was not there.
  Result<Value> ask(std::string body, std::string& answer_text, Arena& arena) {
    auto request = request_;
    request.body = std::move(body);
    auto answer = client_->send(request);
    if (!answer) answer = client_->send(request);
    if (!answer) return fail(std::move(answer).error());
    if (answer->status < 200 || answer->status > 299) return fail(internal_error(concat("webhook answers ", answer->status)));
    answer_text = std::move(answer->body);
    auto tree = schema::parse_json(answer_text, arena, nullptr, {.depth_max = 20});
    if (!tree) return fail(internal_error(concat("webhook: ", tree.error().message())));
    return (*tree)["status"];
  }

 private:
  std::unique_ptr<net::Client> client_;
  net::ClientRequest request_;
};

Value list_of(const std::vector<std::string>& texts, Arena& arena) {
  Value list = Value::list(arena);
  for (const auto& text : texts) list.push(std::string_view(text));
  return list;
}

std::vector<std::string> read_list(Value list) {
  std::vector<std::string> texts;
  for (Value item : list.items()) texts.emplace_back(item.as_string());
  return texts;
}

Value review(std::string_view group, const std::string& version, std::string_view kind, Arena& arena) {
  Value tree = Value::object(arena, 4);
  tree.set("kind", kind);
  tree.set("apiVersion", arena.copy(concat(group, "/", version)));
  tree.set("metadata", Value::object(arena));
  return tree;
}

// ---- tokens ----

class WebhookTokens final : public TokenAuthenticator {
 public:
  WebhookTokens(std::unique_ptr<Webhook> webhook, WebhookConfig config, std::vector<std::string> audiences, Clock& clock)
      : webhook_(std::move(webhook)), config_(std::move(config)), audiences_(std::move(audiences)), kept_(clock) {}

  IdentityResult authenticate_token(std::string_view token, const std::vector<std::string>* wanted) override {
    const auto& asked = wanted ? *wanted : audiences_;
    auto key = concat(token, "\n", join(asked, "\n"));
    auto identity = kept_.find(key);
    if (!identity) {
      identity = TRY(ask(token, asked));
      kept_.keep(std::move(key), *identity, config_.allowed_ttl_us);
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
    Value status = TRY(webhook_->ask(std::move(body), text, arena));
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

  std::unique_ptr<Webhook> webhook_;
  const WebhookConfig config_;
  const std::vector<std::string> audiences_;
  Kept<Identity> kept_;
};

// ---- rights ----

struct Opinion {
  Decision decision = Decision::NoOpinion;
  std::string reason;
};

class WebhookRights final : public Authorizer {
 public:
  WebhookRights(std::unique_ptr<Webhook> webhook, WebhookConfig config, Clock& clock)
      : webhook_(std::move(webhook)), config_(std::move(config)), kept_(clock) {}

  Decision authorize(const User& user, const RequestInfo& request, std::string& reason) override {
    std::string body = question(user, request);
    auto opinion = kept_.find(body);
    if (!opinion) {
      auto answer = ask(body);
      if (!answer) {
        LOG_WARNING("authorization webhook: ", answer.error().message());
        return Decision::NoOpinion;
      }
      bool allowed = answer->decision == Decision::Allow;
      kept_.keep(std::move(body), *answer, allowed ? config_.allowed_ttl_us : config_.denied_ttl_us);
      opinion = std::move(*answer);
    }
    reason = opinion->reason;
    return opinion->decision;
  }

  void rules_for(const User&, std::string_view, SubjectRules& out) override {
    out.incomplete = true;
    out.problems.emplace_back("webhook authorizer does not support user rule resolution");
  }

 private:
  std::string question(const User& user, const RequestInfo& request) const {
    Arena arena;
    Value tree = review("authorization.k8s.io", config_.version, "SubjectAccessReview", arena), spec = tree.ensure_object("spec");
    if (request.is_resource) {
      Value of = spec.ensure_object("resourceAttributes");
      auto set = [&](std::string_view member, const std::string& text) {
        if (!text.empty()) of.set(member, std::string_view(text));
      };
      set("namespace", request.name_space);
      set("verb", request.verb);
      set("group", request.group);
      set("version", request.version);
      set("resource", request.resource);
      set("subresource", request.subresource);
      set("name", request.name);
      if (!request.field_selector.empty()) of.ensure_object("fieldSelector").set("rawSelector", std::string_view(request.field_selector));
      if (!request.label_selector.empty()) of.ensure_object("labelSelector").set("rawSelector", std::string_view(request.label_selector));
    } else {
      Value of = spec.ensure_object("nonResourceAttributes");
      of.set("path", std::string_view(request.path));
      of.set("verb", std::string_view(request.verb));
    }
    spec.set("user", std::string_view(user.name));
    if (!user.groups.empty()) spec.set(config_.version == "v1" ? "groups" : "group", list_of(user.groups, arena));
    for (const auto& [key, values] : user.extra) spec.ensure_object("extra").set(key, list_of(values, arena));
    if (!user.uid.empty()) spec.set("uid", std::string_view(user.uid));
    std::string body;
    schema::write_json(body, tree);
    return body;
  }

  Result<Opinion> ask(const std::string& body) {
    Arena arena;
    std::string text;
    Value status = TRY(webhook_->ask(body, text, arena));
    bool allowed = status["allowed"].as_bool(), denied = status["denied"].as_bool();
    if (allowed && denied) return fail(internal_error("webhook subject access review returned both allow and deny response"));
    Opinion opinion;
    opinion.decision = allowed ? Decision::Allow : denied ? Decision::Deny : Decision::NoOpinion;
    opinion.reason = status["reason"].as_string();
    return opinion;
  }

  std::unique_ptr<Webhook> webhook_;
  const WebhookConfig config_;
  Kept<Opinion> kept_;
};

}  // namespace

Result<std::unique_ptr<TokenAuthenticator>> webhook_token_authenticator(WebhookConfig config, std::vector<std::string> audiences, Clock& clock) {
  auto webhook = TRY(Webhook::open(config));
  return std::make_unique<WebhookTokens>(std::move(webhook), std::move(config), std::move(audiences), clock);
}

Result<std::unique_ptr<Authorizer>> webhook_authorizer(WebhookConfig config, Clock& clock) {
  auto webhook = TRY(Webhook::open(config));
  return std::make_unique<WebhookRights>(std::move(webhook), std::move(config), clock);
}

}  // namespace sampan::apiserver
