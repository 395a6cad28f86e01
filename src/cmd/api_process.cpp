#include "cmd/api_process.h"

#include <sys/stat.h>
#include <unistd.h>

#include "apiserver/access/role_aggregation.h"
#include "apiserver/api_endpoints.h"
#include "apiserver/fairness/keeper.h"
#include "apiserver/pages.h"
#include "apiserver/service_addresses.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/apiserver_certificates.h"
#include "cmd/certificate_rotation.h"
#include "cmd/encryption_config.h"
#include "cmd/store_probe.h"
#include "registry/core/pod_spec.h"
#include "store/etcd.h"
#include "store/sqlite.h"

namespace sampan::cmd {

namespace {

constexpr auto kDrainTime = std::chrono::seconds(10);

Result<std::unique_ptr<store::Store>> open_store(const ApiserverOptions& options) {
  if (!options.etcd_servers.empty()) {
    store::EtcdOptions etcd;
    etcd.endpoints = options.etcd_servers;
    etcd.ca_file = options.etcd_ca_file;
    etcd.cert_file = options.etcd_cert_file;
    etcd.key_file = options.etcd_key_file;
    etcd.compaction_interval_ms = options.etcd_compaction_ns / 1'000'000;
    return store::connect_etcd(std::move(etcd));
  }
  if (::mkdir(options.data_dir.c_str(), 0700) != 0 && errno != EEXIST)
    return fail(internal_error(concat("make the directory ", options.data_dir, ": ", strerror(errno))));
  store::SqliteOptions sqlite;
  sqlite.path = options.data_dir + "/state.db";
  return store::open_sqlite_store(std::move(sqlite));
}

Result<apiserver::ServerConfig> server_config(const ApiserverOptions& options) {
  apiserver::ServerConfig config;
  config.runtime_config = options.runtime_config;
  config.admission = options.admission;
  config.audit = options.audit;
  config.front_door = options.front_door;
  config.backends = options.backends;
  if (config.backends.kubelet_certificate_file.empty() && options.client_ca_file.empty()) {
    auto base = concat(options.cert_dir, "/", kKubeletClientName);
    config.backends.kubelet_certificate_file = base + ".crt";
    config.backends.kubelet_key_file = base + ".key";
  }
  config.priority_and_fairness = options.priority_and_fairness;
  config.requests_in_flight_max = options.reads_max;
  config.mutations_in_flight_max = options.mutations_max;
  config.watch_seconds_min = options.watch_seconds_min;
  config.request_timeout_us = options.request_timeout_ns / 1000;
  config.store_is_local = options.etcd_servers.empty();
  config.access = TRY(access_config(options.access, options.data_dir, options.host()));
  return config;
}

std::vector<apiserver::HealthCheck> health_checks(StoreProbe& live, StoreProbe& ready, const std::atomic<bool>& leaving) {
  auto good = []() -> Result<void> { return {}; };
  auto stay = [&leaving]() -> Result<void> {
    if (leaving.load()) return fail(internal_error("process is shutting down"));
    return {};
  };
  // Everything is loaded and made before the port opens, so what upstream's hooks wait for is done.
  std::vector<apiserver::HealthCheck> checks;
  checks.push_back({.name = "ping", .run = good});
  checks.push_back({.name = "log", .run = good});
  checks.push_back({.name = "etcd", .run = [&live] { return live.check(); }});
  checks.push_back({.name = "etcd-readiness", .in_livez = false, .run = [&ready] { return ready.check(); }});
  checks.push_back({.name = "informer-sync", .in_livez = false, .run = good});
  for (std::string_view hook : {"poststarthook/start-system-namespaces-controller", "poststarthook/storage-readiness",
                                "poststarthook/start-service-ip-repair-controllers", "poststarthook/scheduling/bootstrap-system-priority-classes",
                                "poststarthook/bootstrap-controller"})
    checks.push_back({.name = hook, .run = good});
  checks.push_back({.name = "shutdown", .in_livez = false, .run = stay});
  return checks;
}

class Process final : public ApiProcess {
 public:
  explicit Process(const ApiserverOptions& options) : options_(options) {}

