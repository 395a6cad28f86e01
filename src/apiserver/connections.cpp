// The subresources that lead into a pod, a service or a node: log, exec, attach, portforward, proxy. Everything up to the connection itself is checked
// here, with upstream's answers.
#include "apiserver/respond.h"
#include "apiserver/subresources.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;

namespace {

constexpr std::string_view kContainerLists[] = {"initContainers", "containers", "ephemeralContainers"};

Error not_reachable(const RequestInfo& info) {
  return Error(Reason::ServiceUnavailable,
               concat("cannot serve ", info.resource, "/", info.subresource, " of ", quoted(info.name), ": no connection to its node"));
}

// The container must be named, unless there is only one.
Result<void> check_container(const Object& pod, std::string_view wanted) {
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
    if (found) return {};
    return fail(bad_request(concat("container ", wanted, " is not valid for pod ", pod_name)));
  }
  if (pod["spec"]["containers"].size() == 1) return {};
  return fail(bad_request(concat("a container name must be specified for pod ", pod_name, ", choose one of: [", names, "]")));
}

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

Result<void> proxy_service(Context& context, const Target& target) {
  const RequestInfo& info = context.info;
  int64_t number = 0;
  if (parse_int(target.port, number)) {
    auto service = TRY(context.served->store->get(info.name_space, target.name));
    AnyView ports = (*service)["spec"]["ports"];
    bool found = false;
    for (uint32_t i = 0; i < ports.size(); i++) found |= ports.item(i)["port"].as_int() == number;
    if (!found)
      return fail(Error(Reason::ServiceUnavailable, concat("no service port ", number, " found for service ", quoted(target.name))));
  }
  auto endpoints = TRY(context.services.catalog->store_of("", "endpoints")->get(info.name_space, target.name));
  if ((*endpoints)["subsets"].size() == 0)
    return fail(Error(Reason::ServiceUnavailable, concat("no endpoints available for service ", quoted(target.name))));
  return {};
}

// Only addresses of the pod network, never this machine's own or those of a link (CVE-2020-8562).
bool may_be_dialled(std::string_view address) {
  return !address.empty() && !address.starts_with("127.") && !address.starts_with("169.254.") && !address.starts_with("0.") &&
         address != "::1" && address != "::" && !to_lower(address).starts_with("fe80:") && !to_lower(address).starts_with("ff");
}

}  // namespace

HandlerResult handle_pod_connection(Context& context) {
  const RequestInfo& info = context.info;
  auto pod = TRY(context.served->store->get(info.name_space, info.name));
  if (info.subresource != "portforward") TRY(check_container(*pod, context.query.get("container")));
  auto node = (*pod)["spec"]["nodeName"].as_string();
  if (node.empty()) {
    if (info.subresource == "log") return net::Response{.status = 204};  // nobody wrote anything yet
    return fail(bad_request(concat("pod ", info.name, " does not have a host assigned")));
  }
  TRY(context.services.catalog->store_of("", "nodes")->get("", node));
  return fail(not_reachable(info));
}

HandlerResult handle_proxy(Context& context) {
  const RequestInfo& info = context.info;
  if (info.resource == "services") {
    TRY(proxy_service(context, TRY(target_of(info, "service"))));
  } else if (info.resource == "pods") {
    auto target = TRY(target_of(info, "pod"));
    auto pod = TRY(context.served->store->get(info.name_space, target.name));
    if (!may_be_dialled((*pod)["status"]["podIP"].as_string())) return fail(bad_request("address not allowed"));
  } else {
    auto target = TRY(target_of(info, "node"));
    TRY(context.served->store->get("", target.name));
  }
  return fail(not_reachable(info));
}

}  // namespace sampan::apiserver
