// The subresource "proxy" of services, pods and nodes: requests of any method go to what is behind them.
#include <netdb.h>
#include <sys/socket.h>

#include "apiserver/connect_admission.h"
#include "apiserver/respond.h"
#include "apiserver/streams/backends.h"
#include "apiserver/streams/html_links.h"
#include "apiserver/streams/remote_command.h"
#include "apiserver/subresources.h"
#include "base/text.h"
#include "net/address.h"
#include "net/websocket.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::ObjectRef;

namespace {

constexpr int64_t kHeadTimeout_ms = 30 * 60 * 1000;
constexpr size_t kPageBytesMax = 16 * 1024 * 1024;  // of a page whose links are rewritten

struct Target {
  std::string_view scheme, name, port;
};

// "name", "name:port", "scheme:name" with an empty port ("https:name:"), or "scheme:name:port".
std::optional<Target> split_target(std::string_view id) {
  auto parts = split(id, ':');
  Target target;
  if (parts.size() == 1) target.name = parts[0];
  if (parts.size() == 2) target.name = parts[0], target.port = parts[1];
  if (parts.size() == 3) {
    target.scheme = parts[0], target.name = parts[1], target.port = parts[2];
    if (target.scheme != "http" && target.scheme != "https") return {};
  }
  if (target.name.empty()) return {};
  return target;
}

Result<Target> target_of(const RequestInfo& info, std::string_view what) {
  auto target = split_target(info.name);
  if (!target) return fail(bad_request(concat("invalid ", what, " request ", quoted(info.name))));
  return *target;
}

struct Backend {
  net::Endpoint endpoint;
  net::Client* client;
  bool is_node = false;
};

// A port by its number; 0 if it is none.
uint16_t port_number(std::string_view text) {
  uint16_t number = 0;
  return parse_int(text, number) ? number : 0;
}

Backend other(Context& context, const Target& target, std::string_view address, uint16_t port) {
  bool tls = target.scheme == "https";
  if (port == 0) port = tls ? 443 : 80;
  return {.endpoint = {.host = std::string(address), .port = port, .tls = tls}, .client = &context.services.backends->others()};
}

// Whether the address is a pod's of this namespace: an Endpoints object may claim anything.
bool is_pods(Context& context, const AnyView& address) {
  const RequestInfo& info = context.info;
  AnyView reference = address["targetRef"];
  if (!reference.present() || reference["namespace"].as_string() != info.name_space) return false;
  auto pod = context.services.catalog->store_of("", "pods")->get(info.name_space, reference["name"].as_string());
  if (!pod) return false;
  AnyView addresses = (**pod)["status"]["podIPs"];
  for (uint32_t i = 0; i < addresses.size(); i++)
    if (addresses.item(i)["ip"].as_string() == address["ip"].as_string()) return true;
  return false;
}

Result<Backend> service_backend(Context& context) {
  const RequestInfo& info = context.info;
  auto target = TRY(target_of(info, "service"));
  std::string port_name(target.port);
  int64_t number = 0;
  if (parse_int(target.port, number)) {
    auto service = TRY(context.served->store->get(info.name_space, target.name));
    AnyView ports = (*service)["spec"]["ports"];
    bool found = false;
    for (uint32_t i = 0; i < ports.size() && !found; i++)
      if (ports.item(i)["port"].as_int() == number) found = true, port_name = ports.item(i)["name"].as_string();
    if (!found)
      return fail(Error(Reason::ServiceUnavailable, concat("no service port ", number, " found for service ", quoted(target.name))));
  }
  auto endpoints = TRY(context.services.catalog->store_of("", "endpoints")->get(info.name_space, target.name));
  AnyView subsets = (*endpoints)["subsets"];
  if (subsets.size() == 0)
    return fail(Error(Reason::ServiceUnavailable, concat("no endpoints available for service ", quoted(target.name))));
  auto start = context.services.random->next();
  for (uint32_t s = 0; s < subsets.size(); s++) {
    AnyView subset = subsets.item((start + s) % subsets.size());
    AnyView ports = subset["ports"], addresses = subset["addresses"];
    for (uint32_t p = 0; p < ports.size(); p++) {
      if (ports.item(p)["name"].as_string() != port_name) continue;
      for (uint32_t a = 0; a < addresses.size(); a++) {
        AnyView address = addresses.item((start + a) % addresses.size());
        auto ip = address["ip"].as_string();
        if (is_pods(context, address) && may_be_dialled(ip)) return other(context, target, ip, static_cast<uint16_t>(ports.item(p)["port"].as_int()));
      }
    }
  }
  return fail(Error(Reason::ServiceUnavailable, concat("no endpoints available for service ", quoted(info.name))));
}

Result<Backend> pod_backend(Context& context) {
  auto target = TRY(target_of(context.info, "pod"));
  auto pod = TRY(context.served->store->get(context.info.name_space, target.name));
  uint16_t port = port_number(target.port);
  if (port == 0 && !target.port.empty()) return fail(bad_request(concat("invalid pod request ", quoted(context.info.name))));
  AnyView containers = (*pod)["spec"]["containers"];
  for (uint32_t i = 0; i < containers.size() && target.port.empty() && port == 0; i++)
    if (AnyView ports = containers.item(i)["ports"]; ports.size() > 0) port = static_cast<uint16_t>(ports.item(0)["containerPort"].as_int());
  AnyView addresses = (*pod)["status"]["podIPs"];
  auto address = addresses.size() > 0 ? addresses.item(0)["ip"].as_string() : (*pod)["status"]["podIP"].as_string();
  if (!may_be_dialled(address)) return fail(bad_request("address not allowed"));
  return other(context, target, address, port);
}

// The addresses of a node's name, once; what was checked is what is dialled.
Result<std::string> resolve(const std::string& host) {
  if (net::is_ip_address(host)) return host;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return fail(bad_request(concat("lookup ", host, ": no such host")));
  std::string first;
  bool allowed = true;
  for (auto entry = found; entry; entry = entry->ai_next) {
    char text[NI_MAXHOST] = "";
    if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    allowed &= may_be_dialled(text);
    if (first.empty()) first = text;
  }
  freeaddrinfo(found);
  if (!allowed || first.empty()) return fail(bad_request("address not allowed"));
  return first;
}

Result<Backend> node_backend(Context& context) {
  auto target = TRY(target_of(context.info, "node"));
  auto node = TRY(context.served->store->get("", target.name));
  auto kubelet = TRY(context.services.backends->kubelet_of(*node));
  auto address = TRY(resolve(kubelet.host));
  if (!may_be_dialled(address)) return fail(bad_request("address not allowed"));
  uint16_t port = port_number(target.port);
  if (port == 0 && !target.port.empty()) return fail(bad_request(concat("invalid node request ", quoted(context.info.name))));
  if (port == 0 || port == kubelet.port) {
    if (kubelet.server_name.empty()) kubelet.server_name = kubelet.host;
    kubelet.host = address;
    return Backend{.endpoint = kubelet, .client = &context.services.backends->kubelets(), .is_node = true};
  }
  auto backend = other(context, target, address, port);
  backend.is_node = true;
  return backend;
}

// The request's path as it was sent, cut behind ".../proxy".
std::pair<std::string_view, std::string_view> cut_path(std::string_view path, bool namespaced) {
  size_t at = 0;
  for (int segments = namespaced ? 7 : 5; segments > 0; segments--) {
    while (at < path.size() && path[at] == '/') at++;
    at = std::min(path.find('/', at), path.size());
  }
  return {path.substr(0, at), path.substr(at)};
}

net::ClientRequest request_to(Context& context, const Backend& backend, std::string_view rest) {
  net::ClientRequest request;
  request.method = context.http.method;
  request.endpoint = backend.endpoint;
  request.target = rest.empty() ? "/" : std::string(rest);
  if (!context.http.query.empty()) append(request.target, "?", context.http.query);
  request.host = context.http.host;
  request.timeout_ms = kHeadTimeout_ms;
  request.cancellation = context.services.backends->cancellation();
  return request;
}

// The fields that say what came from where. The body is asked for as it is: its links may have to be rewritten.
void add_fields(Context& context, net::ClientRequest& request) {
  request.headers = net::passed_on(context.http.headers);
  std::string forwarded;
  std::erase_if(request.headers, [&](auto& field) {
    if (field.first == "x-forwarded-for") forwarded = concat(field.second, ", ");
    return field.first == "x-forwarded-for" || field.first == "x-forwarded-uri" || field.first == "accept-encoding" || field.first == "upgrade";
  });
  std::string_view address = context.http.remote_address;
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  request.headers.emplace_back("x-forwarded-for", concat(forwarded, address));
  request.headers.emplace_back("x-forwarded-uri", context.http.path);
}

HandlerResult answer_page(const ProxiedPage& page, net::AnswerStream& answer) {
  std::string html;
  while (true) {
    auto more = answer.read_some(html);
    if (!more) return fail(Error(Reason::ServiceUnavailable, concat("error trying to reach service: ", more.error().message())));
    if (html.size() > kPageBytesMax) return fail(Error(Reason::ServiceUnavailable, "error trying to reach service: the page is too large"));
    if (!*more) break;
  }
  net::Response response{.status = answer.head().status, .body = rewrite_links(page, html)};
  for (auto& field : answer.head().headers)
    if (field.first != "content-length" && field.first != "transfer-encoding" && field.first != "connection") response.headers.push_back(field);
  return response;
}

HandlerResult pass_on(Context& context, const Backend& backend, ProxiedPage page, net::ClientRequest request) {
  auto seats = context.services.backends->threads().take(1);
  if (!seats) return fail(too_many_streams());
  add_fields(context, request);
  request.body = std::move(context.http.body);
  auto opened = backend.client->open(request);
  if (!opened) {
    std::string_view why = opened.error().message();
    if (auto url_end = why.find("\": "); url_end != std::string_view::npos) why.remove_prefix(url_end + 3);  // 'Get "https://..."' is not said here
    return fail(Error(Reason::ServiceUnavailable, concat("error trying to reach service: ", why)));
  }
  auto& answer = *opened;
  auto location = answer->head().header("location");
  int status = answer->head().status;
  if (backend.is_node && !location.empty() && status >= 300 && status < 400)
    return plain_text(502, "the backend attempted to redirect this request, which is not permitted");
  auto type = answer->head().header("content-type");
  bool is_page = trim(type.substr(0, type.find(';'))) == "text/html" && answer->head().header("content-encoding").empty() && location.empty();
  if (is_page && request.method != "HEAD") return answer_page(page, *answer);
  auto response = net::relay(seats, std::move(answer));
  for (auto& [name, value] : response.headers)
    if (name == "location") value = rewrite_url(page, value);
  return response;
}

}  // namespace

HandlerResult handle_proxy(Context& context) {
  const RequestInfo& info = context.info;
  bool namespaced = info.resource != "nodes";
  auto [prefix, rest] = cut_path(context.http.path, namespaced);
  Arena arena;
  TRY(admitted_connection(context, arena, percent_decode(rest, false)));
  auto backend = TRY(info.resource == "services" ? service_backend(context) : info.resource == "pods" ? pod_backend(context) : node_backend(context));
  auto request = request_to(context, backend, rest);
  if (net::asks_for_upgrade(context.http)) return upgrade_through(context, *backend.client, std::move(request));
  if (rest.empty() && (request.method == "GET" || request.method == "HEAD")) {
    auto query = context.http.query.empty() ? std::string() : concat("?", context.http.query);
    return net::Response{.status = 301, .headers = {{"location", concat(context.http.path, "/", query)}}};
  }
  ProxiedPage page{.prefix = std::string(prefix), .backend_host = net::join_host_port(backend.endpoint.host, backend.endpoint.port), .client_host = context.http.host};
  return pass_on(context, backend, std::move(page), std::move(request));
}

}  // namespace sampan::apiserver
