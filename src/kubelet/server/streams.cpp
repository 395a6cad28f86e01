// exec, attach, port forwarding: the runtime gives an address for one connection, and what it says there is passed on. run waits for its command.
#include "base/text.h"
#include "kubelet/server/handlers.h"
#include "net/websocket.h"

namespace sampan::kubelet {

namespace {

// NAMESPACE/POD[/UID]/CONTAINER behind the endpoint's name.
struct ContainerPath {
  std::string name_space, pod, uid, container;
};
ContainerPath container_path(const NodeCall& call) {
  auto& segments = call.segments;
  return {segments[1], segments[2], segments.size() == 5 ? segments[3] : "", segments.back()};
}

// A runtime's refusal keeps its meaning.
int status_of(const Error& error) {
  std::string_view message = error.message();
  if (!message.starts_with("rpc error:")) return 500;
  if (message.find("code = NotFound") != std::string_view::npos) return 404;
  if (message.find("code = ResourceExhausted") != std::string_view::npos) return 429;
  return 500;
}

net::Response refusal(const Error& error, int status) {
  auto answer = text_answer(status, error.message());
  if (status == 429) answer.headers.emplace_back("retry-after", "2");
  return answer;
}

net::Response pass_on(NodeCall& call, const Result<std::string>& address) {
  if (!address) return refusal(address.error(), status_of(address.error()));
  if (!net::asks_for_upgrade(call.request)) return text_answer(500, "Upgrade request required");
  auto url = net::parse_url(*address);
  if (!url) return text_answer(500, url.error().message());
  auto seats = call.threads.take(2);
  if (!seats) return text_answer(429, "too many streams are open");
  net::ClientRequest request;
  request.method = call.request.method;
  request.endpoint = url->endpoint;
  request.target = url->target;
  request.headers = net::passed_on(call.request.headers);
  auto upgraded = call.client.upgrade(request);
  if (!upgraded) return text_answer(500, concat("error dialing backend: ", upgraded.error().message()));
  int status = upgraded->answer.status;
  if (upgraded->stream) return net::relay_upgrade(seats, std::move(*upgraded));
  if (status < 400) return text_answer(500, concat("invalid upgrade response: status code ", status));  // a redirect is no answer
  return text_answer(status, std::move(upgraded->answer.body));
}

}  // namespace

net::Response answer_exec(NodeCall& call) {
  if (call.segments.size() != 4 && call.segments.size() != 5) return text_answer(404, "404: Page Not Found");
  bool attach = call.segments[0] == "attach";
  ExecOptions options{.tty = call.query.is_one("tty"), .stdin = call.query.is_one("input"), .stdout = call.query.is_one("output"), .stderr = call.query.is_one("error")};
  if (options.tty) options.stderr = false;  // a terminal has one output
  if (!options.stdin && !options.stdout && !options.stderr) return text_answer(400, "you must specify at least 1 of stdin, stdout, stderr");
  auto path = container_path(call);
  if (auto pod = call.parts.pods.find(path.name_space, path.pod, ""); !pod) return text_answer(404, "pod does not exist");
  auto container = call.parts.pods.running(path.name_space, path.pod, path.uid, path.container);
  if (!container) return refusal(container.error(), 500);
  if (!attach) return pass_on(call, call.parts.runtime.exec_url(container->id, call.query.all("command"), options));
  // Whether a process has a terminal was decided when it started.
  options.tty = container->tty;
  if (options.tty) options.stderr = false;
  return pass_on(call, call.parts.runtime.attach_url(container->id, options));
}

net::Response answer_port_forward(NodeCall& call) {
  if (call.segments.size() != 3 && call.segments.size() != 4) return text_answer(404, "404: Page Not Found");
  std::vector<int32_t> ports;
  if (net::asks_for_websocket(call.request)) {  // SPDY names its ports as it goes
    for (auto& list : call.query.all("port"))
      for (auto word : split(list, ',')) {
        uint16_t port = 0;
        if (!parse_int(word, port)) return text_answer(400, concat("unable to parse ", quoted(word), " as a port: strconv.ParseUint: parsing ", quoted(word), ": invalid syntax"));
        if (port == 0) return text_answer(400, concat("port ", quoted(word), " must be > 0"));
        ports.push_back(port);
      }
    if (ports.empty()) return text_answer(400, "query parameter \"port\" is required");
  }
  auto pod = call.parts.pods.find(call.segments[1], call.segments[2], "");
  if (!pod) return text_answer(404, "pod does not exist");
  if (call.segments.size() == 4 && (*pod->pod)["metadata"]["uid"].as_string() != call.segments[3]) return text_answer(404, "pod not found");
  if (pod->sandbox_id.empty()) return text_answer(500, concat("failed to find sandboxID for pod ", quoted(call.segments[2]), ": no running sandbox"));
  return pass_on(call, call.parts.runtime.port_forward_url(pod->sandbox_id, ports));
}

net::Response answer_run(NodeCall& call) {
  if (call.segments.size() != 4 && call.segments.size() != 5) return text_answer(404, "404: Page Not Found");
  if (call.request.method != "POST") return text_answer(405, "405: Method Not Allowed");
  auto path = container_path(call);
  if (auto pod = call.parts.pods.find(path.name_space, path.pod, ""); !pod) return text_answer(404, "pod does not exist");
  auto container = call.parts.pods.running(path.name_space, path.pod, path.uid, path.container);
  if (!container) return refusal(container.error(), 500);
  std::vector<std::string> command;
  auto line = call.query.get("cmd").value_or("");
  for (auto word : split(line, ' ')) command.emplace_back(word);
  auto ran = call.parts.runtime.exec_sync(container->id, command, 0);
  if (!ran) return refusal(ran.error(), 500);
  if (ran->exit_code != 0) return text_answer(500, concat("command '", line, "' exited with ", ran->exit_code, ": ", ran->output));
  return json_answer(std::move(ran->output));
}

}  // namespace sampan::kubelet
