// `sampan up`: from nothing to a cluster with a running pod, saying what happens.
#include <unistd.h>

#include <cstdio>

#include "base/names.h"
#include "base/text.h"
#include "client/https.h"
#include "cluster/certificates.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "cmd/place.h"
#include "cmd/progress.h"
#include "network/address.h"

namespace sampan::cmd {

namespace {

using Type = Flag::Type;
using Effect = Flag::Effect;
using client::Value;

constexpr std::string_view kAbout =
    "Starts a cluster of one node on this machine and waits until a first pod runs in it. What runs already is left as it is.\n"
    "`sampan down` takes everything away again.";

constexpr Flag kFlags[] = {
    {"Cluster", "node-name", Type::String, "", Effect::Works, "What the node is called. Without it: the machine's name."},
    {"Cluster", "first-pod", Type::Bool, "true", Effect::Works, "Whether a first pod is made and waited for, to see that all works."},
    {"Network", "bind-address", Type::Ip, "0.0.0.0", Effect::Works, "The address that the API is served on."},
    {"Network", "advertise-address", Type::Ip, "", Effect::Works, "The address that other machines reach this one at. Without it: that of the default route."},
    {"Network", "tls-san", Type::Strings, "", Effect::Works, "More names and addresses that the API's serving certificate is for."},
    {"Network", "secure-port", Type::Int, "6443", Effect::Works, "The port that the API is served on."},
    {"Network", "cluster-cidr", Type::String, "", Effect::Works, "What pods get their addresses from. Without it: 10.244.0.0/16, or another that is free."},
    {"Network", "service-cluster-ip-range", Type::String, "", Effect::Works,
     "What services get their addresses from. Without it: 10.96.0.0/16, or another."},
    {"Network", "node-monitor-grace-period", Type::Duration, "50s", Effect::Works, "How long a node may be silent before its pods are given up."},
    {"Misc", "v", Type::Int, "0", Effect::Works, "How much the cluster logs.", 'v'},
};

constexpr int kPortTries = 50;
constexpr int64_t kApiTimeoutUs = 30'000'000, kNodeTimeoutUs = 90'000'000, kPodTimeoutUs = 90'000'000;

class Up {
 public:
  Up(Machine machine, const FlagSet& flags) : machine_(std::move(machine)), flags_(flags), server_(machine_.server()) {}

  Result<void> run() {
    if (geteuid() != 0) return fail(bad_request("a cluster makes network interfaces, mounts and control groups: run this as root"));
    int64_t began = now_us();
    if (machine_.is_node()) return fail(bad_request("this machine is a node of another cluster: `sampan join` starts it, `sampan down --purge` makes it forget"));
    TRY(check_flags());
    bool was_there = cluster::running(server_) != 0;
    if (was_there)
      std::printf("A cluster runs already (its data is in %s).\n", machine_.data_dir.c_str());
    else
      TRY(check_ports());
    TRY(bring_up_runtime(machine_, progress_));
    TRY(cluster::make_directory(machine_.kubeconfig.substr(0, machine_.kubeconfig.rfind('/')), 0755));
    if (!cluster::running(server_)) TRY(start_server());  // one that was just ending has ended by now
    TRY(wait_for_api());
    TRY(wait_for_node());
    if (flags_.is_true("first-pod")) TRY(run_first_pod());
    std::printf("\nThe cluster is up after %s. How to go on:\n\n  export KUBECONFIG=%s\n  kubectl get nodes,pods -A\n"
                "  kubectl create deployment hello --image=hello:v1 --replicas=3\n  kubectl expose deployment hello --port=80 --target-port=3000\n"
                "  sampan token create    # how another machine joins\n",
                span_text(now_us() - began).c_str(), machine_.kubeconfig.c_str());
    return {};
  }

 private:
  // What the server would refuse, told before anything is made.
  Result<void> check_flags() const {
    if (auto port = flags_.number("secure-port"); port < 1 || port > 65535) return fail(bad_request(concat("--secure-port=", port, ": a port is between 1 and 65535")));
    for (std::string_view name : {"cluster-cidr", "service-cluster-ip-range"})
      for (const auto& network : flags_.list(name))
        if (!network::parse_network(trim(network))) return fail(bad_request(concat("--", name, "=", network, ": no network, as 10.244.0.0/16 is one")));
    Complaints complaints;
    if (flags_.given("node-name")) check_dns1123_subdomain(flags_.text("node-name"), complaints);
    if (!complaints.empty()) return fail(bad_request(concat("--node-name=", flags_.text("node-name"), ": ", complaints[0])));
    return {};
  }

