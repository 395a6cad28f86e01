// `sampan node`: a node of a cluster whose server is elsewhere: agent, pods' network, service proxy and DNS in one process, under one identity.
#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "client/https.h"
#include "cluster/certificates.h"
#include "cmd/apiserver_options.h"
#include "cmd/commands.h"
#include "cmd/log_flags.h"
#include "cmd/machine.h"
#include "cmd/node_files.h"
#include "cmd/node_identity.h"
#include "cmd/node_process.h"
#include "cmd/signals.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr unsigned kWorkers = 8;
constexpr int64_t kTryAgainMs = 1000;
constexpr int kServingDays = 3650;  // made anew at every start, and only then

constexpr std::string_view kAbout =
    "Runs a node of a cluster whose server is elsewhere: the agent, the pods' network, the service proxy and the cluster's DNS. `sampan join` calls it, with what it found out.";

constexpr Flag kFlags[] = {
    {"Node", "data-dir", Type::String, "/var/lib/sampan", Effect::Works, "Where the node keeps everything; its credential too, or what it may ask for one with."},
    {"Node", "run-dir", Type::String, "/run/sampan", Effect::Works, "Where the node keeps what ends with the machine's run."},
    {"Node", "node-name", Type::String, "", Effect::Works, "What the node is called. Without it: the machine's name."},
    {"Node", "node-ip", Type::Ip, "", Effect::Works, "What others reach the node at. Without it: the address of the default route."},
    {"Node", "container-runtime-endpoint", Type::String, "unix:///run/containerd/containerd.sock", Effect::Works, "The container runtime (CRI)."},
    {"Network", "cluster-cidr", Type::Strings, "", Effect::Works, "What all pods have their addresses from; one network a family."},
    {"Network", "service-cluster-ip-range", Type::Strings, "", Effect::Works, "What services have their addresses from."},
    {"Network", "cluster-dns", Type::Ip, "", Effect::Works, "The address of the service kube-dns. Without it pods use the machine's resolvers, and the node answers no DNS."},
    {"Network", "dns-port", Type::Int, "10053", Effect::Works, "The port that the node answers DNS at; pods ask the service kube-dns."},
    {"Network", "cluster-domain", Type::String, "cluster.local", Effect::Works, "The domain of the cluster's names."},
    {"Misc", "v", Type::Int, "0", Effect::Works, "How much is logged.", 'v'},
};

NodeOptions node_options(const FlagSet& flags) {
  NodeOptions node;
  node.data_dir = flags.text("data-dir");
  node.run_dir = flags.text("run-dir");
  node.node_name = flags.text("node-name").empty() ? machine_name() : flags.text("node-name");
  node.node_ip = flags.text("node-ip").empty() ? default_address() : flags.text("node-ip");
  node.runtime_endpoint = flags.text("container-runtime-endpoint");
  node.cluster_domain = flags.text("cluster-domain");
  node.dns_ip = flags.text("cluster-dns");
  node.dns_port = static_cast<uint16_t>(flags.number("dns-port"));
  node.cluster_cidrs = flags.list("cluster-cidr");
  node.service_cidrs = flags.list("service-cluster-ip-range");
  node.client_ca_file = NodeFiles{node.data_dir}.authority();
  node.all_objects = false;
  return node;
}

// Ends in the reverse order.
struct Connected {
  std::shared_ptr<client::Remote> remote;
  std::unique_ptr<client::Api> api;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<client::RemoteCaches> caches;
  std::unique_ptr<client::Informers> informers;
  std::unique_ptr<CredentialKeeper> keeper;
  std::unique_ptr<NodeProcess> node;
  ~Connected() {
    node = nullptr;
    keeper = nullptr;
    informers = nullptr;  // they wake the executor
    executor = nullptr;
  }
};

Result<void> enroll(const NodeFiles& files, const std::string& node_name) {
  if (has_credential(files.pki(), node_name)) return {};
  auto config = client::load_kubeconfig(files.bootstrap_kubeconfig());
  if (!config) return fail(bad_request("the node's credential is missing or has ended, and there is no token to ask for one with: `sampan join` with a new token"));
  auto remote = TRY(client::Remote::connect(*config, "kubelet"));
  auto api = client::https_api(remote, "kubelet");
  TRY(request_credential(*api, files.pki(), node_name, pause_unless_signal));
  unlink(files.bootstrap_kubeconfig().c_str());  // the token has served
  return {};
}

Result<std::unique_ptr<Connected>> connect(const NodeFiles& files, NodeOptions node) {
  TRY(enroll(files, node.node_name));
  auto connected = std::make_unique<Connected>();
  connected->remote = TRY(client::Remote::connect(TRY(client::load_kubeconfig(files.kubeconfig())), "kubelet"));
  connected->api = client::https_api(connected->remote, "kubelet");
  connected->executor = make_thread_pool(kWorkers);
  connected->caches = std::make_unique<client::RemoteCaches>(connected->remote, real_clock());
  connected->caches->narrow(client::builtin("", "pods"), concat("spec.nodeName=", node.node_name));
  connected->informers = std::make_unique<client::Informers>(connected->caches->open(), *connected->executor);
  // Signed by itself, as kubelets' are: the API server does not ask whom it is signed by.
  node.serving = TRY(cluster::make_certificate(
      {.common_name = concat(node.node_name, "@", real_clock().now_us() / 1'000'000), .dns_names = {node.node_name}, .ip_addresses = {node.node_ip, "127.0.0.1"}, .days = kServingDays}, nullptr));
  connected->keeper = std::make_unique<CredentialKeeper>(*connected->api, files.pki(), node.node_name);
  connected->node = TRY(NodeProcess::start(std::move(node), *connected->api, *connected->informers, *connected->executor));
  return connected;
}

// The server may be away for a while, at the start too.
Result<void> run(const NodeOptions& options) {
  NodeFiles files{options.data_dir};
  std::string last;
  do {
    auto connected = connect(files, options);
    if (connected) {
      LOG_INFO("node ", options.node_name, " has joined");
      wait_for_signal();
      return {};
    }
    if (connected.error().is(Reason::BadRequest)) return fail(std::move(connected).error());
    if (auto why = connected.error().message(); why != last) LOG_WARNING(last = why, "; trying again");
  } while (pause_unless_signal(kTryAgainMs));
  return {};
}

}  // namespace

int run_node(Arguments arguments) {
  block_signals();
  FlagSet flags(kFlags);
  if (auto code = parse_or_exit(flags, arguments, "sampan node", kAbout)) return *code;
  auto log = set_up_log(flags);
  return report(log ? run(node_options(flags)) : std::move(log));
}

}  // namespace sampan::cmd
