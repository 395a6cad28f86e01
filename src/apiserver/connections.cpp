// The subresources of a pod that lead to its kubelet: log, exec, attach, portforward.
#include "apiserver/answer_words.h"
#include "apiserver/connect_admission.h"
#include "apiserver/respond.h"
#include "apiserver/streams/backends.h"
#include "apiserver/streams/in_messages.h"
#include "apiserver/streams/remote_command.h"
#include "apiserver/subresources.h"
#include "base/encoding.h"
#include "base/text.h"
#include "net/websocket.h"
#include "registry/field_errors.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

constexpr std::string_view kContainerLists[] = {"initContainers", "containers", "ephemeralContainers"};
constexpr size_t kRefusalBytesMax = 50'000;

// The container that is meant: it must be named, unless there is only one.
Result<std::string> container_of(const Object& pod, std::string_view wanted) {
  auto pod_name = pod["metadata"]["name"].as_string();
  std::string names;
  bool found = false;
  for (std::string_view list : kContainerLists) {
    AnyView containers = pod["spec"][list];
    for (uint32_t i = 0; i < containers.size(); i++) {
      auto name = containers.item(i)["name"].as_string();
      append(names, names.empty() ? "" : " ", name);
      found |= name == wanted;
    }
  }
  if (!wanted.empty()) {
    if (found) return std::string(wanted);
    return fail(bad_request(concat("container ", wanted, " is not valid for pod ", pod_name)));
  }
  AnyView containers = pod["spec"]["containers"];
  if (containers.size() == 1) return std::string(containers.item(0)["name"].as_string());
  return fail(bad_request(concat("a container name must be specified for pod ", pod_name, ", choose one of: [", names, "]")));
}

std::string encode(std::string_view text) {
  std::string out;
  for (unsigned char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain)
      out += static_cast<char>(c);
    else
      append(out, '%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15]);
  }
  return out;
}

void add_parameter(std::string& query, std::string_view name, std::string_view value) {
  append(query, query.empty() ? "?" : "&", name, "=", encode(value));
}

// A number of the query as Go reads it; absent if it is not there or empty.
Result<std::optional<int64_t>> number_of(const Query& query, std::string_view name) {
  auto text = query.get(name);
  if (text.empty()) return std::nullopt;
  int64_t number = 0;
  if (!parse_int(text, number)) return fail(bad_request(concat("strconv.ParseInt: parsing ", quoted(text), ": invalid syntax")));
  return number;
}

// What a client asks of a log, checked, as the kubelet is asked.
Result<std::string> log_query(Context& context) {
  const Query& asked = context.query;
  registry::FieldErrors errors;
  std::string query;
  for (std::string_view name : {"follow", "previous", "timestamps"})
    if (asked.has(name) && asked.is_true(name)) add_parameter(query, name, "true");
  auto tail = TRY(number_of(asked, "tailLines")), limit = TRY(number_of(asked, "limitBytes")), since = TRY(number_of(asked, "sinceSeconds"));
  auto since_time = asked.get("sinceTime");
  int64_t since_us = 0;
  if (!since_time.empty() && !parse_time(since_time, since_us))
    return fail(bad_request(concat("parsing time ", quoted(since_time), " as \"2006-01-02T15:04:05Z07:00\": cannot parse ", quoted(since_time), " as \"2006\"")));
  using registry::Path;
  if (tail && *tail < 0) errors.invalid(Path("tailLines"), *tail, "must be greater than or equal to 0");
  if (limit && *limit < 1) errors.invalid(Path("limitBytes"), *limit, "must be greater than 0");
  if (since && !since_time.empty())
    errors.forbidden(Path(""), "at most one of `sinceTime` or `sinceSeconds` may be specified");
  else if (since && *since < 1)
    errors.invalid(Path("sinceSeconds"), *since, "must be greater than 0");
  if (asked.has("stream")) errors.forbidden(Path("stream"), "may not be specified");
  if (!errors.empty()) return fail(std::move(errors).to_error("", "PodLogOptions", context.info.name));
  if (since) add_parameter(query, "sinceSeconds", concat(*since));
  if (!since_time.empty()) {
    std::string text;
    append_time(text, since_us / 1'000'000);
    add_parameter(query, "sinceTime", text);
  }
  if (tail) add_parameter(query, "tailLines", concat(*tail));
  if (limit) add_parameter(query, "limitBytes", concat(*limit));
  return query;
}

// A kubelet's refusal, as upstream words it.
Error log_refusal(const RequestInfo& info, int status, std::string text) {
  if (status == 500) return internal_error(std::move(text));
  if (status == 400) return bad_request(std::move(text));
  Error error = error_of_answer(status, text);
  auto message = concat(error.message(), " ( pods/log ", info.name, ")");
  return Error(status, error.reason(), std::move(message)).about("", "pods/log", info.name);
}

