// See leftovers.h.
#include "cluster/leftovers.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <vector>

#include "base/text.h"
#include "cluster/certificates.h"

namespace sampan::cluster {

namespace {

namespace fs = std::filesystem;

constexpr int kTries = 100, kTryUs = 50'000;
// Where every shim for runc keeps its containers, whatever containerd it belongs to.
constexpr std::string_view kRuncState = "/run/containerd/runc";

struct ProcessInfo {
  pid_t pid = 0, parent = 0;
  bool is_shim = false;
};

// Kernel threads and zombies have no command.
std::vector<ProcessInfo> processes(const std::string& socket) {
  std::vector<ProcessInfo> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    ProcessInfo one;
    if (!parse_int(entry.path().filename().native(), one.pid)) continue;
    auto command = read_file(entry.path() / "cmdline"), stat = read_file(entry.path() / "stat");
    if (!command || command->empty() || !stat) continue;
    auto after_name = stat->rfind(')');  // a name may hold anything
    if (after_name == std::string::npos) continue;
    auto fields = split(std::string_view(*stat).substr(std::min(after_name + 2, stat->size())), ' ');
    if (fields.size() < 2 || !parse_int(fields[1], one.parent)) continue;
    auto words = split(*command, '\0');
    auto program = words[0].substr(words[0].rfind('/') + 1);
    for (size_t i = 1; i + 1 < words.size() && program.starts_with("containerd-shim"); i++)
      if (words[i] == "-address" && words[i + 1] == socket) one.is_shim = true;
    found.push_back(one);
  }
  return found;
}

// Shims and all that descends from them: what loses its parent in a container becomes its shim's child.
std::vector<pid_t> shims_and_below(const std::string& socket) {
  auto all = processes(socket);
  std::set<pid_t> ours;
  for (const auto& one : all)
    if (one.is_shim) ours.insert(one.pid);
  for (size_t before = 0; before != ours.size();) {
    before = ours.size();
    for (const auto& one : all)
      if (ours.contains(one.parent)) ours.insert(one.pid);
  }
  return {ours.begin(), ours.end()};
}

}  // namespace

bool end_leftovers(const std::string& socket, const std::string& state) {
  bool all_ended = false;
  for (int i = 0; i < kTries && !all_ended; i++) {
    auto left = shims_and_below(socket);
    all_ended = left.empty();
    for (auto pid : left) ::kill(pid, SIGKILL);
    if (!all_ended) ::usleep(kTryUs);
  }
  // A folder each container, named by its id, below its namespace's.
  std::error_code ignored;
  for (const auto& name_space : fs::directory_iterator(state + "/io.containerd.runtime.v2.task", ignored))
    for (const auto& bundle : fs::directory_iterator(name_space.path(), ignored)) {
      fs::remove_all(concat(kRuncState, "/", name_space.path().filename().native(), "/", bundle.path().filename().native()), ignored);
      constexpr std::string_view scheme = "unix://";
      if (auto address = read_file(bundle.path() / "address"); address && address->starts_with(scheme)) ::unlink(address->c_str() + scheme.size());
    }
  return all_ended;
}

}  // namespace sampan::cluster
