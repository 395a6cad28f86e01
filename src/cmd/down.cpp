// `sampan down`: takes away what `sampan up` made, also after a crash in the middle of either.
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/text.h"
#include "cluster/leftovers.h"
#include "cmd/commands.h"
#include "cmd/machine.h"
#include "cmd/node_process.h"
#include "kubelet/cri/client.h"
#include "network/cni/install.h"
#include "network/proxy/rules.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kAbout =
    "Stops the cluster on this machine: its pods, its processes, its network. Its data stays, so that `sampan up` goes on with it, unless --purge is given.";

constexpr Flag kFlags[] = {
    {"Cluster", "purge", Flag::Type::Bool, "", Flag::Effect::Works, "Remove the data too: objects, certificates, images, volumes."},
};

constexpr int kRuntimeTries = 200, kRuntimeTryUs = 50'000;

// Every sandbox of Kubernetes in this runtime, with its containers. A runtime of the user's own may hold others' pods: of those, only ours.
Result<void> stop_pods(const std::string& socket, const std::vector<std::string>* only_uids) {
  auto runtime = TRY(kubelet::connect_cri({.endpoint = "unix://" + socket}));
  // One that has just been started listens a while before it knows its pods.
  auto listed = runtime->sandboxes({});
  for (int tries = 0; !listed && !listed.error().is(Reason::ServiceUnavailable) && tries < kRuntimeTries; tries++) {
    usleep(kRuntimeTryUs);
    listed = runtime->sandboxes({});
  }
  auto sandboxes = TRY(std::move(listed));
  for (const auto& sandbox : sandboxes) {
    if (only_uids && std::find(only_uids->begin(), only_uids->end(), sandbox.uid) == only_uids->end()) continue;
    TRY(runtime->stop_sandbox(sandbox.id));
    TRY(runtime->remove_sandbox(sandbox.id));
  }
  return {};
}

std::string unescaped(std::string_view text) {
  // The mount table writes blanks and the like as \040.
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

void unmount_below(const std::string& folder) {
  std::vector<std::string> mounts;
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    auto fields = split(line, ' ');
    if (fields.size() < 5) continue;
    auto path = unescaped(fields[4]);
    if (path.starts_with(folder + "/")) mounts.push_back(std::move(path));
  }
  // The innermost were mounted last.
  for (auto it = mounts.rbegin(); it != mounts.rend(); ++it) umount2(it->c_str(), MNT_DETACH);
}

std::vector<std::string> pods_on_disk(const std::string& folder) {
  std::vector<std::string> uids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) uids.push_back(entry.path().filename());
  return uids;
}

class Down {
 public:
  Down(Machine machine, bool purge) : machine_(std::move(machine)), purge_(purge) {}

  Result<void> run() {
    if (geteuid() != 0) return fail(bad_request("what the cluster made belongs to root: run this as root"));
    std::error_code unread;
    bool is_empty = std::filesystem::is_empty(machine_.data_dir, unread) || unread;
    if (!is_empty && !machine_.is_there()) return fail(bad_request(concat("what is in ", machine_.data_dir, " is not a cluster's: nothing was removed")));
    bool ran = cluster::running(machine_.server()) != 0;
    auto node = machine_.node_flag("node-name");  // of a machine that joined
    TRY(cluster::stop(machine_.server(), 30'000));
    TRY(stop_runtime());
    TRY(remove_network());
    unmount_below(machine_.run_dir);
    unmount_below(machine_.data_dir);
    remove_pod_cgroups(machine_.data_dir);
    std::error_code ignored;
    std::filesystem::remove_all(machine_.run_dir, ignored);
    if (purge_) {
      std::error_code problem;
      std::filesystem::remove_all(machine_.data_dir, problem);
      if (problem) return fail(internal_error(concat("remove ", machine_.data_dir, ": ", problem.message())));
      unlink(machine_.kubeconfig.c_str());
      if (machine_.is_usual()) rmdir(machine_.kubeconfig.substr(0, machine_.kubeconfig.rfind('/')).c_str());  // if nothing else is in it
    }
    if (!node.empty()) {
      std::printf("%s%s\n", ran ? "The node is down." : "No node was running.",
                  purge_ ? concat(" Nothing of it is left here; `kubectl delete node ", node, "` makes the cluster forget it.").c_str() : " `sampan join` starts it again.");
      return {};
    }
    std::printf("%s%s\n", ran ? "The cluster is down." : "No cluster was running.",
                purge_ ? " Nothing of it is left." : is_empty ? "" : concat(" Its data is in ", machine_.data_dir, ".").c_str());
    return {};
  }

 private:
  Result<void> stop_runtime() {
    auto uids = pods_on_disk(machine_.data_dir + "/kubelet/pods");
    if (!machine_.containerd.empty()) {
      if (auto stopped = stop_pods(machine_.socket(), &uids); !stopped) complain(stopped.error());
      return {};
    }
    auto options = machine_.containerd_options();
    cluster::Containerd containerd(options);
    // One that was killed left its pods running: it alone knows all that belongs to them.
    std::error_code ignored;
    if (!containerd.is_running() && (!uids.empty() || std::filesystem::exists(options.state, ignored))) (void)containerd.start();
    auto stopped = containerd.is_running() ? stop_pods(machine_.socket(), nullptr) : Result<void>();
    TRY(containerd.stop());
    if (cluster::end_leftovers(containerd.socket(), options.state)) return {};
    if (!stopped) complain(stopped.error());
    return fail(internal_error("containers of the cluster could not be ended; `sampan down` tries it again"));
  }

  static void complain(const Error& error) { std::fprintf(stderr, "pods could not all be stopped: %s\n", error.message().c_str()); }

  Result<void> remove_network() {
    auto netfilter = TRY(network::NetlinkSocket::open(NETLINK_NETFILTER));
    TRY(network::proxy::remove_tables(netfilter, proxy_table(machine_.data_dir)));
    return network::cni::uninstall(cni_installation(machine_.data_dir, machine_.run_dir));
  }

  const Machine machine_;
  const bool purge_;
};

}  // namespace

int run_down(Arguments arguments) {
  auto table = with_machine_flags(kFlags);
  FlagSet flags(table);
  if (auto code = parse_or_exit(flags, arguments, "sampan down", kAbout)) return *code;
  return report([&]() -> Result<void> { return Down(TRY(machine_of(flags)), flags.is_true("purge")).run(); }());
}

}  // namespace sampan::cmd
