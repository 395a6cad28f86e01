// Reading kube-proxy's flags, and the KubeProxyConfiguration that kubeadm and others write.
#include "cmd/proxy_options.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/flags.h"
#include "cmd/log_flags.h"
#include "schema/yaml.h"

namespace sampan::cmd {
namespace {

using network::Address;
using network::Network;
using network::proxy::LocalTraffic;
using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr Flag kFlags[] = {
    {"Kube-proxy", "config", Type::String, "", Effect::Works, "The path to the configuration file."},
    {"Kube-proxy", "kubeconfig", Type::String, "", Effect::Works, "Path to kubeconfig file with authorization information (the master location can be overridden by the master flag)."},
    {"Kube-proxy", "master", Type::String, "", Effect::Works, "The address of the Kubernetes API server (overrides any value in kubeconfig)"},
    {"Kube-proxy", "hostname-override", Type::String, "", Effect::Works, "If non-empty, will be used as the name of the Node that kube-proxy is running on."},
    {"Kube-proxy", "cleanup", Type::Bool, "false", Effect::Works, "If true cleanup the rules and exit."},
    {"Kube-proxy", "init-only", Type::Bool, "false", Effect::Works, "If true, perform any initialization steps that must be done with full root privileges, and then exit."},
    {"Kube-proxy", "proxy-mode", Type::String, "nftables", Effect::Works, "Which proxy mode to use: 'nftables' is the only one."},
    {"Kube-proxy", "bind-address", Type::Ip, "0.0.0.0", Effect::Works, "Overrides the idea of what the node's primary IP is."},
    {"Kube-proxy", "healthz-bind-address", Type::String, "0.0.0.0:10256", Effect::Works, "The IP address and port for the health check server to serve on; empty to disable."},
    {"Kube-proxy", "metrics-bind-address", Type::String, "127.0.0.1:10249", Effect::Works, "The IP address and port for the metrics server to serve on; empty to disable."},
    {"Kube-proxy", "masquerade-all", Type::Bool, "false", Effect::Works, "SNAT all traffic sent via Service cluster IPs."},
    {"Kube-proxy", "iptables-masquerade-bit", Type::Int, "14", Effect::Works, "The bit of the fwmark space to mark packets requiring SNAT with. Must be within the range [0, 31]."},
    {"Kube-proxy", "iptables-sync-period", Type::Duration, "30s", Effect::Works, "How often the rules are looked after though nothing has changed."},
    {"Kube-proxy", "iptables-min-sync-period", Type::Duration, "0s", Effect::Works, "The minimum period between two changes of the rules."},
    {"Kube-proxy", "detect-local-mode", Type::String, "ClusterCIDR", Effect::Works, "Mode to use to detect local traffic: ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix."},
    {"Kube-proxy", "pod-bridge-interface", Type::String, "", Effect::Works, "A bridge interface name, for --detect-local-mode=BridgeInterface."},
    {"Kube-proxy", "pod-interface-name-prefix", Type::String, "", Effect::Works, "An interface name prefix, for --detect-local-mode=InterfaceNamePrefix."},
    {"Kube-proxy", "cluster-cidr", Type::Strings, "", Effect::Works, "The CIDR range of the pods in the cluster; two of them where it has both families."},
    {"Kube-proxy", "nodeport-addresses", Type::Strings, "", Effect::Works, "CIDRs of the node's addresses that accept NodePort connections, or 'primary'."},
    {"Kube-proxy", "feature-gates", Type::Pairs, "", Effect::Moot, "A set of key=value pairs that describe feature gates."},
    {"Kube-proxy", "kube-api-content-type", Type::String, "", Effect::Moot, "Content type of requests sent to apiserver."},
    {"Kube-proxy", "kube-api-burst", Type::Int, "10", Effect::Moot, "Burst to use while talking with kubernetes apiserver"},
    {"Kube-proxy", "kube-api-qps", Type::Float, "5", Effect::Moot, "QPS to use while talking with kubernetes apiserver"},
    {"Kube-proxy", "config-sync-period", Type::Duration, "15m0s", Effect::Moot, "How often configuration from the apiserver is refreshed."},
    {"Kube-proxy", "bind-address-hard-fail", Type::Bool, "false", Effect::Moot, "If true, failure to bind to a port is fatal: it always is."},
    {"Kube-proxy", "profiling", Type::Bool, "false", Effect::Moot, "If true enables profiling via web interface."},
    {"Kube-proxy", "oom-score-adj", Type::Int, "-999", Effect::Moot, "The oom-score-adj value for kube-proxy process."},
    {"Kube-proxy", "conntrack-max-per-core", Type::Int, "32768", Effect::Moot, "Maximum number of NAT connections to track per CPU core."},
    {"Kube-proxy", "conntrack-min", Type::Int, "131072", Effect::Moot, "Minimum number of conntrack entries to allocate."},
    {"Kube-proxy", "conntrack-tcp-timeout-established", Type::Duration, "24h0m0s", Effect::Moot, "Idle timeout for established TCP connections."},
    {"Kube-proxy", "conntrack-tcp-timeout-close-wait", Type::Duration, "1h0m0s", Effect::Moot, "NAT timeout for TCP connections in the CLOSE_WAIT state."},
    {"Kube-proxy", "v", Type::Int, "0", Effect::Works, "number for the log level verbosity", 'v'},
};

// What the flags and the file have in common, in words.
struct Settings {
  std::string health = "0.0.0.0:10256", metrics = "127.0.0.1:10249", mode = "nftables", detect = "ClusterCIDR", bridge, prefix;
  std::vector<std::string> cluster_cidrs, node_ports;
};

Result<void> put_address(std::string_view name, std::string_view text, std::vector<std::pair<Address, uint16_t>>& out) {
  if (text.empty()) return {};
  size_t colon = text.rfind(':');
  uint16_t port;
  if (colon == text.npos || !parse_int(text.substr(colon + 1), port)) return fail(bad_request(concat(name, ": ", quoted(text), " is no address and port")));
  if (port == 0) return {};
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::optional<Address> address = network::parse_address(host.empty() ? std::string_view("0.0.0.0") : host);
  if (!address) return fail(bad_request(concat(name, ": ", quoted(text), " is no address and port")));
  if (address->is_unspecified() && access("/proc/net/if_inet6", F_OK) == 0) address = Address{.v6 = true};  // both families, as Go's servers listen
  out.emplace_back(*address, port);
  return {};
}

Result<std::vector<Network>> networks(std::string_view name, const std::vector<std::string>& texts) {
  std::vector<Network> result;
  for (const std::string& text : texts) {
    std::optional<Network> network = network::parse_network(trim(text));
    if (!network) return fail(bad_request(concat(name, ": ", quoted(text), " is no CIDR")));
    result.push_back(*network);
  }
  return result;
}

Result<void> apply(const Settings& settings, ProxyCommand& command) {
  auto& proxy = command.proxy;
  if (!settings.mode.empty() && settings.mode != "nftables") {
    if (settings.mode != "iptables" && settings.mode != "ipvs") return fail(bad_request(concat("unknown proxy mode ", quoted(settings.mode))));
    LOG_WARNING("proxy mode ", settings.mode, " is not built in: nftables does the same");
  }
  TRY(put_address("healthz-bind-address", settings.health, proxy.health_addresses));
  TRY(put_address("metrics-bind-address", settings.metrics, proxy.metrics_addresses));
  LocalTraffic& local = proxy.rules.local;
  if (settings.detect == "ClusterCIDR" || settings.detect.empty()) {
    local.networks = TRY(networks("cluster-cidr", settings.cluster_cidrs));
    local.mode = local.networks.empty() ? LocalTraffic::Mode::None : LocalTraffic::Mode::Cidr;
  } else if (settings.detect == "NodeCIDR") {
    proxy.detect_by_node_cidr = true;
  } else if (settings.detect == "BridgeInterface") {
    local = {.mode = LocalTraffic::Mode::Interface, .interface = settings.bridge};
  } else if (settings.detect == "InterfaceNamePrefix") {
    local = {.mode = LocalTraffic::Mode::InterfacePrefix, .interface = settings.prefix};
  } else {
    return fail(bad_request(concat("unknown detect-local-mode ", quoted(settings.detect))));
  }
  bool by_interface = local.mode == LocalTraffic::Mode::Interface || local.mode == LocalTraffic::Mode::InterfacePrefix;
  if (by_interface && (local.interface.empty() || local.interface.size() > 15))
    return fail(bad_request(concat(settings.detect, ": the interface's name is missing or too long")));
  bool primary = settings.node_ports.empty() || (settings.node_ports.size() == 1 && settings.node_ports[0] == "primary");
  proxy.node_ports_on_primary = primary;
  if (!primary) proxy.node_port_networks = TRY(networks("nodeport-addresses", settings.node_ports));
  if (proxy.rules.masquerade_bit < 0 || proxy.rules.masquerade_bit > 31) return fail(bad_request("the masquerade bit must be within the range [0, 31]"));
  return {};
}

Result<std::string> read_file(const std::string& path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(network::system_error(path, errno));
  std::string text;
  char buffer[8192];
  ssize_t got;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) text.append(buffer, got);
  close(fd);
  return text;
}

int64_t microseconds(schema::Value value, int64_t preset_us) {
  int64_t nanoseconds;
  if (!parse_duration(value.as_string(), nanoseconds) || nanoseconds == 0) return preset_us;
  return nanoseconds / 1000;
}

Result<void> read_config(const std::string& path, Settings& settings, ProxyCommand& command) {
  std::string text = TRY(read_file(path));
  Arena arena;
  auto documents = schema::parse_yaml(text, arena);
  if (!documents) return fail(std::move(documents).error().context(path));
  for (schema::Value root : *documents) {
    if (root["kind"].as_string() != "KubeProxyConfiguration") continue;
    auto put = [](schema::Value value, std::string& into) {
      if (value.is_string()) into = value.as_string();
    };
    put(root["clientConnection"]["kubeconfig"], command.kubeconfig);
    put(root["hostnameOverride"], command.proxy.node_name);
    put(root["mode"], settings.mode);
    if (!root["healthzBindAddress"].as_string().empty()) put(root["healthzBindAddress"], settings.health);
    if (!root["metricsBindAddress"].as_string().empty()) put(root["metricsBindAddress"], settings.metrics);
    put(root["detectLocalMode"], settings.detect);
    put(root["detectLocal"]["bridgeInterface"], settings.bridge);
    put(root["detectLocal"]["interfaceNamePrefix"], settings.prefix);
    if (!root["clusterCIDR"].as_string().empty())
      for (std::string_view cidr : split(root["clusterCIDR"].as_string(), ',')) settings.cluster_cidrs.emplace_back(cidr);
    for (schema::Value one : root["nodePortAddresses"].items()) settings.node_ports.emplace_back(one.as_string());
    schema::Value tables = root["nftables"];
    command.proxy.rules.masquerade_all = tables["masqueradeAll"].as_bool();
    if (tables["masqueradeBit"].is_int()) command.proxy.rules.masquerade_bit = static_cast<int>(tables["masqueradeBit"].as_int());
    command.proxy.sync_period_us = microseconds(tables["syncPeriod"], command.proxy.sync_period_us);
    command.proxy.sync_period_min_us = microseconds(tables["minSyncPeriod"], command.proxy.sync_period_min_us);
    return {};
  }
  return fail(bad_request(concat(path, ": no KubeProxyConfiguration")));
}

}  // namespace

