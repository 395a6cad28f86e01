// exec and attach for clients that speak WebSocket with the subprotocol v5.channel.k8s.io: kubelets and container runtimes speak
// SPDY, so what comes in messages goes on in streams, and back.
#pragma once
#include "apiserver/context.h"
#include "net/relay.h"

namespace sampan::apiserver {

bool speaks_v5(const net::Request& request);
bool speaks_tunnel(const net::Request& request);  // port forwarding: SPDY inside a WebSocket

struct RemoteCommand {
  net::Endpoint kubelet;
  std::string target;  // path and query
  bool stdin_ = false, stdout_ = false, stderr_ = false, tty = false;
};
// The 101; the kubelet is dialled behind it, and what goes wrong there is said on the error channel.
HandlerResult translate_command(Context& context, RemoteCommand command);

// The 101 of a tunnel, once the kubelet has agreed to speak SPDY.
HandlerResult tunnel(Context& context, const net::Endpoint& kubelet, std::string target);

// Any other upgrade: what the client asked for is asked of the backend, and the backend's word is the answer.
HandlerResult upgrade_through(Context& context, net::Client& client, net::ClientRequest request);

}  // namespace sampan::apiserver
