// `sampan status` and `sampan logs`: how the cluster on this machine is, and what it says of itself.
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "base/text.h"
#include "client/https.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "cmd/node_files.h"
#include "schema/json.h"

namespace sampan::cmd {

namespace {

using client::Value;

constexpr std::string_view kStatusAbout = "Says whether the cluster on this machine runs, and what its nodes and pods do. The exit code is 0 if all is well.";
constexpr std::string_view kLogsAbout = "Shows what the cluster's own processes logged. The logs of pods are `kubectl logs`.";

constexpr Flag kStatusFlags[] = {
    {"Output", "output", Flag::Type::String, "", Flag::Effect::Works, "json, for machines.", 'o'},
};
constexpr Flag kLogsFlags[] = {
    {"Output", "follow", Flag::Type::Bool, "", Flag::Effect::Works, "Go on as more is logged.", 'f'},
    {"Output", "tail", Flag::Type::Int, "100", Flag::Effect::Works, "How many of the last lines."},
    {"Output", "runtime", Flag::Type::Bool, "", Flag::Effect::Works, "The container runtime's log instead."},
};

// Kilobytes that a process has in memory.
int64_t resident_kb(int pid) {
  std::ifstream status(concat("/proc/", pid, "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) {
      int64_t kb = 0;
      auto text = trim(std::string_view(line).substr(6));
      parse_int(text.substr(0, text.find(' ')), kb);
      return kb;
    }
  return 0;
}

struct Counts {
  int nodes = 0, nodes_ready = 0;
  int pods = 0, pods_running = 0;
};

Result<Counts> count(const Machine& machine) {
  Counts counts;
  TRY(check_access(machine));
  // A machine that joined sees all nodes, and its own pods.
  auto kubeconfig = machine.is_node() ? NodeFiles{machine.data_dir}.kubeconfig() : machine.kubeconfig;
  auto own_pods = machine.is_node() ? concat("spec.nodeName=", machine.node_flag("node-name")) : std::string();
  auto remote = TRY(client::Remote::connect(TRY(client::load_kubeconfig(kubeconfig)), "sampan"));
  auto api = client::https_api(remote, "sampan");
  for (auto& node : TRY(api->list(client::builtin("", "nodes"), ""))) {
    counts.nodes++;
    auto conditions = (*node)["status"]["conditions"];
    for (uint32_t i = 0; i < conditions.size(); i++)
      counts.nodes_ready += conditions.item(i)["type"].as_string() == "Ready" && conditions.item(i)["status"].as_string() == "True";
  }
  for (auto& pod : TRY(api->list(client::builtin("", "pods"), "", {}, own_pods))) {
    counts.pods++;
    counts.pods_running += (*pod)["status"]["phase"].as_string() == "Running";
  }
  return counts;
}

int show_status(const Machine& machine, bool json) {
  int pid = cluster::running(machine.server());
  bool runtime = !machine.containerd.empty() || cluster::Containerd(machine.containerd_options()).is_running();
  auto counts = pid ? count(machine) : Result<Counts>(fail(internal_error("it does not run")));
  bool well = pid && runtime && counts && counts->nodes > 0 && counts->nodes == counts->nodes_ready;
  if (json) {
    Arena arena;
    Value tree = Value::object(arena);
    tree.set("running", pid != 0);
    tree.set("pid", pid);
    tree.set("residentBytes", pid ? resident_kb(pid) * 1024 : int64_t{0});
    tree.set("runtimeRunning", runtime);
    if (counts) {
      tree.set("nodes", counts->nodes);
      tree.set("nodesReady", counts->nodes_ready);
      tree.set("pods", counts->pods);
      tree.set("podsRunning", counts->pods_running);
    } else {
      tree.set("error", std::string_view(counts.error().message()));
    }
    std::string text;
    schema::write_json(text, tree);
    std::puts(text.c_str());
    return well ? 0 : 1;
  }
  if (!pid) {
    std::puts(machine.is_node() ? "The node does not run. `sampan join` starts it." : "The cluster does not run. `sampan up` starts it.");
    return 1;
  }
  std::printf("%-18s running, process %d, %lld MB\n", machine.is_node() ? "node" : "server", pid, static_cast<long long>(resident_kb(pid) / 1024));
  std::printf("container runtime  %s\n", runtime ? machine.socket().c_str() : "does not run");
  if (counts)
    std::printf("nodes              %d of %d ready\npods               %d of %d running\n", counts->nodes_ready, counts->nodes, counts->pods_running,
                counts->pods);
  else
    std::printf("API                cannot be asked: %s\n", counts.error().message().c_str());
  if (!machine.is_node()) std::printf("kubeconfig         %s\n", machine.kubeconfig.c_str());
  return well ? 0 : 1;
}

Result<void> show_logs(const FlagSet& flags) {
  auto machine = TRY(machine_of(flags));
  TRY(check_access(machine));
  auto file = flags.is_true("runtime") ? machine.containerd_options().log_file : machine.server().log_file;
  auto lines = concat(flags.number("tail"));
  if (access(file.c_str(), F_OK) != 0) return fail(bad_request(concat("no cluster has run here: there is no ", file)));
  if (flags.is_true("follow"))
    execlp("tail", "tail", "-n", lines.c_str(), "-F", file.c_str(), nullptr);
  else
    execlp("tail", "tail", "-n", lines.c_str(), file.c_str(), nullptr);
  return fail(internal_error(concat("run tail: ", strerror(errno))));
}

}  // namespace

int run_status(Arguments arguments) {
  auto table = with_machine_flags(kStatusFlags);
  FlagSet flags(table);
  if (auto code = parse_or_exit(flags, arguments, "sampan status", kStatusAbout)) return *code;
  auto output = flags.text("output");
  if (!output.empty() && output != "json") return report(fail(bad_request(concat("--output may be json, not ", quoted(output)))));
  auto machine = machine_of(flags);
  return machine ? show_status(*machine, output == "json") : report(fail(std::move(machine).error()));
}

int run_logs(Arguments arguments) {
  auto table = with_machine_flags(kLogsFlags);
  FlagSet flags(table);
  if (auto code = parse_or_exit(flags, arguments, "sampan logs", kLogsAbout)) return *code;
  return report(show_logs(flags));
}

}  // namespace sampan::cmd
