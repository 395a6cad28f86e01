// `sampan apiserver`: a Kubernetes API server by itself, over an embedded store or over etcd.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "apiserver/access/role_aggregation.h"
#include "apiserver/pages.h"
#include "apiserver/server.h"
#include "apiserver/service_addresses.h"
#include "apiserver/version.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/apiserver_certificates.h"
#include "cmd/apiserver_flags.h"
#include "cmd/apiserver_options.h"
#include "cmd/commands.h"
#include "cmd/store_probe.h"
#include "store/etcd.h"
#include "store/sqlite.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kAbout =
    "Serves the Kubernetes API: validates objects, keeps them, and tells whoever watches of every change.\n"
    "All other parts of a cluster meet here.";
constexpr auto kDrainTime = std::chrono::seconds(10);

Result<std::unique_ptr<store::Store>> open_store(const ApiserverOptions& options) {
  if (!options.etcd_servers.empty()) {
    store::EtcdOptions etcd;
    etcd.endpoints = options.etcd_servers;
    etcd.ca_file = options.etcd_ca_file;
    etcd.cert_file = options.etcd_cert_file;
    etcd.key_file = options.etcd_key_file;
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
  config.requests_in_flight_max = options.reads_max;
  config.mutations_in_flight_max = options.mutations_max;
  config.watch_seconds_min = options.watch_seconds_min;
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

// Blocks until the process is told to end. Told again, it ends at once.
void wait_for_signal() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal = 0;
  sigwait(&signals, &signal);
  std::thread([signals] {
    int second = 0;
    sigwait(&signals, &second);
    ::_exit(1);
  }).detach();
}

Result<void> serve(const ApiserverOptions& options) {
  auto store = TRY(open_store(options));  // first, for it has the lock on the data
  auto tls = TRY(prepare_certificates(options));
  auto server = TRY(apiserver::ApiServer::create(*store, real_clock(), secure_random(), TRY(server_config(options))));
  auto addresses = TRY(apiserver::allocate_service_addresses(
      server->catalog(), *store, secure_random(),
      {.cluster_ip_range = options.service_cidr, .node_port_first = options.node_port_first, .node_port_count = options.node_port_count}));
  TRY(addresses->repair());
  TRY(apiserver::bootstrap(server->catalog(),
                           {.service_cidr = std::string(split(options.service_cidr, ',')[0]),
                            .advertise_address = options.keeps_endpoints ? options.advertise_address : std::string(),
                            .port = options.port}));
  TRY(apiserver::aggregate_roles(server->catalog(), real_clock()));
  auto aggregation = apiserver::RoleAggregation::start(server->catalog(), real_clock());
  std::atomic<bool> leaving{false};
  StoreProbe live(*store, options.store_live_timeout_ns), ready(*store, options.store_ready_timeout_ns);
  server->add_page(apiserver::version_page());
  server->add_page(apiserver::health_pages(health_checks(live, ready, leaving)));
  server->add_page(apiserver::discovery_pages(server->catalog(), options.host()));
  server->add_page(apiserver::issuer_pages(*server->services().access->service_accounts()));
  server->add_page(apiserver::openapi_pages(server->catalog()));
  server->add_page(apiserver::metrics_page(*server));
  server->add_page(apiserver::root_page(*server));

  net::ServerOptions listen;
  listen.address = options.bind_address;
  listen.port = options.port;
  listen.tls = tls;
  listen.limits = options.limits;
  listen.too_large = apiserver::body_too_large;
  auto listener = TRY(net::listen(std::move(listen), server->handler()));
  LOG_INFO("Serving securely on ", options.bind_address, ":", listener->port());

  wait_for_signal();
  leaving.store(true);
  if (options.shutdown_delay_ns > 0) {
    LOG_INFO("shutting down in ", options.shutdown_delay_ns / 1'000'000'000, " seconds");
    std::this_thread::sleep_for(std::chrono::nanoseconds(options.shutdown_delay_ns));
  }
  server->begin_shutdown();
  listener->stop(kDrainTime);
  LOG_INFO("stopped");
  return {};
}

}  // namespace

int run_apiserver(Arguments arguments) {
  // Before any thread starts, so that only wait_for_signal() gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  for (std::string_view argument : arguments)
    if (argument == "--version" || argument == "--version=true" || argument == "--version=raw") {
      std::printf("Kubernetes %s\n", std::string(apiserver::kGitVersion).c_str());
      return 0;
    }
  FlagSet flags(apiserver_flags());
  if (auto parsed = flags.parse(arguments, "kube-apiserver"); !parsed) {
    std::fprintf(stderr, "Error: %s\n", parsed.error().message().c_str());
    return 1;
  }
  if (flags.help_wanted()) {
    std::fputs(flags.help("kube-apiserver", kAbout).c_str(), stdout);
    return 0;
  }
  auto options = apiserver_options(flags);
  if (!options) {
    std::fprintf(stderr, "Error: %s\n", options.error().message().c_str());
    return 1;
  }
  set_log_verbosity(options->verbosity);
  for (auto name : flags.pending()) LOG_WARNING("--", name, " is known but does nothing yet");
  if (auto served = serve(*options); !served) {
    std::string_view why = served.error().message();
    constexpr std::string_view kPrefix = "Internal error occurred: ";  // for clients, not for whoever starts it
    if (why.starts_with(kPrefix)) why.remove_prefix(kPrefix.size());
    LOG_ERROR("command failed: ", why);
    return 1;
  }
  return 0;
}

}  // namespace sampan::cmd
