#include "apiserver/admission/webhooks/calls.h"

#include "apiserver/answer_words.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::AnyView;

namespace {

constexpr int kUnavailable = 503;
constexpr size_t kClientsMax = 200;
constexpr size_t kAnswerBytesMax = 8 * 1024 * 1024;  // a patch of a whole object is twice its size in base64

// What an answer that is no success means, as client-go says it.
std::string refusal(const net::Answer& answer) {
  Arena arena;
  if (auto tree = schema::parse_json(answer.body, arena, nullptr, {.depth_max = 20}); tree && (*tree)["kind"].as_string() == "Status")
    return std::string((*tree)["message"].as_string());
  bool is_text = answer.header("content-type").starts_with("text/");
  auto said = is_text ? trim(answer.body) : std::string_view("unknown");
  return std::string(error_of_answer(answer.status, said).message());
}

bool has_port(const AnyView& service, uint16_t port) {
  AnyView ports = service["spec"]["ports"];
  for (uint32_t i = 0; i < ports.size(); i++)
    if (ports.item(i)["port"].as_int() == port) return true;
  return false;
}

Error unavailable(std::string why) { return Error(Reason::ServiceUnavailable, std::move(why)); }

}  // namespace

WebhookAddress webhook_address(const AnyView& config) {
  WebhookAddress address;
  address.url = config["url"].as_string();
  address.ca_pem = config["caBundle"].as_string();
  if (AnyView service = config["service"]; service.present()) {
    address.service = service["name"].as_string();
    address.name_space = service["namespace"].as_string();
    address.path = service["path"].as_string();
    if (auto port = service["port"].as_int()) address.port = static_cast<uint16_t>(port);
  }
  return address;
}

Result<std::shared_ptr<net::Client>> WebhookCalls::client_for(const std::string& ca_pem) {
  std::lock_guard lock(mutex_);
  if (auto known = clients_.find(ca_pem); known != clients_.end()) return known->second;
  net::ClientOptions options;
  options.tls.ca_pem = ca_pem;
  options.user_agent = "kube-apiserver-admission";
  std::shared_ptr<net::Client> client = TRY(net::Client::create(std::move(options)));
  if (clients_.size() >= kClientsMax) clients_.clear();
  clients_.emplace(ca_pem, client);
  return client;
}

// A service is dialled at its cluster IP, or at the name that it stands for; its certificate is for its own name.
Result<net::Endpoint> WebhookCalls::endpoint_of(const WebhookAddress& address) {
  auto* services = catalog_.store_of("", "services");
  auto found = services->get(address.name_space, address.service);
  if (!found && found.error().is(Reason::NotFound)) return fail(unavailable(concat("service ", quoted(address.service), " not found")));
  auto service = TRY(std::move(found));
  AnyView spec = (*service)["spec"];
  auto type = spec["type"].as_string();
  net::Endpoint endpoint;
  endpoint.port = address.port;
  endpoint.server_name = concat(address.service, ".", address.name_space, ".svc");
  if (type == "ExternalName") {
    endpoint.host = spec["externalName"].as_string();
    return endpoint;
  }
  endpoint.host = spec["clusterIP"].as_string();
  if (endpoint.host == "None") return fail(unavailable("cannot route to service with ClusterIP \"None\""));
  if (!has_port(service->view(), address.port))
    return fail(unavailable(concat("no service port ", address.port, " found for service ", quoted(address.service))));
  return endpoint;
}

std::expected<std::string, WebhookCalls::Missed> WebhookCalls::post(const WebhookAddress& address, std::string body, int64_t timeout_us) {
  auto missed = [](std::string_view why, int code) { return std::unexpected(Missed{std::string(why), code}); };
  auto client = client_for(address.ca_pem);
  if (!client) return missed(client.error().message(), 500);
  net::ClientRequest request;
  request.method = "POST";
  std::string shown;
  if (address.service.empty()) {
    auto url = net::parse_url(address.url);
    if (!url) return missed(url.error().message(), 500);
    request.endpoint = url->endpoint;
    request.target = url->target;
    shown = concat("https://", net::authority_of(url->endpoint));
  } else {
    request.host = concat(address.service, ".", address.name_space, ".svc:", address.port);
    request.target = address.path.starts_with('/') ? address.path : concat("/", address.path);
    shown = concat("https://", request.host);
  }
  if (timeout_us != INT64_MAX) {
    constexpr int64_t kSecond_us = 1'000'000;
    if (timeout_us > 0) append(request.target, request.target.find('?') == std::string::npos ? "?" : "&", "timeout=", (timeout_us + kSecond_us - 1) / kSecond_us, "s");
    request.timeout_ms = std::max<int64_t>((timeout_us + 999) / 1000, 1);
  }
  append(shown, request.target);
  auto failed = [&](const Error& error) {
    std::string_view why = error.message();
    if (auto url_end = why.find("\": "); why.starts_with("Post \"") && url_end != why.npos) why.remove_prefix(url_end + 3);  // where it was really sent
    if (auto whose = why.find(" (Client.Timeout exceeded"); whose != why.npos) why = why.substr(0, whose);  // here it is the request's
    return missed(concat("Post ", quoted(shown), ": ", why), kUnavailable);
  };
  if (!address.service.empty()) {
    auto endpoint = endpoint_of(address);
    if (!endpoint) return failed(endpoint.error());
    request.endpoint = std::move(*endpoint);
  }
  request.headers = {{"content-type", "application/json"}, {"accept", "application/json, */*"}};
  request.body = std::move(body);
  request.body_bytes_max = kAnswerBytesMax;
  auto answer = (*client)->send(request);
  // A connection that was kept may have been closed meanwhile.
  if (!answer && !answer.error().is(Reason::Timeout)) answer = (*client)->send(request);
  if (!answer) return failed(answer.error());
  if (answer->status < 200 || answer->status > 299) return missed(refusal(*answer), answer->status);
  if (answer->body.empty())
    return missed(concat("0-length response with status code: ", answer->status, " and content type: ", answer->header("content-type")), kUnavailable);
  return std::move(answer->body);
}

}  // namespace sampan::apiserver
