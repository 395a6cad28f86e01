// `sampan server`: a control plane in one process.
#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "cmd/apiserver_flags.h"
#include "cmd/commands.h"
#include "cmd/log_flags.h"
#include "cmd/server_process.h"
#include "cmd/signals.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr std::string_view kAbout =
    "Runs a cluster's control plane: the API server on an embedded store, all controllers and the scheduler, in one process and on\n"
    "one copy of every object. Everything that is missing is made on first start.";

constexpr Flag kFlags[] = {
    {"Sampan", "data-dir", Type::String, "/var/lib/sampan", Effect::Works, "Where the store, certificates and the administrator's credential are kept."},
    {"Sampan", "kubeconfig", Type::String, "", Effect::Works, "Where to write the administrator's kubeconfig as well (with mode 0600)."},
    {"Sampan", "controllers", Type::Strings, "*,bootstrap-signer-controller,token-cleaner-controller", Effect::Works,
     "Which controllers run: * is all that are on by default, NAME turns one on, -NAME off. \"\" runs none."},
    {"Sampan", "scheduler", Type::Bool, "true", Effect::Works, "Whether the scheduler runs."},
    {"Sampan", "api-args", Type::Strings, "", Effect::Works, "More flags for the API server, as `sampan apiserver --help` names them."},
    {"Node", "node", Type::Bool, "", Effect::Works, "Run a node as well: agent, pods' network, service proxy and DNS."},
    {"Node", "node-name", Type::String, "", Effect::Works, "What the node is called. Without it: the machine's name."},
    {"Node", "node-ip", Type::Ip, "", Effect::Works, "What others reach the node at. Without it: --advertise-address."},
    {"Node", "run-dir", Type::String, "/run/sampan", Effect::Works, "Where the node keeps what ends with the machine's run."},
    {"Node", "container-runtime-endpoint", Type::String, "unix:///run/containerd/containerd.sock", Effect::Works, "The container runtime (CRI)."},
    {"Node", "cluster-domain", Type::String, "cluster.local", Effect::Works, "The domain of the cluster's names."},
    {"Node", "cluster-dns", Type::Ip, "", Effect::Works, "The address of the service kube-dns. Without it: the tenth of the services' network."},
    {"Network", "bind-address", Type::Ip, "0.0.0.0", Effect::Works, "The address that the API is served on."},
    {"Network", "advertise-address", Type::Ip, "", Effect::Works, "The address that other machines reach this one at. Without it: that of the default route."},
    {"Network", "tls-san", Type::Strings, "", Effect::Works, "More names and addresses that the API's serving certificate is for."},
    {"Network", "secure-port", Type::Int, "6443", Effect::Works, "The port that the API is served on."},
    {"Network", "cluster-cidr", Type::Strings, "10.244.0.0/16", Effect::Works, "What pods get their addresses from; one network a family."},
    {"Network", "service-cluster-ip-range", Type::String, "10.96.0.0/16", Effect::Works, "What services get their addresses from; one network a family."},
    {"Network", "kubelet-port", Type::Int, "10250", Effect::Works, "The port that the node's agent is asked at."},
    {"Network", "dns-port", Type::Int, "10053", Effect::Works, "The port that the node answers DNS at; pods ask the service kube-dns."},
    {"Network", "node-monitor-grace-period", Type::Duration, "50s", Effect::Works, "How long a node may be silent before its pods are given up."},
    {"Misc", "v", Type::Int, "0", Effect::Works, "How much is logged.", 'v'},
};

// The tenth address of the first network of services.
Result<std::string> dns_address(const FlagSet& flags) {
  if (flags.given("cluster-dns")) return flags.text("cluster-dns");
  auto range = flags.text("service-cluster-ip-range");
  auto network = network::parse_network(trim(split(range, ',')[0]));
  if (!network) return fail(bad_request(concat("--service-cluster-ip-range: ", quoted(range), " is no network")));
  network->address.bytes[network->address.size() - 1] |= 10;
  return network->address.text();
}

NodeOptions node_options(const FlagSet& flags, const ClusterSettings& settings) {
  NodeOptions node;
  node.data_dir = flags.text("data-dir");
  node.run_dir = flags.text("run-dir");
  node.node_name = flags.text("node-name");
  node.node_ip = flags.text("node-ip");
  node.runtime_endpoint = flags.text("container-runtime-endpoint");
  node.port = static_cast<uint16_t>(flags.number("kubelet-port"));
  node.dns_port = static_cast<uint16_t>(flags.number("dns-port"));
  node.cluster_domain = settings.domain;
  node.dns_ip = settings.dns_ip;
  node.cluster_cidrs = settings.cluster_cidrs;
  node.service_cidrs = settings.service_cidrs;
  return node;
}

Result<ServerOptions> server_options(const FlagSet& flags) {
  ServerOptions options;
  std::vector<std::string> words;
  for (std::string_view name : {"data-dir", "bind-address", "secure-port", "service-cluster-ip-range", "v"})
    words.push_back(concat("--", name, "=", flags.text(name)));
  if (flags.given("advertise-address")) words.push_back(concat("--advertise-address=", flags.text("advertise-address")));
  for (const auto& san : flags.list("tls-san")) words.push_back(concat("--tls-san=", san));
  words.push_back("--allow-privileged");  // the cluster's own parts need it; PodSecurity says who else may
  words.push_back("--enable-bootstrap-token-auth");
  words.push_back("--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname");  // nobody need resolve the names of machines
  words.push_back("--service-account-issuer=https://kubernetes.default.svc.cluster.local");
  for (auto& word : flags.list("api-args")) words.push_back(word.starts_with("--") ? word : concat("--", word));
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  FlagSet api_flags(apiserver_flags());
  TRY(api_flags.parse(arguments, "kube-apiserver"));
  options.api = TRY(apiserver_options(api_flags));
  options.settings = {flags.list("cluster-cidr"), flags.list("service-cluster-ip-range"), TRY(dns_address(flags)), flags.text("cluster-domain")};
  options.node_grace_us = flags.nanoseconds("node-monitor-grace-period") / 1000;
  // What other clusters have from metrics-server; who brings that turns this off.
  options.api.runtime_config.insert(options.api.runtime_config.begin(), {"metrics.k8s.io/v1beta1", true});
  options.kubeconfig = flags.text("kubeconfig");
  if (!options.kubeconfig.empty()) options.api.kubeconfig_copies.push_back(options.kubeconfig);
  options.local_path = flags.text("data-dir") + "/volumes";
  options.controller_names = flags.list("controllers");
  options.controllers = !options.controller_names.empty();
  options.scheduler = flags.is_true("scheduler");
  if (flags.is_true("node")) options.node = node_options(flags, options.settings);
  return options;
}

Result<void> serve(const FlagSet& flags) {
  auto options = TRY(server_options(flags));
  TRY(set_up_log(flags));
  auto process = TRY(ServerProcess::start(options));
  wait_for_signal();
  process->stop();
  return {};
}

}  // namespace

int run_server(Arguments arguments) {
  block_signals();
  FlagSet flags(kFlags);
  if (auto parsed = flags.parse(arguments, "sampan server"); !parsed) {
    std::fprintf(stderr, "Error: %s\n", parsed.error().message().c_str());
    return 1;
  }
  if (flags.help_wanted()) {
    std::fputs(flags.help("sampan server", kAbout).c_str(), stdout);
    return 0;
  }
  if (auto served = serve(flags); !served) {
    LOG_ERROR("command failed: ", served.error().message());
    return 1;
  }
  return 0;
}

}  // namespace sampan::cmd