Result<ProxyCommand> parse_proxy_command(Arguments arguments) {
  FlagSet flags(kFlags);
  TRY(flags.parse(arguments, "kube-proxy"));
  ProxyCommand command;
  if (flags.help_wanted()) {
    command.help = flags.help("kube-proxy", "The service proxy: leads traffic to services' addresses and node ports to their endpoints.");
    return command;
  }
  TRY(set_up_log(flags));
  Settings settings;
  command.kubeconfig = flags.text("kubeconfig");
  if (flags.given("config")) {
    TRY(read_config(flags.text("config"), settings, command));
  } else {
    settings = {flags.text("healthz-bind-address"), flags.text("metrics-bind-address"), flags.text("proxy-mode"), flags.text("detect-local-mode"),
                flags.text("pod-bridge-interface"), flags.text("pod-interface-name-prefix"), flags.list("cluster-cidr"), flags.list("nodeport-addresses")};
    command.proxy.rules.masquerade_all = flags.is_true("masquerade-all");
    command.proxy.rules.masquerade_bit = static_cast<int>(flags.number("iptables-masquerade-bit"));
    command.proxy.sync_period_us = std::max<int64_t>(flags.nanoseconds("iptables-sync-period") / 1000, 1'000'000);
    command.proxy.sync_period_min_us = flags.nanoseconds("iptables-min-sync-period") / 1000;
  }
  command.master = flags.text("master");
  command.clean_up = flags.is_true("cleanup");
  command.init_only = flags.is_true("init-only");
  if (flags.given("hostname-override")) command.proxy.node_name = flags.text("hostname-override");
  if (command.proxy.node_name.empty()) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    command.proxy.node_name = to_lower(trim(host));
  }
  TRY(apply(settings, command));
  return command;
}

}  // namespace sampan::cmd