  Result<void> check_ports() {
    auto check = [](uint16_t port, std::string_view advice) -> Result<void> {
      // The kernel takes back a moment later what a killed server had.
      for (int tries = 0; tries < kPortTries; tries++, usleep(20'000))
        if (port_is_free(port)) return {};
      return fail(bad_request(concat("port ", port, " is in use by another program (another Kubernetes?); ", advice)));
    };
    TRY(check(static_cast<uint16_t>(flags_.number("secure-port")), "--secure-port and --data-dir make room for two"));
    if (!machine_.is_usual()) return {};
    for (auto port : {Place().kubelet_port, Place().dns_port}) TRY(check(port, "--data-dir makes room for two"));
    return {};
  }

  Result<void> start_server() {
    auto place = TRY(find_place(machine_));
    if (flags_.given("cluster-cidr")) place.pods = flags_.text("cluster-cidr");
    if (flags_.given("service-cluster-ip-range")) place.services = flags_.text("service-cluster-ip-range");
    std::vector<std::string> words = {own_program(), "server", "--node"};
    for (std::string_view name : {"bind-address", "secure-port", "node-monitor-grace-period", "v"}) words.push_back(concat("--", name, "=", flags_.text(name)));
    words.push_back(concat("--cluster-cidr=", place.pods));
    words.push_back(concat("--service-cluster-ip-range=", place.services));
    words.push_back(concat("--kubelet-port=", place.kubelet_port));
    words.push_back(concat("--dns-port=", place.dns_port));
    for (std::string_view name : {"node-name", "advertise-address"})
      if (flags_.given(name)) words.push_back(concat("--", name, "=", flags_.text(name)));
    for (const auto& san : flags_.list("tls-san")) words.push_back(concat("--tls-san=", san));
    words.push_back(concat("--data-dir=", machine_.data_dir));
    words.push_back(concat("--run-dir=", machine_.run_dir));
    words.push_back(concat("--kubeconfig=", machine_.kubeconfig));
    words.push_back(concat("--container-runtime-endpoint=unix://", machine_.socket()));
    // Of the run before, and so nothing that could be taken for this one's.
    unlink((machine_.data_dir + "/admin.kubeconfig").c_str());
    unlink(machine_.kubeconfig.c_str());
    TRY(cluster::start(server_, words));
    return {};
  }

  Result<void> wait(int64_t timeout_us, std::string_view what, const std::function<Result<bool>()>& there) { return wait_for(server_, timeout_us, what, there); }

  Result<void> wait_for_api() {
    progress_.begin("API server");
    TRY(wait(kApiTimeoutUs, "the API server does not answer", [&]() -> Result<bool> {
      if (!remote_) remote_ = TRY(client::Remote::connect(TRY(client::load_kubeconfig(machine_.kubeconfig)), "sampan"));
      TRY(remote_->send({.path = "/readyz"}));
      return true;
    }));
    api_ = client::https_api(remote_, "sampan");
    progress_.done();
    return {};
  }

  Result<void> wait_for_node() {
    progress_.begin("node");
    std::string name;
    TRY(wait(kNodeTimeoutUs, "the node is not ready", [&]() -> Result<bool> {
      auto nodes = TRY(api_->list(client::builtin("", "nodes"), ""));
      std::string why = "it has not been registered";
      for (auto& node : nodes) {
        auto conditions = (*node)["status"]["conditions"];
        for (uint32_t i = 0; i < conditions.size(); i++) {
          auto condition = conditions.item(i);
          if (condition["type"].as_string() != "Ready") continue;
          name = (*node)["metadata"]["name"].as_string();
          if (condition["status"].as_string() == "True") return true;
          why = condition["message"].as_string();
        }
      }
      return fail(internal_error(why));
    }));
    progress_.done(name);
    return {};
  }

  Result<void> run_first_pod() {
    progress_.begin("first pod");
    const auto& pods = client::builtin("", "pods");
    Arena arena;
    Value pod = Value::object(arena);
    Value metadata = pod.ensure_object("metadata");
    metadata.set("name", "hello");
    metadata.ensure_object("labels").set("run", "hello");
    Value container = Value::object(arena);
    container.set("name", "hello");
    container.set("image", "hello:v1");
    pod.ensure_object("spec").ensure_list("containers").push(container);
    // The default service account is made a moment after its namespace.
    TRY(wait(kPodTimeoutUs, "the first pod cannot be made", [&]() -> Result<bool> {
      auto made = api_->create(pods, "default", pod);
      if (!made && !made.error().is(Reason::AlreadyExists)) return fail(std::move(made).error());
      return true;
    }));
    std::string remark;
    TRY(wait(kPodTimeoutUs, "the first pod does not run", [&]() -> Result<bool> {
      auto now = TRY(api_->get(pods, "default", "hello"));
      auto status = (*now)["status"];
      remark = concat("default/hello at ", status["podIP"].as_string());
      if (status["phase"].as_string() == "Running") return true;
      auto containers = status["containerStatuses"];
      auto waiting = containers.size() ? containers.item(0)["state"]["waiting"] : schema::AnyView();
      return fail(internal_error(concat("it is ", status["phase"].as_string(), " ", waiting["reason"].as_string(), " ", waiting["message"].as_string())));
    }));
    progress_.done(remark);
    return {};
  }

  const Machine machine_;
  const FlagSet& flags_;
  const cluster::Daemon server_;
  Progress progress_;
  std::shared_ptr<client::Remote> remote_;
  std::unique_ptr<client::Api> api_;
};

}  // namespace

int run_up(Arguments arguments) {
  auto table = with_machine_flags(kFlags);
  FlagSet flags(table);
  if (auto code = parse_or_exit(flags, arguments, "sampan up", kAbout)) return *code;
  return report([&]() -> Result<void> { return Up(TRY(machine_of(flags)), flags).run(); }());
}

}  // namespace sampan::cmd
