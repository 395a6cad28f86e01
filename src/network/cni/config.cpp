// Reading a plug-in's configuration.
#include "network/cni/config.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "schema/json.h"

namespace sampan::network::cni {
namespace {

constexpr size_t kInputBytesMax = 1 << 20;

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

std::string text_or(schema::Value value, std::string fallback) {
  return value.as_string().empty() ? std::move(fallback) : std::string(value.as_string());
}

Result<std::vector<Network>> networks(schema::Value list, std::string_view name) {
  std::vector<Network> result;
  for (schema::Value item : list.items()) {
    std::optional<Network> network = parse_network(item.as_string());
    if (!network) return fail(cni_error(InvalidConfiguration, concat(name, ": ", quoted(item.as_string()), " is no CIDR")));
    result.push_back(*network);
  }
  return result;
}

// Runtimes are written in Go, whose JSON takes names in any case: containerd says "HostPort".
schema::Value member(schema::Value object, std::string_view name) {
  for (auto& one : object.members())
    if (iequals(one.name, name)) return one.value;
  return {};
}

Result<std::vector<PortMapping>> port_mappings(schema::Value list) {
  std::vector<PortMapping> result;
  for (schema::Value item : list.items()) {
    int64_t host = member(item, "hostPort").as_int(), container = member(item, "containerPort").as_int();
    if (host == 0) continue;  // a port that is only declared
    if (host < 0 || host > 65535 || container <= 0 || container > 65535)
      return fail(cni_error(InvalidConfiguration, concat("portMappings: ", host, ":", container, " is no pair of ports")));
    PortMapping mapping{.host_port = static_cast<uint16_t>(host), .container_port = static_cast<uint16_t>(container)};
    std::string protocol = to_lower(member(item, "protocol").as_string());
    if (protocol == "udp") mapping.protocol = 17;
    else if (protocol == "sctp") mapping.protocol = 132;
    else if (!protocol.empty() && protocol != "tcp")
      return fail(cni_error(InvalidConfiguration, concat("portMappings: unknown protocol ", quoted(protocol))));
    std::string_view host_ip = member(item, "hostIP").as_string();
    if (!host_ip.empty()) {
      mapping.host_ip = parse_address(host_ip);
      if (!mapping.host_ip) return fail(cni_error(InvalidConfiguration, concat("portMappings: ", quoted(host_ip), " is no IP address")));
      if (mapping.host_ip->is_unspecified()) mapping.host_ip.reset();
    }
    result.push_back(mapping);
  }
  return result;
}

}  // namespace

Error cni_error(Code code, std::string message) { return Error(code, Reason::Invalid, std::move(message)); }

bool version_at_least(std::string_view version, std::string_view least) {
  std::vector<std::string_view> a = split(version, '.'), b = split(least, '.');
  for (size_t i = 0; i < b.size(); ++i) {
    int x = 0, y = 0;
    if (i < a.size()) parse_int(a[i], x);
    parse_int(b[i], y);
    if (x != y) return x > y;
  }
  return true;
}

Invocation invocation_from_environment(std::string_view program) {
  Invocation result{.program = std::string(program),
                    .command = environment("CNI_COMMAND"),
                    .container_id = environment("CNI_CONTAINERID"),
                    .netns = environment("CNI_NETNS"),
                    .ifname = environment("CNI_IFNAME")};
  char buffer[16384];
  ssize_t got;
  while (result.input.size() < kInputBytesMax && (got = read(STDIN_FILENO, buffer, sizeof buffer)) > 0) result.input.append(buffer, got);
  return result;
}

Result<Configuration> parse_configuration(std::string_view input) {
  Arena arena;
  auto parsed = schema::parse_json(input, arena);
  if (!parsed) return fail(cni_error(Undecodable, parsed.error().message()));
  schema::Value root = *parsed;
  if (!root.is_object()) return fail(cni_error(Undecodable, "the configuration is no JSON object"));
  Configuration result;
  result.version = text_or(root["cniVersion"], "0.1.0");
  result.name = root["name"].as_string();
  result.type = root["type"].as_string();
  result.bridge = text_or(root["bridge"], result.bridge);
  result.table = text_or(root["table"], result.table);
  result.state_directory = text_or(root["stateDir"], result.state_directory);
  result.mtu = static_cast<int>(root["mtu"].as_int());
  if (result.bridge.size() > 15) return fail(cni_error(InvalidConfiguration, concat("bridge: ", quoted(result.bridge), " is longer than 15 characters")));
  if (result.mtu < 0 || result.mtu > 65535) return fail(cni_error(InvalidConfiguration, concat("mtu: ", result.mtu)));
  result.pod_networks = TRY(networks(root["podCIDRs"], "podCIDRs"));
  result.cluster_networks = TRY(networks(root["clusterCIDRs"], "clusterCIDRs"));
  result.ports = TRY(port_mappings(root["runtimeConfig"]["portMappings"]));
  for (schema::Value item : root["cni.dev/valid-attachments"].items())
    result.valid_attachments.push_back({std::string(item["containerID"].as_string()), std::string(item["ifname"].as_string())});
  result.has_previous = root["prevResult"].is_object();
  for (schema::Value item : root["prevResult"]["ips"].items()) result.previous_addresses.emplace_back(item["address"].as_string());
  return result;
}

}  // namespace sampan::network::cni
