// sampan kubelet: the node agent as a process of its own, against any API server. Network plug-in and service proxy are others' business then.
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "client/https.h"
#include "cluster/certificates.h"
#include "cmd/commands.h"
#include "cmd/component.h"
#include "cmd/kubelet_options.h"
#include "cmd/node_identity.h"
#include "cmd/signals.h"
#include "network/status_server.h"

namespace sampan::cmd {

namespace {

constexpr unsigned kWorkers = 8;
constexpr int64_t kTryAgainMs = 1000;
constexpr int kServingDays = 3650;  // made anew at every start, and only then

constexpr std::string_view kAbout =
    "Looks after the pods of a node: runs their containers by a runtime (CRI), mounts their volumes, probes them, and tells the API server how they are.";

// With a bootstrap kubeconfig, as long as there is no other.
Result<void> enroll(const KubeletOptions& options) {
  if (access(options.kubeconfig.c_str(), F_OK) == 0 || options.bootstrap_kubeconfig.empty()) return {};
  auto config = TRY(client::load_kubeconfig(options.bootstrap_kubeconfig));
  auto authority = config.tls.ca_file.empty() ? config.tls.ca_pem : TRY(cluster::read_file(config.tls.ca_file));
  auto remote = TRY(client::Remote::connect(config, "kubelet"));
  auto api = client::https_api(remote, "kubelet");
  TRY(request_credential(*api, options.pki_dir, options.agent.node_name, pause_unless_signal));
  return cluster::write_file(options.kubeconfig, node_kubeconfig(config.server, authority, credential_fields(options.pki_dir)), 0600);
}

// /healthz for who runs the agent, without TLS and for this machine alone.
Result<void> serve_health(const KubeletOptions& options, kubelet::Agent& agent, network::StatusServer& health) {
  if (options.health_port == 0) return {};
  auto address = network::parse_address(options.health_address);
  if (!address) return fail(bad_request(concat("--healthz-bind-address: ", quoted(options.health_address), " is no IP address")));
  TRY(health.listen(*address, options.health_port, [&agent](std::string_view path) {
    if (path != "/healthz") return network::no_such_page();
    auto healthy = agent.health();
    return healthy ? network::Page{.body = "ok"} : network::Page{.status = 500, .body = healthy.error().message()};
  }));
  return {};
}

// Ends in the reverse order.
struct Running {
  std::shared_ptr<client::Remote> remote;
  std::unique_ptr<client::Api> api;
  std::unique_ptr<Executor> executor;
  std::unique_ptr<client::RemoteCaches> caches;
  std::unique_ptr<client::Informers> informers;
  std::unique_ptr<CredentialKeeper> keeper;
  std::unique_ptr<kubelet::NodeAccess> access;
  std::unique_ptr<kubelet::Agent> agent;
  std::unique_ptr<kubelet::NodeServer> server;
  std::unique_ptr<network::StatusServer> health;
  ~Running() {
    health = nullptr;
    server = nullptr;
    agent = nullptr;
    keeper = nullptr;
    informers = nullptr;  // they wake the executor
    executor = nullptr;
  }
};

Result<void> serve(const KubeletOptions& options, Running& running) {
  auto server = options.server;
  if (server.tls.certificate_file.empty()) {
    server.tls.certificate_file = options.pki_dir + "/kubelet.crt";
    server.tls.key_file = options.pki_dir + "/kubelet.key";
    TRY(cluster::make_directory(options.pki_dir, 0700));
    auto request = cluster::CertificateRequest{.common_name = concat(options.agent.node_name, "@", real_clock().now_us() / 1'000'000),
                                               .dns_names = {options.agent.node_name},
                                               .ip_addresses = options.agent.node_ips,
                                               .days = kServingDays};
    auto pair = TRY(cluster::make_certificate(request, nullptr));
    TRY(cluster::write_file(server.tls.key_file, pair.key_pem, 0600));
    TRY(cluster::write_file(server.tls.certificate_file, pair.certificate_pem, 0644));
  }
  auto* agent = running.agent.get();
  running.server = TRY(kubelet::NodeServer::start(std::move(server), {.pods = agent->pods(),
                                                                       .runtime = agent->runtime(),
                                                                       .access = *running.access,
                                                                       .metrics = [agent] { return agent->metrics(); },
                                                                       .cadvisor_metrics = nullptr,
                                                                       .health = [agent] { return agent->health(); }}));
  return {};
}

Result<std::unique_ptr<Running>> start(const KubeletOptions& options) {
  auto running = std::make_unique<Running>();
  auto config = TRY(client::load_kubeconfig(options.kubeconfig));
  running->remote = TRY(client::Remote::connect(config, "kubelet"));
  running->api = client::https_api(running->remote, "kubelet");
  running->executor = make_thread_pool(kWorkers);
  running->caches = std::make_unique<client::RemoteCaches>(running->remote, real_clock());
  const auto& name = options.agent.node_name;
  running->caches->narrow(client::builtin("", "pods"), concat("spec.nodeName=", name));
  running->caches->narrow(client::builtin("", "nodes"), concat("metadata.name=", name));
  running->informers = std::make_unique<client::Informers>(running->caches->open(), *running->executor);
  running->access = delegated_access(*running->api, real_clock(), options.access);
  running->agent = TRY(kubelet::Agent::start(options.agent, *running->api, *running->informers, *running->executor, real_clock()));
  if (options.serves) TRY(serve(options, *running));
  running->health = std::make_unique<network::StatusServer>();
  TRY(serve_health(options, *running->agent, *running->health));
  // Only what it asked for itself.
  if (options.rotates && config.tls.certificate_file == node_credential(options.pki_dir))
    running->keeper = std::make_unique<CredentialKeeper>(*running->api, options.pki_dir, name);
  return running;
}

Result<void> run(const FlagSet& flags) {
  auto options = TRY(kubelet_options(flags));
  if (geteuid() != 0) return fail(bad_request("a node agent makes mounts and control groups: run this as root"));
  // The server may be away; a certificate is waited for.
  for (std::string last;;) {
    auto enrolled = enroll(options);
    if (enrolled) break;
    if (auto why = enrolled.error().message(); why != last) LOG_WARNING(last = why, "; trying again");
    if (!pause_unless_signal(kTryAgainMs)) return {};
  }
  auto running = TRY(start(options));
  LOG_INFO("Started kubelet node=\"", options.agent.node_name, "\"");
  wait_for_signal();
  return {};
}

}  // namespace

int run_kubelet(Arguments arguments) { return run_component(arguments, "kubelet", kAbout, kubelet_flags(), run); }

}  // namespace sampan::cmd