  Result<void> start() {
    registry::set_privileged_allowed(options_.allow_privileged);
    store_ = TRY(open_store(options_));  // first, for it has the lock on the data
    TRY(encrypt_store());
    auto tls = TRY(prepare_certificates(options_));
    if (!tls.client_ca_file.empty()) authority_pem_ = TRY(cluster::read_file(tls.client_ca_file));
    server_ = TRY(apiserver::ApiServer::create(*store_, real_clock(), secure_random(), TRY(server_config(options_))));
    addresses_ = TRY(apiserver::allocate_service_addresses(
        server_->catalog(), *store_, real_clock(), secure_random(),
        {.cluster_ip_range = options_.service_cidr, .node_port_first = options_.node_port_first, .node_port_count = options_.node_port_count}));
    TRY(addresses_->repair());
    TRY(apiserver::bootstrap(server_->catalog(),
                             {.service_cidr = std::string(split(options_.service_cidr, ',')[0]),
                              .port = options_.port,
                              .client_ca = authority_pem_}));
    if (options_.keeps_endpoints)
      endpoints_ = TRY(apiserver::ApiEndpoints::start(
          server_->catalog(), *store_, real_clock(),
          {.address = options_.advertise_address, .port = options_.port, .shared_store = !options_.etcd_servers.empty()}));
    TRY(apiserver::aggregate_roles(server_->catalog(), real_clock()));
    aggregation_ = apiserver::RoleAggregation::start(server_->catalog(), real_clock());
    if (auto* control = server_->flow_control()) flow_control_ = apiserver::fairness::Keeper::start(*control, server_->catalog(), real_clock());
    live_.emplace(*store_, options_.store_live_timeout_ns);
    ready_.emplace(*store_, options_.store_ready_timeout_ns);
    add_pages();
    listener_ = TRY(listen(std::move(tls)));
    if (const auto& path = options_.access.authorization_config_file; !path.empty())
      authorization_reload_ = reload_authorization_config(path, options_.access.authorization_config, *server_->services().access);
    if (::access((options_.cert_dir + "/ca.key").c_str(), R_OK) == 0)
      rotation_ = CertificateRotation::start(options_.cert_dir, options_.kubeconfig_copies);
    LOG_INFO("Serving securely on ", options_.bind_address, ":", listener_->port());
    return {};
  }

  apiserver::ApiServer& server() override { return *server_; }
  const std::string& authority_pem() override { return authority_pem_; }

  void stop() override {
    leaving_.store(true);
    if (options_.shutdown_delay_ns > 0) {
      LOG_INFO("shutting down in ", options_.shutdown_delay_ns / 1'000'000'000, " seconds");
      std::this_thread::sleep_for(std::chrono::nanoseconds(options_.shutdown_delay_ns));
    }
    endpoints_.reset();
    server_->begin_shutdown();
    listener_->stop(kDrainTime);
    LOG_INFO("stopped");
  }

 private:
  void add_pages() {
    server_->add_page(apiserver::version_page());
    auto checks = health_checks(*live_, *ready_, leaving_);
    if (has_kms_ || options_.reload_encryption_config) checks.push_back({.name = "kms-providers", .run = [this] { return encrypted_->check(); }});
    server_->add_page(apiserver::health_pages(std::move(checks)));
    server_->add_page(apiserver::discovery_pages(server_->catalog(), options_.host()));
    server_->add_page(apiserver::issuer_pages(*server_->services().access->service_accounts()));
    server_->add_page(apiserver::openapi_pages(server_->catalog()));
    server_->add_page(apiserver::metrics_page(*server_));
    if (auto* control = server_->flow_control()) server_->add_page(apiserver::flow_control_pages(*control));
    server_->add_page(apiserver::root_page(*server_));
  }

  Result<void> encrypt_store() {
    const auto& path = options_.encryption_config_file;
    if (path.empty()) return {};
    auto encryption = TRY(load_encryption_config(path));
    auto encrypted = store::make_encrypted_store(std::move(store_), encryption);
    encrypted_ = encrypted.get();
    has_kms_ = encryption->has_checks();
    if (options_.reload_encryption_config) encryption_reload_ = reload_encryption_config(path, *encrypted);
    store_ = std::move(encrypted);
    return {};
  }

  Result<std::unique_ptr<net::Server>> listen(net::TlsOptions tls) {
    net::ServerOptions listen;
    listen.address = options_.bind_address;
    listen.port = options_.port;
    listen.tls = std::move(tls);
    listen.limits = options_.limits;
    listen.shares_port = options_.shares_port;
    listen.too_large = apiserver::body_too_large;
    return net::listen(std::move(listen), server_->handler());
  }

  const ApiserverOptions options_;
  std::string authority_pem_;
  std::atomic<bool> leaving_{false};
  std::unique_ptr<store::Store> store_;
  store::EncryptedStore* encrypted_ = nullptr;  // the store, if it is one
  bool has_kms_ = false;
  std::unique_ptr<EncryptionReload> encryption_reload_;
  std::unique_ptr<apiserver::ApiServer> server_;
  std::unique_ptr<apiserver::ServiceAddresses> addresses_;
  std::unique_ptr<apiserver::RoleAggregation> aggregation_;
  std::unique_ptr<apiserver::ApiEndpoints> endpoints_;
  std::unique_ptr<apiserver::fairness::Keeper> flow_control_;
  std::optional<StoreProbe> live_, ready_;
  std::unique_ptr<net::Server> listener_;
  std::unique_ptr<CertificateRotation> rotation_;
  std::unique_ptr<AuthorizationReload> authorization_reload_;
};

}  // namespace

Result<std::unique_ptr<ApiProcess>> ApiProcess::start(const ApiserverOptions& options) {
  auto process = std::make_unique<Process>(options);
  TRY(process->start());
  return process;
}

}  // namespace sampan::cmd
