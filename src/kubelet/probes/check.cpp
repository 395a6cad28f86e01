// One check of a container: a command, a request, a connection.
#include "base/text.h"
#include "kubelet/cri/client.h"
#include "kubelet/downward.h"
#include "kubelet/probes/http.h"
#include "kubelet/probes/probes.h"

namespace sampan::kubelet {

namespace {

constexpr size_t kOutputBytesMax = 10 * 1024;
constexpr int kRedirectsMax = 10;

Finding check_command(Runtime& runtime, const core_v1::Probe& probe, const core_v1::Container& container, const std::string& id, int64_t timeout_s) {
  // Variables with a plain value are all a probe's command knows.
  auto lookup = [&](std::string_view name) -> std::optional<std::string_view> {
    for (auto variable : container.env())
      if (variable.name() == name && !variable.has_value_from()) return variable.value();
    return {};
  };
  std::vector<std::string> command;
  for (auto word : probe.exec().command()) command.push_back(expand(word, lookup));
  auto result = runtime.exec_sync(id, command, timeout_s);
  if (!result) {
    if (result.error().is(Reason::Timeout))
      return {Finding::Failure, concat("command timed out: ", quoted(join(command, " ")), " timed out after ", timeout_s, "s")};
    return {Finding::Error, result.error().message()};
  }
  return {result->exit_code == 0 ? Finding::Success : Finding::Failure, result->output.substr(0, kOutputBytesMax)};
}

// The address that a Location header leads to. False: to another host.
bool follow(HttpTarget& target, std::string_view location) {
  if (location.starts_with("/")) return target.path = location, true;
  bool tls = location.starts_with("https://");
  if (!tls && !location.starts_with("http://")) return false;
  auto rest = location.substr(tls ? 8 : 7);
  auto slash = rest.find('/');
  auto authority = rest.substr(0, slash);
  auto colon = authority.rfind(':');
  bool has_port = colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos;
  auto host = has_port ? authority.substr(0, colon) : authority;
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  if (host != target.host) return false;
  int port = tls ? 443 : 80;
  if (has_port && !parse_int(authority.substr(colon + 1), port)) return false;
  target.tls = tls, target.port = port;
  target.path = slash == std::string_view::npos ? "/" : rest.substr(slash);
  return true;
}

Finding check_http(const core_v1::HTTPGetAction& action, const core_v1::Container& container, const std::string& pod_ip, int64_t timeout_ms) {
  auto port = port_of(action.port(), container);
  if (!port) return {Finding::Error, port.error().message()};
  HttpTarget target;
  target.tls = action.scheme() == "HTTPS";
  target.host = action.host().empty() ? pod_ip : std::string(action.host());
  target.port = *port;
  target.path = action.path();
  for (auto header : action.http_headers()) target.headers.emplace_back(header.name(), header.value());
  for (int redirects = 0;; redirects++) {
    auto answer = http_get(target, timeout_ms);
    if (!answer) return {Finding::Failure, answer.error().message()};
    if (answer->status < 200 || answer->status >= 400) return {Finding::Failure, concat("HTTP probe failed with statuscode: ", answer->status)};
    if (answer->status < 300) return {Finding::Success, ""};
    if (redirects == kRedirectsMax) return {Finding::Failure, concat("Get ", quoted(target.url()), ": stopped after 10 redirects")};
    if (answer->location.empty() || answer->status == 304 || answer->status == 300 || !follow(target, answer->location))
      return {Finding::Warning, concat("Probe terminated redirects, Response body: ", answer->body)};
  }
}

Finding finding_of(const Result<void>& result) { return result ? Finding{} : Finding{Finding::Failure, result.error().message()}; }

}  // namespace

Result<int> port_of(const schema::IntOrString& port, const core_v1::Container& container) {
  if (!port.is_string && port.number > 0 && port.number < 65536) return port.number;
  if (port.is_string) {
    for (auto known : container.ports())
      if (known.name() == port.text) return known.container_port();
    int number = 0;
    if (parse_int(port.text, number) && number > 0 && number < 65536) return number;
    return fail(failure(concat("couldn't find port: ", quoted(port.text), " in container ", quoted(container.name()))));
  }
  return fail(failure(concat("invalid port number: ", port.number)));
}

Finding check_once(Runtime& runtime, const core_v1::Probe& probe, const core_v1::Container& container, const std::string& container_id,
                   const std::string& pod_ip) {
  int64_t timeout_s = std::max(probe.timeout_seconds(), 1);
  if (probe.has_exec()) return check_command(runtime, probe, container, container_id, timeout_s);
  if (probe.has_http_get()) return check_http(probe.http_get(), container, pod_ip, timeout_s * 1000);
  if (probe.has_tcp_socket()) {
    auto port = port_of(probe.tcp_socket().port(), container);
    if (!port) return {Finding::Error, port.error().message()};
    auto host = probe.tcp_socket().host();
    return finding_of(tcp_connect(host.empty() ? pod_ip : std::string(host), *port, timeout_s * 1000));
  }
  if (probe.has_grpc())
    return finding_of(grpc_check(pod_ip, probe.grpc().port(), std::string(probe.grpc().service().value_or("")), timeout_s * 1000));
  return {Finding::Error, concat("missing probe handler for ", container.name())};
}

}  // namespace sampan::kubelet
