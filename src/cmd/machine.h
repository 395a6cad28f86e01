// Where a cluster lives on this machine: what `up` makes, `status` looks at and `down` takes away.
#pragma once
#include <string>
#include <vector>

#include "cluster/containerd.h"
#include "cluster/daemon.h"
#include "cmd/flags.h"

namespace sampan::cmd {

struct Machine {
  std::string data_dir, run_dir;
  std::string kubeconfig;
  std::string containerd;  // a socket of the user's own; "": ours

  std::string socket() const;
  cluster::ContainerdOptions containerd_options() const;
  cluster::Daemon server() const;
  // Of a machine that joined another's cluster: how its node is started again. Its daemon has the server's place.
  std::string node_flags() const { return data_dir + "/node.flags"; }
  bool is_node() const;
  std::string node_flag(std::string_view name) const;  // "node-name"; "" if it is not among them
  bool is_there() const;  // whether a cluster has ever run here
  bool is_usual() const;  // at the place where a machine's only cluster is
};

// The flags that say which cluster is meant; each command has them beside its own.
inline constexpr Flag kMachineFlags[] = {
    {"Cluster", "data-dir", Flag::Type::String, "/var/lib/sampan", Flag::Effect::Works, "Where the cluster keeps everything."},
    {"Cluster", "run-dir", Flag::Type::String, "", Flag::Effect::Works, "Where its sockets are. Without it: /run/sampan, or DATA-DIR/run for another data directory."},
    {"Cluster", "kubeconfig", Flag::Type::String, "", Flag::Effect::Works,
     "The administrator's kubeconfig. Without it: /etc/sampan/admin.kubeconfig, or DATA-DIR/admin.kubeconfig for another data directory."},
    {"Cluster", "containerd", Flag::Type::String, "", Flag::Effect::Works, "The socket of a containerd to use. Without it the cluster runs one of its own."},
};
std::vector<Flag> with_machine_flags(std::span<const Flag> own);
// Folders are made absolute; an error where one is no folder that a cluster could have for itself.
Result<Machine> machine_of(const FlagSet& flags);
// What a cluster keeps is for root alone.
Result<void> check_access(const Machine& machine);

// Whether nobody listens there; `advice` is for the case that somebody does.
Result<void> check_port(uint16_t port, std::string_view advice);

// What is no flag and no flag's value, and the rest: "token create --ttl 1h".
std::pair<std::vector<std::string>, std::vector<char*>> words_and_flags(Arguments arguments);

// "12 s", "350 ms".
std::string span_text(int64_t microseconds);

// Parses, shows help, says errors: what every command for people does first. The exit code where there is nothing more to do.
std::optional<int> parse_or_exit(FlagSet& flags, Arguments arguments, std::string_view program, std::string_view about);
std::string_view plain_message(const Error& error);
int report(Result<void> result);  // prints the error, if any; the exit code

}  // namespace sampan::cmd
