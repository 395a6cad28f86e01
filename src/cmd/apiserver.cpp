#include <signal.h>
#include <sys/stat.h>

#include <cstdio>

#include "apiserver/pages.h"
#include "apiserver/server.h"
#include "apiserver/service_addresses.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/commands.h"
#include "store/memory.h"
#include "store/sqlite.h"

namespace sampan::cmd {

namespace {

struct Flags {
  std::string data_dir = "/var/lib/sampan", bind_address = "0.0.0.0", token_file;
  uint16_t port = 6443;
};

Result<void> serve(const Flags& flags) {
  ::mkdir(flags.data_dir.c_str(), 0700);
  store::SqliteOptions sqlite;
  sqlite.path = flags.data_dir + "/state.db";
  auto store = TRY(store::open_sqlite_store(sqlite));
  std::string pki = flags.data_dir + "/";
  auto authority = TRY(cluster::load_or_make(pki + "ca.crt", pki + "ca.key", {.common_name = "sampan-ca", .usage = cluster::Usage::Authority, .days = 3650}, nullptr));
  TRY(cluster::load_or_make(pki + "apiserver.crt", pki + "apiserver.key",
                            {.common_name = "kube-apiserver", .usage = cluster::Usage::Server,
                             .dns_names = {"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
                             .ip_addresses = {"127.0.0.1", "10.0.0.1"}}, &authority));
  auto admin = TRY(cluster::load_or_make(pki + "admin.crt", pki + "admin.key",
                            {.common_name = "kubernetes-admin", .organizations = {"system:masters"}, .usage = cluster::Usage::Client}, &authority));
  TRY(cluster::write_file(pki + "admin.kubeconfig", cluster::kubeconfig("sampan", concat("https://127.0.0.1:", flags.port), authority.certificate_pem, "kubernetes-admin", admin), 0600));

  apiserver::ServerConfig config;
  config.authenticators.push_back(apiserver::certificate_authenticator());
  config.authorizers.push_back(apiserver::masters_authorizer());
  auto server = TRY(apiserver::ApiServer::create(*store, real_clock(), secure_random(), std::move(config)));
  auto addresses = TRY(apiserver::allocate_service_addresses(server->catalog(), *store, secure_random(), {.cluster_ip_range = "10.96.0.0/16"}));
  TRY(addresses->repair());
  TRY(apiserver::bootstrap(server->catalog(), {.service_cidr = "10.96.0.0/16", .advertise_address = {}, .port = flags.port,
                                               .client_ca = authority.certificate_pem, .clock = nullptr}));
  server->add_page(apiserver::version_page());
  server->add_page(apiserver::discovery_pages(server->catalog(), concat("127.0.0.1:", flags.port)));
  server->add_page(apiserver::openapi_pages(server->catalog()));
  server->add_page(apiserver::root_page(*server));
  server->add_page(apiserver::health_pages({{.name="ping", .run=[]() -> Result<void> { return {}; }}}));
  net::ServerOptions options;
  options.address = flags.bind_address;
  options.port = flags.port;
  options.tls.certificate_file = pki + "apiserver.crt";
  options.tls.key_file = pki + "apiserver.key";
  options.tls.client_ca_file = pki + "ca.crt";
  options.too_large = apiserver::body_too_large;
  auto listener = TRY(net::listen(std::move(options), server->handler()));
  LOG_INFO("Serving securely on ", flags.bind_address, ":", listener->port());
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int signal;
  sigwait(&signals, &signal);
  server->begin_shutdown();
  listener->stop(std::chrono::seconds(10));
  return {};
}

}  // namespace

int run_apiserver(Arguments arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Flags flags;
  for (std::string_view argument : arguments) {
    if (argument.starts_with("--data-dir=")) flags.data_dir = argument.substr(11);
    if (argument.starts_with("--secure-port=")) parse_int(argument.substr(14), flags.port);
    if (argument.starts_with("--bind-address=")) flags.bind_address = argument.substr(15);
  }
  auto served = serve(flags);
  if (served) return 0;
  std::fprintf(stderr, "sampan apiserver: %s\n", served.error().message().c_str());
  return 1;
}

}  // namespace sampan::cmd
