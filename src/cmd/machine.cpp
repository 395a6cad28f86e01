#include "cmd/machine.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/text.h"
#include "cluster/certificates.h"
#include "images/own_images.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kDataDir = "/var/lib/sampan";

// `down` removes the cluster's folders with all that is in them: they must not be anybody else's, whatever a script's empty variable makes of a flag.
Result<std::string> own_folder(const FlagSet& flags, std::string_view flag) {
  auto given = flags.text(flag);
  if (given.empty()) return fail(bad_request(concat("--", flag, " is empty")));
  auto path = std::filesystem::absolute(given).lexically_normal().native();
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (path.rfind('/') == 0)
    return fail(bad_request(concat("--", flag, "=", path, ": a cluster needs a folder of its own, since `sampan down` removes it: ", path == "/" ? "" : path, "/sampan would be one")));
  return path;
}

}  // namespace

bool Machine::is_there() const {
  for (std::string_view log : {"/sampan.log", "/containerd.log"})
    if (access(concat(data_dir, log).c_str(), F_OK) == 0) return true;
  return false;
}

Result<void> check_access(const Machine& machine) {
  if (access(machine.data_dir.c_str(), R_OK) == 0 || errno != EACCES) return {};
  return fail(bad_request(concat("what is in ", machine.data_dir, " is for root alone: run this as root")));
}

bool Machine::is_usual() const { return data_dir == kDataDir; }

std::string Machine::socket() const { return containerd.empty() ? run_dir + "/containerd.sock" : containerd; }

cluster::ContainerdOptions Machine::containerd_options() const {
  cluster::ContainerdOptions options;
  options.root = data_dir + "/containerd";
  options.state = run_dir + "/containerd";
  options.log_file = data_dir + "/containerd.log";
  options.cni_binaries = data_dir + "/cni/bin";
  options.cni_configuration = data_dir + "/cni/net.d";
  if (is_usual()) {
    options.cni_binaries = "/opt/cni/bin";
    options.cni_configuration = "/etc/cni/net.d";
  }
  options.pause_image = images::kPauseImage;
  return options;
}

bool Machine::is_node() const { return access(node_flags().c_str(), F_OK) == 0; }

std::string Machine::node_flag(std::string_view name) const {
  auto saved = cluster::read_file(node_flags());
  auto prefix = concat("--", name, "=");
  if (saved)
    for (auto line : split(*saved, '\n'))
      if (line.starts_with(prefix)) return std::string(line.substr(prefix.size()));
  return {};
}

cluster::Daemon Machine::server() const { return {is_node() ? "the node" : "the server", run_dir + "/server.pid", data_dir + "/sampan.log"}; }

std::vector<Flag> with_machine_flags(std::span<const Flag> own) {
  std::vector<Flag> flags(std::begin(kMachineFlags), std::end(kMachineFlags));
  flags.insert(flags.end(), own.begin(), own.end());
  return flags;
}

Result<Machine> machine_of(const FlagSet& flags) {
  Machine machine;
  machine.data_dir = TRY(own_folder(flags, "data-dir"));
  bool usual = machine.is_usual();
  machine.run_dir = flags.given("run-dir") ? TRY(own_folder(flags, "run-dir")) : usual ? std::string("/run/sampan") : machine.data_dir + "/run";
  machine.kubeconfig = flags.text("kubeconfig");
  if (machine.kubeconfig.empty()) machine.kubeconfig = usual ? "/etc/sampan/admin.kubeconfig" : machine.data_dir + "/admin.kubeconfig";
  machine.containerd = flags.text("containerd");
  constexpr std::string_view scheme = "unix://";
  if (machine.containerd.starts_with(scheme)) machine.containerd.erase(0, scheme.size());
  return machine;
}

std::pair<std::vector<std::string>, std::vector<char*>> words_and_flags(Arguments arguments) {
  std::vector<std::string> words;
  std::vector<char*> rest;
  for (char* argument : arguments) {
    if (argument[0] == '-' && argument[1])  // - alone is a file
      rest.push_back(argument);
    else if (!rest.empty() && std::string_view(rest.back()).find('=') == std::string_view::npos && std::string_view(rest.back()).starts_with("-"))
      rest.push_back(argument);
    else
      words.emplace_back(argument);
  }
  return {std::move(words), std::move(rest)};
}

Result<void> check_port(uint16_t port, std::string_view advice) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_in name{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {INADDR_ANY}, .sin_zero = {}};
  bool free = bind(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) == 0;
  close(fd);
  if (free) return {};
  return fail(bad_request(concat("port ", port, " is in use by another program (another Kubernetes?); ", advice)));
}

std::string span_text(int64_t us) {
  if (us < 1'000'000) return concat(us / 1000, " ms");
  if (us < 10'000'000) return concat(us / 1'000'000, ".", us / 100'000 % 10, " s");
  return concat(us / 1'000'000, " s");
}

std::optional<int> parse_or_exit(FlagSet& flags, Arguments arguments, std::string_view program, std::string_view about) {
  if (auto parsed = flags.parse(arguments, program); !parsed) return report(std::move(parsed));
  if (!flags.help_wanted()) return {};
  std::fputs(flags.help(program, about).c_str(), stdout);
  return 0;
}

std::string_view plain_message(const Error& error) {
  std::string_view why = error.message();
  constexpr std::string_view kPrefix = "Internal error occurred: ";  // for clients, not for whoever sits at the terminal
  if (why.starts_with(kPrefix)) why.remove_prefix(kPrefix.size());
  return why;
}

int report(Result<void> result) {
  if (result) return 0;
  auto why = plain_message(result.error());
  std::fprintf(stderr, "Error: %.*s\n", static_cast<int>(why.size()), why.data());
  return 1;
}

}  // namespace sampan::cmd
