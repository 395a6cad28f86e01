// sampan proxy: the service proxy as a process of its own, against any API server.
#include <cstdio>

#include "base/log.h"
#include "base/text.h"
#include "client/https.h"
#include "cmd/commands.h"
#include "cmd/proxy_options.h"
#include "cmd/signals.h"

namespace sampan::cmd {
namespace {

Result<void> run(const ProxyCommand& command) {
  if (command.clean_up) {
    network::NetlinkSocket netfilter = TRY(network::NetlinkSocket::open(NETLINK_NETFILTER));
    return network::proxy::remove_tables(netfilter, command.proxy.rules.table);
  }
  if (command.init_only) return {};  // nothing needs to be done before the rules are written
  client::Kubeconfig config;
  if (!command.kubeconfig.empty()) config = TRY(client::load_kubeconfig(command.kubeconfig));
  else if (command.master.empty()) config = TRY(client::in_cluster_config());
  if (!command.master.empty()) config.server = command.master;
  std::shared_ptr<client::Remote> remote = TRY(client::Remote::connect(config, "kube-proxy"));
  std::unique_ptr<Executor> executor = make_thread_pool(2);
  client::RemoteCaches caches(remote, real_clock());
  caches.narrow(client::builtin("", "nodes"), concat("metadata.name=", command.proxy.node_name));
  client::Informers informers(caches.open(), *executor);
  network::proxy::Proxy proxy(command.proxy, real_clock());
  TRY(proxy.follow(informers));
  TRY(proxy.start());
  LOG_INFO("service proxy of node ", command.proxy.node_name, ": mode nftables");
  wait_for_signal();
  return {};
}

}  // namespace

int run_proxy(Arguments arguments) {
  auto command = parse_proxy_command(arguments);
  if (command && !command->help.empty()) {
    std::fputs(command->help.c_str(), stdout);
    return 0;
  }
  block_signals();
  auto done = command ? run(*command) : Result<void>(fail(std::move(command).error()));
  if (done) return 0;
  std::fprintf(stderr, "Error: %s\n", done.error().message().c_str());
  return 1;
}

}  // namespace sampan::cmd
