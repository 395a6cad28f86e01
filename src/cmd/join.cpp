// `sampan join`: makes this machine a node of a cluster that `sampan up` started on another one.
#include <unistd.h>

#include <cstdio>

#include "base/text.h"
#include "client/https.h"
#include "cluster/certificates.h"
#include "cmd/apiserver_options.h"
#include "cmd/commands.h"
#include "cmd/join_info.h"
#include "cmd/machine.h"
#include "cmd/node_files.h"
#include "cmd/node_identity.h"
#include "cmd/place.h"
#include "cmd/progress.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;

constexpr std::string_view kAbout =
    "Makes this machine a node of a cluster on another one. `sampan token create` there says how. A machine that has joined before is started again, and then\n"
    "nothing needs to be said. `sampan down` stops it; with --purge it forgets the cluster.";

constexpr Flag kFlags[] = {
    {"Join", "server", Type::String, "", Effect::Works, "The cluster's API server, as https://10.0.0.1:6443."},
    {"Join", "token", Type::String, "", Effect::Works, "The token to join with."},
    {"Join", "discovery-token-ca-cert-hash", Type::String, "", Effect::Works, "What the cluster is known by: sha256: and the hash of its authority's public key."},
    {"Node", "node-name", Type::String, "", Effect::Works, "What the node is called. Without it: the machine's name."},
    {"Node", "node-ip", Type::Ip, "", Effect::Works, "What others reach the node at. Without it: the address of the default route."},
    {"Misc", "v", Type::Int, "0", Effect::Works, "How much the node logs.", 'v'},
};

constexpr uint16_t kAgentPort = 10250;
constexpr std::string_view kAdvice = "a machine has room for one node";
constexpr int64_t kReadyTimeoutUs = 120'000'000;

class Join {
 public:
  Join(Machine machine, const FlagSet& flags) : machine_(std::move(machine)), flags_(flags), files_{machine_.data_dir} {}

  Result<void> run() {
    if (geteuid() != 0) return fail(bad_request("a node makes network interfaces, mounts and control groups: run this as root"));
    bool is_new = flags_.given("server") || flags_.given("token");
    if (access((machine_.data_dir + "/state.db").c_str(), F_OK) == 0)
      return fail(bad_request(concat("this machine has a cluster of its own, in ", machine_.data_dir, ": `sampan down --purge` takes it away")));
    if (!is_new && !machine_.is_node()) return fail(bad_request("--server, --token and --discovery-token-ca-cert-hash are needed: `sampan token create` on the cluster's first machine says them"));
    if (is_new && cluster::running(machine_.server()) != 0) return fail(bad_request("this machine is a node already, and runs: `sampan down --purge` first"));
    int64_t began = now_us();
    if (is_new) TRY(find_cluster());
    if (cluster::running(machine_.server()) == 0) TRY(check_port(kAgentPort, kAdvice));
    TRY(bring_up_runtime(machine_, progress_));
    if (cluster::running(machine_.server()) == 0) TRY(start());
    auto name = TRY(wait_for_node());
    std::printf("\nThis machine is the node %s after %s. `kubectl get nodes` on the first machine shows it.\n", name.c_str(), span_text(now_us() - began).c_str());
    return {};
  }

