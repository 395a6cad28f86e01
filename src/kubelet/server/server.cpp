#include "kubelet/server/server.h"

#include "base/log.h"
#include "base/text.h"
#include "kubelet/server/handlers.h"
#include "kubelet/server/logs.h"

namespace sampan::kubelet {

namespace {

class CertificateAccess final : public NodeAccess {
 public:
  explicit CertificateAccess(std::vector<std::string> users) : users_(std::move(users)) {}
  Result<std::optional<NodeUser>> authenticate(const net::Request& request) override {
    if (!request.peer || !request.peer->is_client) return std::nullopt;
    return NodeUser{.name = request.peer->common_name, .groups = request.peer->organizations};
  }
  Result<bool> authorize(const NodeUser& user, std::string_view, std::string_view, std::string_view) override {
    auto has = [](const std::vector<std::string>& list, std::string_view what) { return std::find(list.begin(), list.end(), what) != list.end(); };
    return has(user.groups, "system:masters") || has(users_, user.name);
  }

 private:
  const std::vector<std::string> users_;
};

std::string_view verb_of(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "GET") return "get";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "";
}

// What an endpoint is to whoever decides about access: subresources of the node, of which one must be allowed.
std::vector<std::string_view> subresources_of(std::string_view endpoint) {
  if (endpoint == "stats") return {"stats"};
  if (endpoint == "metrics") return {"metrics"};
  if (endpoint == "logs") return {"log"};
  if (endpoint == "checkpoint") return {"checkpoint"};
  if (endpoint == "pods" || endpoint == "runningpods") return {"pods", "proxy"};
  if (endpoint == "healthz") return {"healthz", "proxy"};
  if (endpoint == "configz") return {"configz", "proxy"};
  return {"proxy"};
}

net::Response plain_metrics(std::string text) {
  return {.headers = {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}, .body = std::move(text)};
}

net::Response answer_health(NodeCall& call) {
  auto healthy = call.parts.health ? call.parts.health() : Result<void>();
  return healthy ? text_answer(200, "ok") : text_answer(500, concat("[+]ping ok\n[-]syncloop failed: ", healthy.error().message(), "\nhealthz check failed\n"));
}

net::Response answer_metrics(NodeCall& call) {
  auto text = [](const std::function<std::string()>& make) { return make ? make() : std::string(); };
  if (call.segments.size() == 1) return plain_metrics(text(call.parts.metrics));
  if (call.segments.size() != 2) return text_answer(404, "404: Page Not Found");
  if (call.segments[1] == "resource") return plain_metrics(call.parts.pods.resource_metrics());
  if (call.segments[1] == "cadvisor") return plain_metrics(text(call.parts.cadvisor_metrics));
  if (call.segments[1] == "probes") return plain_metrics({});
  return text_answer(404, "404: Page Not Found");
}

net::Response answer_stats(NodeCall& call) {
  if (call.segments.size() != 2 || call.segments[1] != "summary") return text_answer(404, "404: Page Not Found");
  return json_answer(call.parts.pods.stats_summary(call.query.is_true("only_cpu_and_memory")));
}

net::Response answer_configz(NodeCall& call) { return json_answer(concat(R"({"kubeletconfig":)", call.options.configz.empty() ? "{}" : call.options.configz, "}")); }
net::Response answer_all_pods(NodeCall& call) { return answer_pods(call, false); }
net::Response answer_running_pods(NodeCall& call) { return answer_pods(call, true); }
net::Response answer_checkpoint(NodeCall& call) {
  auto& segments = call.segments;
  if (segments.size() != 4) return text_answer(404, "404: Page Not Found");
  return text_answer(500, concat("checkpointing of ", segments[1], "/", segments[2], "/", segments[3], " failed (checkpoints are not supported)"));
}

struct Endpoint {
  std::string_view name;
  net::Response (*answer)(NodeCall&);
  bool debugging = false;  // refused where such things are turned off
};
constexpr Endpoint kEndpoints[] = {
    {"healthz", answer_health},
    {"pods", answer_all_pods},
    {"runningpods", answer_running_pods, true},
    {"stats", answer_stats},
    {"metrics", answer_metrics},
    {"configz", answer_configz},
    {"checkpoint", answer_checkpoint},
    {"containerLogs", answer_logs, true},
    {"exec", answer_exec, true},
    {"attach", answer_exec, true},
    {"portForward", answer_port_forward, true},
    {"run", answer_run, true},
};

class HttpsNodeServer final : public NodeServer {
 public:
  HttpsNodeServer(NodeServerOptions options, NodeServerParts parts, std::unique_ptr<net::Client> client)
      : options_(std::move(options)), parts_(std::move(parts)), client_(std::move(client)), threads_(options_.threads_max) {}
  ~HttpsNodeServer() override {
    if (listener_) listener_->stop(std::chrono::milliseconds(0));
  }