HandlerResult read_log(Context& context, const net::Endpoint& kubelet, std::string target) {
  auto& backends = *context.services.backends;
  auto seats = backends.threads().take(1);
  if (!seats) return fail(too_many_streams());
  net::ClientRequest request;
  request.endpoint = kubelet;
  request.target = std::move(target);
  request.cancellation = backends.cancellation();
  bool trusting = context.query.has("insecureSkipTLSVerifyBackend") && context.query.is_true("insecureSkipTLSVerifyBackend");
  auto opened = (trusting ? backends.unverified_kubelets() : backends.kubelets()).open(request);
  if (!opened) return fail(Error(500, Reason::Unknown, std::string(opened.error().message())));
  auto& answer = *opened;
  int status = answer->head().status;
  if (status < 200 || status > 206) {
    std::string text;
    if (status >= 300 && status < 400) return fail(Error(500, Reason::Unknown, "redirects forbidden"));
    while (text.size() < kRefusalBytesMax) {
      auto more = answer->read_some(text, net::deadline_in_ms(request.timeout_ms));
      if (!more || !*more) break;
    }
    return fail(log_refusal(context.info, status, text.substr(0, kRefusalBytesMax)));
  }
  auto response = net::relay(seats, std::move(answer));
  response.headers = {{"content-type", "text/plain"}};
  if (net::asks_for_websocket(context.http)) return in_messages(context, std::move(response), Pieces::AsTheyCome);
  return response;
}

RemoteCommand command_of(Value options, net::Endpoint kubelet, std::string path) {
  auto wants = [&](std::string_view name) { return options[name].as_bool(); };
  RemoteCommand command{.kubelet = std::move(kubelet), .stdin_ = wants("stdin"), .stdout_ = wants("stdout"), .stderr_ = wants("stderr"), .tty = wants("tty")};
  std::string query;
  for (Value word : options["command"].items()) add_parameter(query, "command", word.as_string());
  if (command.stderr_) add_parameter(query, "error", "1");
  if (command.stdin_) add_parameter(query, "input", "1");
  if (command.stdout_) add_parameter(query, "output", "1");
  if (command.tty) add_parameter(query, "tty", "1");
  command.target = concat(path, query);
  return command;
}

}  // namespace

HandlerResult handle_pod_connection(Context& context) {
  const RequestInfo& info = context.info;
  Arena arena;
  Value options;  // reading a log is no connection to admission
  if (info.subresource != "log") options = TRY(admitted_connection(context, arena));
  auto query = info.subresource == "log" ? TRY(log_query(context)) : std::string();
  auto pod = TRY(context.served->store->get(info.name_space, info.name));
  auto container = info.subresource == "portforward" ? std::string() : TRY(container_of(*pod, options.is_object() ? options["container"].as_string() : context.query.get("container")));
  auto node_name = (*pod)["spec"]["nodeName"].as_string();
  if (node_name.empty()) {
    if (info.subresource == "log") return net::Response{.status = 204};  // nobody wrote anything yet
    return fail(bad_request(concat("pod ", info.name, " does not have a host assigned")));
  }
  auto node = TRY(context.services.catalog->store_of("", "nodes")->get("", node_name));
  auto& backends = *context.services.backends;
  auto kubelet = TRY(backends.kubelet_of(*node));
  if (info.subresource == "log")
    return read_log(context, kubelet, concat("/containerLogs/", encode(info.name_space), "/", encode(info.name), "/", encode(container), query));
  if (!net::asks_for_upgrade(context.http)) return fail(bad_request("Upgrade request required"));
  net::ClientRequest request;
  request.endpoint = kubelet;
  if (info.subresource == "portforward") {
    std::vector<std::string> ports;
    for (Value port : options["ports"].items()) ports.push_back(concat(port.as_int()));
    if (!ports.empty()) add_parameter(query, "port", join(ports, ","));
    request.target = concat("/portForward/", encode(info.name_space), "/", encode(info.name), query);
    if (speaks_tunnel(context.http)) return tunnel(context, kubelet, std::move(request.target));
  } else {
    auto command = command_of(options, kubelet, concat("/", info.subresource, "/", encode(info.name_space), "/", encode(info.name), "/", encode(container)));
    if (speaks_v5(context.http)) return translate_command(context, std::move(command));
    request.target = std::move(command.target);
  }
  return upgrade_through(context, backends.kubelets(), std::move(request));
}

}  // namespace sampan::apiserver
