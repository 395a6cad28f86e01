#include "cmd/server_process.h"

#include <unistd.h>

#include "apiserver/in_process.h"
#include "apiserver/usage/usage.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/controller_choice.h"
#include "controllers/frame.h"
#include "scheduler/scheduler.h"

namespace sampan::cmd {

namespace {

constexpr unsigned kWorkers = 16;  // of controllers and scheduler: most of them wait for the disk

class Process final : public ServerProcess {
 public:
  explicit Process(const ServerOptions& options) : options_(options) {}
  ~Process() override { stop(); }

  Result<void> start() {
    api_ = TRY(ApiProcess::start(options_.api));
    if (!options_.kubeconfig.empty()) TRY(write_kubeconfig());
    executor_ = make_thread_pool(kWorkers, scheduler::kWritesAtOnce);
    informers_ = std::make_unique<client::Informers>(apiserver::in_process_caches(api_->server()), *executor_);
    admin_api_ = connect({"system:admin", {"system:masters", "system:authenticated"}, "sampan"});
    if (options_.controllers) TRY(start_controllers());
    if (options_.scheduler) TRY(start_scheduler());
    // Only a certificate of our own CA makes a node.
    if (options_.api.client_ca_file.empty())
      TRY(publish_join_info(*admin_api_, concat("https://", options_.api.host()), api_->authority_pem(), options_.settings));
    if (!options_.settings.dns_ip.empty()) TRY(publish_dns(*admin_api_, options_.settings.dns_ip));
    if (options_.node) TRY(start_node());
    return {};
  }

  ApiProcess& api() override { return *api_; }
  client::Informers& informers() override { return *informers_; }
  Executor& executor() override { return *executor_; }

  void stop() override {
    if (auto* usage = api_ ? api_->server().services().usage : nullptr) usage->set_local("", nullptr);
    node_.reset();
    scheduler_.reset();
    controllers_.reset();
    if (api_ && !stopped_) api_->stop();
    stopped_ = true;
    informers_.reset();  // they wake the executor
    executor_.reset();
  }

 private:
  Result<void> write_kubeconfig() {
    auto text = TRY(cluster::read_file(options_.api.data_dir + "/admin.kubeconfig"));
    return cluster::write_file(options_.kubeconfig, text, 0600);
  }

  std::unique_ptr<client::Api> connect(client::Identity identity) { return apiserver::in_process_api(api_->server(), std::move(identity)); }

  Result<void> start_controllers() {
    auto chosen = TRY(choose_controllers(options_.controller_names));
    controllers::Setup setup;
    setup.connect = [this](client::Identity identity) { return connect(std::move(identity)); };
    setup.informers = informers_.get();
    setup.clock = &real_clock();
    setup.random = &secure_random();
    setup.executor = executor_.get();
    setup.settings.root_ca_pem = api_->authority_pem();
    setup.settings.allocate_node_cidrs = !options_.settings.cluster_cidrs.empty();
    setup.settings.nodes.grace_us = options_.node_grace_us;
    setup.settings.cluster_cidrs = options_.settings.cluster_cidrs;
    for (auto range : split(options_.api.service_cidr, ',')) setup.settings.service_cidrs.emplace_back(trim(range));
    if (!options_.local_path.empty()) setup.settings.local_path = options_.local_path;
    TRY(set_signer(setup.settings));
    controllers_ = TRY(controllers::Frame::create(setup, chosen));
    controllers_->start();
    return {};
  }

  // Certificate requests are signed with our own CA, where that is the one that clients are known by.
  Result<void> set_signer(controllers::Settings& settings) {
    if (!options_.api.client_ca_file.empty()) return {};
    settings.signing_certificate_pem = api_->authority_pem();
    settings.signing_key_pem = TRY(cluster::read_file(options_.api.cert_dir + "/ca.key"));
    return {};
  }

  Result<void> start_scheduler() {
    scheduler::Setup setup;
    setup.connect = [this](client::Identity identity) { return connect(std::move(identity)); };
    setup.informers = informers_.get();
    setup.clock = &real_clock();
    setup.random = &secure_random();
    setup.executor = executor_.get();
    scheduler_ = TRY(scheduler::Scheduler::create(std::move(setup)));
    scheduler_->start();
    return {};
  }

  // The node's certificate is made anew at every start, with our own CA.
  Result<void> start_node() {
    NodeOptions node = *options_.node;
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    if (node.node_name.empty()) node.node_name = to_lower(host);
    if (node.node_ip.empty()) node.node_ip = options_.api.advertise_address;
    cluster::KeyPair authority{TRY(cluster::read_file(options_.api.cert_dir + "/ca.crt")), TRY(cluster::read_file(options_.api.cert_dir + "/ca.key"))};
    auto user = concat("system:node:", node.node_name);
    node.serving = TRY(cluster::make_certificate({.common_name = user,
                                                  .organizations = {"system:nodes"},
                                                  .usage = cluster::Usage::Server,
                                                  .dns_names = {node.node_name},
                                                  .ip_addresses = {"127.0.0.1", node.node_ip}},
                                                 &authority));
    node.client_ca_file = options_.api.cert_dir + "/ca.crt";
    node_api_ = connect({user, {"system:nodes", "system:authenticated"}, "kubelet"});
    node_ = TRY(NodeProcess::start(std::move(node), *node_api_, *informers_, *executor_));
    if (auto* usage = api_->server().services().usage) usage->set_local(node_->node_name(), [this] { return node_->resource_metrics(); });
    return {};
  }

  const ServerOptions options_;
  bool stopped_ = false;
  std::unique_ptr<ApiProcess> api_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<controllers::Frame> controllers_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  std::unique_ptr<client::Api> node_api_, admin_api_;
  std::unique_ptr<NodeProcess> node_;
};

}  // namespace

Result<std::unique_ptr<ServerProcess>> ServerProcess::start(const ServerOptions& options) {
  auto process = std::make_unique<Process>(options);
  TRY(process->start());
  return process;
}

}  // namespace sampan::cmd