  Result<void> listen() {
    net::ServerOptions options;
    options.address = options_.address;
    options.port = options_.port;
    options.tls = options_.tls;
    options.io_threads = 1;
    listener_ = TRY(net::listen(std::move(options), [this](std::shared_ptr<net::Exchange> exchange) { receive(std::move(exchange)); }));
    return {};
  }
  uint16_t port() const override { return listener_->port(); }

 private:
  // Each request on a thread of its own: most wait for the runtime, and there are few.
  void receive(std::shared_ptr<net::Exchange> exchange) {
    bool runs = threads_.run([this, exchange] { exchange->respond(answer(exchange->request())); });
    if (!runs) exchange->respond(text_answer(429, "too many requests"));
  }

  net::Response answer(net::Request& request) {
    NodeCall call{.request = request, .parts = parts_, .options = options_, .threads = threads_, .client = *client_, .segments = {}, .query = NodeQuery(request.query)};
    for (auto part : split(request.path, '/'))
      if (!part.empty()) call.segments.push_back(decode_path(part));
    std::string_view endpoint = call.segments.empty() ? std::string_view() : call.segments[0];
    if (auto refused = refuse(request, endpoint)) return std::move(*refused);
    bool posts = endpoint == "exec" || endpoint == "attach" || endpoint == "portForward" || endpoint == "run" || endpoint == "checkpoint";
    for (const auto& entry : kEndpoints) {
      if (entry.name != endpoint) continue;
      if (entry.debugging && !options_.debugging) return text_answer(405, "Debug endpoints are disabled.\n");
      if (request.method != "GET" && request.method != "HEAD" && !(posts && request.method == "POST")) return text_answer(405, "405: Method Not Allowed");
      return entry.answer(call);
    }
    if (endpoint == "logs") return text_answer(405, "logs endpoint is disabled.\n");
    return text_answer(404, "404 page not found\n");
  }

  std::optional<net::Response> refuse(const net::Request& request, std::string_view endpoint) {
    auto user = parts_.access.authenticate(request);
    if (!user || !*user) return text_answer(401, "Unauthorized");
    auto verb = verb_of(request.method == "HEAD" ? "GET" : request.method);
    std::string shown;
    for (auto subresource : subresources_of(endpoint)) {
      auto allowed = parts_.access.authorize(**user, verb, subresource, request.path);
      if (!allowed) {
        LOG_WARNING("nodes/", subresource, " for ", (*user)->name, ": ", allowed.error().message());
        return text_answer(500, concat("Authorization error (user=", (*user)->name, ", verb=", verb, ", resource=nodes, subresource=", subresource, ")"));
      }
      if (*allowed) return std::nullopt;
      append(shown, shown.empty() ? "" : " ", subresource);
    }
    return text_answer(403, concat("Forbidden (user=", (*user)->name, ", verb=", verb, ", resource=nodes, subresource(s)=[", shown, "])\n"));
  }

  const NodeServerOptions options_;
  const NodeServerParts parts_;
  const std::unique_ptr<net::Client> client_;
  std::unique_ptr<net::Server> listener_;
  net::ThreadSet threads_;  // last: its destructor waits for whoever uses the rest
};

}  // namespace

std::unique_ptr<NodeAccess> certificate_access(std::vector<std::string> users) { return std::make_unique<CertificateAccess>(std::move(users)); }

Result<std::unique_ptr<NodeServer>> NodeServer::start(NodeServerOptions options, NodeServerParts parts) {
  auto client = TRY(net::Client::create({}));
  auto server = std::make_unique<HttpsNodeServer>(std::move(options), std::move(parts), std::move(client));
  TRY(server->listen());
  return server;
}

}  // namespace sampan::kubelet