 private:
  Result<void> find_cluster() {
    for (std::string_view name : {"server", "token", "discovery-token-ca-cert-hash"})
      if (flags_.text(name).empty()) return fail(bad_request(concat("--", name, " is missing: `sampan token create` on the cluster's first machine says it")));
    auto token = TRY(Token::parse(flags_.text("token")));
    progress_.begin("cluster");
    auto cluster = TRY(discover(flags_.text("server"), token, flags_.text("discovery-token-ca-cert-hash")));
    auto name = flags_.text("node-name").empty() ? machine_name() : flags_.text("node-name");
    auto ip = flags_.text("node-ip").empty() ? default_address() : flags_.text("node-ip");
    client::Kubeconfig known{.server = cluster.server, .token = token.text()};
    known.tls.ca_pem = cluster.authority_pem;
    auto api = client::https_api(TRY(client::Remote::connect(known, "sampan")), "sampan");
    auto settings = TRY(read_settings(*api));
    TRY(check_name(*api, name));
    TRY(check_port(kAgentPort, kAdvice));
    // From here on this machine is a node.
    TRY(cluster::make_directory(machine_.data_dir, 0711));
    unlink(node_credential(files_.pki()).c_str());  // of another cluster, or one that has ended
    TRY(cluster::write_file(files_.bootstrap_kubeconfig(), node_kubeconfig(cluster.server, cluster.authority_pem, concat("    token: ", token.text(), "\n")), 0600));
    TRY(cluster::write_file(files_.authority(), cluster.authority_pem, 0644));
    TRY(cluster::write_file(files_.kubeconfig(), node_kubeconfig(cluster.server, cluster.authority_pem, credential_fields(files_.pki())), 0600));
    std::vector<std::string> words = {concat("--data-dir=", machine_.data_dir),
                                      concat("--run-dir=", machine_.run_dir),
                                      concat("--node-name=", name),
                                      concat("--node-ip=", ip),
                                      concat("--container-runtime-endpoint=unix://", machine_.socket()),
                                      concat("--cluster-cidr=", join(settings.cluster_cidrs, ",")),
                                      concat("--service-cluster-ip-range=", join(settings.service_cidrs, ",")),
                                      concat("--cluster-domain=", settings.domain)};
    if (!settings.dns_ip.empty()) {
      words.push_back(concat("--cluster-dns=", settings.dns_ip));
      words.push_back(concat("--dns-port=", TRY(free_port_from(Place().dns_port))));
    }
    TRY(cluster::write_file(machine_.node_flags(), join(words, "\n") + "\n", 0644));
    progress_.done(cluster.server);
    return {};
  }

  // Two machines of one name would take each other's pods.
  Result<void> check_name(client::Api& api, const std::string& name) {
    auto known = api.get(client::builtin("", "nodes"), {}, name);
    if (!known && known.error().is(Reason::NotFound)) return {};
    if (!known) return fail(std::move(known).error());
    auto conditions = (**known)["status"]["conditions"];
    for (uint32_t i = 0; i < conditions.size(); i++)
      if (conditions.item(i)["type"].as_string() == "Ready" && conditions.item(i)["status"].as_string() == "True")
        return fail(bad_request(concat("a node with the name ", quoted(name), " and the status Ready is in the cluster already: --node-name gives this one another name")));
    return {};
  }

  Result<void> start() {
    std::vector<std::string> words = {own_program(), "node", concat("--v=", flags_.text("v"))};
    auto saved = TRY(cluster::read_file(machine_.node_flags()));
    for (auto line : split(saved, '\n'))
      if (!line.empty()) words.emplace_back(line);
    TRY(cluster::start(machine_.server(), words));
    return {};
  }

  Result<std::string> wait_for_node() {
    progress_.begin("node");
    auto name = machine_.node_flag("node-name");
    std::shared_ptr<client::Remote> remote;
    TRY(wait_for(machine_.server(), kReadyTimeoutUs, "the node is not ready", [&]() -> Result<bool> {
      if (!has_credential(files_.pki(), name)) return fail(internal_error("it has no certificate yet"));
      if (!remote) remote = TRY(client::Remote::connect(TRY(client::load_kubeconfig(files_.kubeconfig())), "sampan"));
      auto node = TRY(client::https_api(remote, "sampan")->get(client::builtin("", "nodes"), {}, name));
      auto conditions = (*node)["status"]["conditions"];
      for (uint32_t i = 0; i < conditions.size(); i++) {
        if (conditions.item(i)["type"].as_string() != "Ready") continue;
        if (conditions.item(i)["status"].as_string() == "True") return true;
        return fail(internal_error(std::string(conditions.item(i)["message"].as_string())));
      }
      return fail(internal_error("it has not been registered"));
    }));
    progress_.done(name);
    return name;
  }

  const Machine machine_;
  const FlagSet& flags_;
  const NodeFiles files_;
  Progress progress_;
};

}  // namespace

int run_join(Arguments arguments) {
  auto table = with_machine_flags(kFlags);
  FlagSet flags(table);
  if (auto code = parse_or_exit(flags, arguments, "sampan join", kAbout)) return *code;
  return report([&]() -> Result<void> { return Join(TRY(machine_of(flags)), flags).run(); }());
}

}  // namespace sampan::cmd
