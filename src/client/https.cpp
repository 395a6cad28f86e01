#include "client/https.h"

#include <fstream>
#include <iterator>
#include <mutex>

#include "base/text.h"
#include "client/paths.h"
#include "client/wire.h"
#include "schema/json.h"

namespace sampan::client {

namespace {

constexpr int64_t kTokenAgeUs = 10'000'000;  // a token file is read again after that

class HttpsRemote final : public Remote {
 public:
  HttpsRemote(std::shared_ptr<net::Client> client, net::Endpoint endpoint, std::string base, const Kubeconfig& config, net::ClientOptions options,
              TokenSource source = {})
      : client_(std::move(client)),
        endpoint_(std::move(endpoint)),
        base_(std::move(base)),
        options_(std::move(options)),
        source_(std::move(source)),
        token_(config.token),
        token_file_(config.token_file) {}

  Result<net::Answer> send(Call call) override {
    auto answer = TRY(client_->send(TRY(request(call))));
    if (answer.status >= 400) return fail(refusal(answer));
    return answer;
  }

  Result<std::unique_ptr<net::AnswerStream>> open(Call call) override {
    auto stream = TRY(client_->open(TRY(request(call))));
    if (stream->head().status < 400) return stream;
    net::Answer answer = stream->head();
    while (answer.body.size() < (1u << 20) && TRY(stream->read_some(answer.body, net::deadline_in_ms(10'000)))) {
    }
    return fail(refusal(answer));
  }

  Result<std::shared_ptr<Remote>> with_token(TokenSource source) override {
    std::lock_guard lock(mutex_);
    auto options = options_;
    auto& tls = options.tls;
    for (auto* ours : {&tls.certificate_pem, &tls.certificate_file, &tls.key_pem, &tls.key_file}) ours->clear();
    if (!nameless_) nameless_ = TRY(net::Client::create(options));
    return std::make_shared<HttpsRemote>(nameless_, endpoint_, base_, Kubeconfig(), std::move(options), std::move(source));
  }

 private:
  Result<net::ClientRequest> request(Call& call) {
    net::ClientRequest request;
    bool watch = call.method == "WATCH";
    request.method = watch ? std::string_view("GET") : call.method;
    request.endpoint = endpoint_;
    request.target = concat(base_, call.path);
    request.headers.emplace_back("accept", watch ? kWatchMedia : kAccept);
    if (!call.media.empty()) request.headers.emplace_back("content-type", call.media);
    if (auto token = TRY(bearer_token()); !token.empty()) request.headers.emplace_back("authorization", concat("Bearer ", token));
    request.body = std::move(call.body);
    request.timeout_ms = call.timeout_ms;
    request.body_bytes_max = 1u << 30;  // lists of a large cluster
    return request;
  }

  Result<std::string> bearer_token() {
    if (source_) return source_();
    if (token_file_.empty()) return token_;
    std::lock_guard lock(mutex_);
    int64_t now = real_clock().monotonic_us();
    if (token_.empty() || now - read_at_us_ > kTokenAgeUs) {
      std::ifstream file(token_file_);
      std::string text(std::istreambuf_iterator<char>(file), {});
      if (file || !text.empty()) token_ = trim(text);
      read_at_us_ = now;
    }
    return token_;
  }

  const std::shared_ptr<net::Client> client_;
  const net::Endpoint endpoint_;
  const std::string base_;
  const net::ClientOptions options_;
  const TokenSource source_;
  std::mutex mutex_;  // guards the rest
  std::shared_ptr<net::Client> nameless_;  // without our certificate
  std::string token_;
  const std::string token_file_;
  int64_t read_at_us_ = 0;
};

std::string json_of(Value tree, const Resource* typed = nullptr) {
  Arena arena;
  if (typed && !tree.has("kind")) {
    Value whole = Value::object(arena, tree.size() + 2);
    auto version = api_version_of(*typed);
    whole.set("kind", typed->kind);
    whole.set("apiVersion", arena.copy(version));
    for (const auto& member : tree.members()) whole.set(member.name, member.value);
    tree = whole;
  }
  std::string text;
  schema::write_json(text, tree);
  return text;
}

class HttpsApi final : public Api {
 public:
  HttpsApi(std::shared_ptr<Remote> remote, std::string manager, int64_t timeout_ms) : remote_(std::move(remote)), manager_(std::move(manager)), timeout_ms_(timeout_ms) {}

  Result<ObjectRef> get(const Resource& resource, std::string_view name_space, std::string_view name) override {
    return object({.path = path_of(resource, name_space, name)}, resource);
  }

  Result<std::vector<ObjectRef>> list(const Resource& resource, std::string_view name_space, std::string_view label_selector,
                                      std::string_view field_selector) override {
    std::string query;
    if (!label_selector.empty()) add_query(query, "labelSelector", label_selector);
    if (!field_selector.empty()) add_query(query, "fieldSelector", field_selector);
    auto answer = TRY(send({.path = with_query(path_of(resource, name_space, {}), query)}));
    return TRY(read_list(answer, resource)).items;
  }

  Result<ObjectRef> create(const Resource& resource, std::string_view name_space, Value tree, const Options& options) override {
    return object({.method = "POST",
                   .path = with_query(path_of(resource, name_space, {}), query_of(options)),
                   .media = "application/json",
                   .body = json_of(tree, &resource)},
                  resource);
  }

  Result<ObjectRef> update(const Resource& resource, Value tree, const Options& options) override {
    Value metadata = tree["metadata"];
    auto path = path_of(resource, metadata["namespace"].as_string(), metadata["name"].as_string(), options.subresource);
    bool is_itself = options.subresource != "scale";
    return object({.method = "PUT",
                   .path = with_query(std::move(path), query_of(options)),
                   .media = "application/json",
                   .body = json_of(tree, is_itself ? &resource : nullptr)},
                  resource);
  }

  Result<ObjectRef> patch(const Resource& resource, std::string_view name_space, std::string_view name, PatchType type, Value patch,
                          const Options& options) override {
    auto query = query_of(options);
    if (options.force) add_query(query, "force", "true");
    bool apply = type == PatchType::Apply;
    return object({.method = "PATCH",
                   .path = with_query(path_of(resource, name_space, name, options.subresource), query),
                   .media = media_of(type),
                   .body = json_of(patch, apply ? &resource : nullptr)},
                  resource);
  }

  Result<void> remove(const Resource& resource, std::string_view name_space, std::string_view name, const DeleteOptions& options) override {
    Arena arena;
    TRY(send({.method = "DELETE", .path = path_of(resource, name_space, name), .media = "application/json", .body = json_of(tree_of(options, arena))}));
    return {};
  }

  Result<Value> post(const Resource& resource, std::string_view name_space, std::string_view name, std::string_view subresource, Value request,
                     Arena& arena) override {
    auto answer = TRY(send({.method = "POST",
                                     .path = path_of(resource, name_space, name, subresource),
                                     .media = "application/json",
                                     .body = json_of(request, subresource.empty() ? &resource : nullptr)}));
    return read_tree(answer, arena);
  }

  Result<std::vector<const Resource*>> resources() override {
    std::vector<const Resource*> served;
    auto answer = TRY(send({.path = "/apis"}));
    Arena arena;
    Value groups = TRY(read_tree(answer, arena));
    for (const auto& resource : schema::builtin_resources()) {
      if (&builtin(resource.group, resource.resource) != &resource || !(resource.verbs & schema::Watch)) continue;
      bool known = resource.group.empty();
      for (Value group : groups["groups"].items()) known |= group["name"].as_string() == resource.group;
      if (known) served.push_back(&resource);
    }
    return served;
  }

 private:
  Result<net::Answer> send(Remote::Call call) {
    call.timeout_ms = timeout_ms_;
    return remote_->send(std::move(call));
  }

  Result<ObjectRef> object(Remote::Call call, const Resource& resource) {
    auto answer = TRY(send(std::move(call)));
    return read_object(answer, resource);
  }

  std::string query_of(const Options& options) const {
    std::string query;
    add_query(query, "fieldManager", options.manager.empty() ? std::string_view(manager_) : options.manager);
    if (options.dry_run) add_query(query, "dryRun", "All");
    return query;
  }

  static std::string with_query(std::string path, const std::string& query) {
    if (!query.empty()) append(path, "?", query);
    return path;
  }

  const std::shared_ptr<Remote> remote_;
  const std::string manager_;
  const int64_t timeout_ms_;
};

}  // namespace

Result<std::shared_ptr<Remote>> Remote::connect(const Kubeconfig& config, std::string user_agent) {
  auto url = TRY(net::parse_url(config.server));
  url.endpoint.server_name = config.server_name;
  net::ClientOptions options;
  options.idle_per_endpoint_max = kConnectionsKept;
  options.tls = config.tls;
  options.user_agent = std::move(user_agent);
  auto client = TRY(net::Client::create(options));
  auto base = url.target == "/" ? std::string() : url.target;
  return std::make_shared<HttpsRemote>(std::move(client), std::move(url.endpoint), std::move(base), config, std::move(options));
}

std::unique_ptr<Api> https_api(std::shared_ptr<Remote> remote, std::string manager, int64_t timeout_ms) {
  return std::make_unique<HttpsApi>(std::move(remote), std::move(manager), timeout_ms);
}

}  // namespace sampan::client
