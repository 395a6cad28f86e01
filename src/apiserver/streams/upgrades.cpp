// Upgrades that are passed on as they are: bytes are piped once the backend has said 101, and nothing else opens a pipe.
#include "apiserver/respond.h"
#include "apiserver/streams/backends.h"
#include "apiserver/streams/remote_command.h"
#include "base/text.h"
#include "net/websocket.h"

namespace sampan::apiserver {

namespace {

constexpr std::string_view kTunnelPrefix = "SPDY/3.1+", kTunnelSuffix = ".k8s.io";

std::string forwarded_for(const net::Request& request) {
  auto address = std::string_view(request.remote_address);
  address = address.substr(0, address.rfind(':'));
  if (address.starts_with('[')) address = address.substr(1, address.size() - 2);
  auto before = request.header("x-forwarded-for");
  return before.empty() ? std::string(address) : concat(before, ", ", address);
}

std::vector<std::string> tunnelled_protocols(const net::Request& request) {
  std::vector<std::string> protocols;
  for (std::string_view protocol : net::websocket_protocols(request))
    if (protocol.starts_with(kTunnelPrefix) && protocol.ends_with(kTunnelSuffix)) protocols.emplace_back(protocol.substr(kTunnelPrefix.size()));
  return protocols;
}

Error dial_error(const Error& error) { return Error(500, Reason::Unknown, concat("error dialing backend: ", error.message())); }

Result<net::Upgraded> ask_backend(net::Client& client, const net::ClientRequest& request) {
  auto upgraded = client.upgrade(request);
  if (!upgraded) return fail(dial_error(upgraded.error()));
  int status = upgraded->answer.status;
  // A redirect is no answer that anybody should get from a backend.
  if (status != 101 && status < 400) return fail(Error(500, Reason::Unknown, concat("invalid upgrade response: status code ", status)));
  return upgraded;
}

net::Response refusal_of(net::Answer answer) {
  net::Response response{.status = answer.status, .body = std::move(answer.body)};
  for (auto& [name, value] : answer.headers)
    if (name == "content-type" || name == "retry-after" || name == "x-content-type-options") response.headers.emplace_back(name, std::move(value));
  return response;
}

}  // namespace

bool speaks_v5(const net::Request& request) {
  if (!net::asks_for_websocket(request)) return false;
  auto protocols = net::websocket_protocols(request);
  return std::find(protocols.begin(), protocols.end(), "v5.channel.k8s.io") != protocols.end();
}

bool speaks_tunnel(const net::Request& request) { return net::asks_for_websocket(request) && !tunnelled_protocols(request).empty(); }

HandlerResult upgrade_through(Context& context, net::Client& client, net::ClientRequest request) {
  auto seats = context.services.backends->threads().take(2);
  if (!seats) return fail(too_many_streams());
  request.method = context.http.method;
  request.headers = net::passed_on(context.http.headers);
  std::erase_if(request.headers, [](auto& field) { return field.first == "x-forwarded-for"; });
  request.headers.emplace_back("x-forwarded-for", forwarded_for(context.http));
  request.cancellation = context.services.backends->cancellation();
  auto upgraded = TRY(ask_backend(client, request));
  if (!upgraded.stream) return refusal_of(std::move(upgraded.answer));
  return net::relay_upgrade(seats, std::move(upgraded));
}

HandlerResult tunnel(Context& context, const net::Endpoint& kubelet, std::string target) {
  auto seats = context.services.backends->threads().take(2);
  if (!seats) return fail(too_many_streams());
  net::ClientRequest request;
  request.method = "POST";
  request.endpoint = kubelet;
  request.target = std::move(target);
  request.headers = {{"upgrade", "SPDY/3.1"}, {"x-forwarded-for", forwarded_for(context.http)}};
  for (auto& protocol : tunnelled_protocols(context.http)) request.headers.emplace_back("x-stream-protocol-version", protocol);
  request.cancellation = context.services.backends->cancellation();
  auto upgraded = TRY(ask_backend(context.services.backends->kubelets(), request));
  if (!upgraded.stream) return refusal_of(std::move(upgraded.answer));
  if (!iequals(upgraded.answer.header("upgrade"), "SPDY/3.1"))
    return fail(Error(500, Reason::Unknown, "unable to upgrade: missing upgrade headers in response"));
  auto chosen = upgraded.answer.header("x-stream-protocol-version");
  auto response = TRY(net::websocket_response(context.http, chosen.empty() ? "" : concat(kTunnelPrefix, chosen)));
  std::shared_ptr<net::ByteStream> backend = std::move(upgraded.stream);
  response.upgraded = [seats, backend](std::unique_ptr<net::ByteStream> client) {
    auto socket = std::make_unique<net::WebSocket>(std::move(client), net::WebSocket::Role::Server);
    net::pipe(seats, std::make_shared<net::WebSocketStream>(std::move(socket)), backend);
  };
  return response;
}

}  // namespace sampan::apiserver
