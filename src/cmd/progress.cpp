#include "cmd/progress.h"

#include <unistd.h>

#include <cstdio>

#include "base/environment.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "images/own_images.h"
#include "kubelet/cri/import.h"

namespace sampan::cmd {

int64_t now_us() { return real_clock().monotonic_us(); }

Progress::Progress() : terminal_(isatty(1)) {}

void Progress::begin(std::string_view what) {
  what_ = what;
  began_us_ = now_us();
  if (terminal_) std::printf("  %-28s ...\r", what_.c_str()), std::fflush(stdout);
}

void Progress::done(std::string_view remark) {
  std::printf("  %-28s %-8s %.*s\n", what_.c_str(), span_text(now_us() - began_us_).c_str(), static_cast<int>(remark.size()), remark.data());
  std::fflush(stdout);
}

Result<void> wait_for(const cluster::Daemon& daemon, int64_t timeout_us, std::string_view what, const std::function<Result<bool>()>& there) {
  std::string last = "nothing was heard of it";
  for (int64_t until = now_us() + timeout_us; now_us() < until;) {
    auto result = there();
    if (result && *result) return {};
    if (!result) last = plain_message(result.error());
    if (!cluster::running(daemon)) return fail(internal_error(concat(daemon.name, " has ended; it said:\n", cluster::last_words(daemon, 5))));
    usleep(10'000);
  }
  return fail(internal_error(concat(what, " after ", timeout_us / 1'000'000, " s: ", last, "\nMore is in ", daemon.log_file)));
}

Result<void> check_runtime(const Machine& machine) {
  if (cluster::listens(machine.socket())) return {};
  return fail(bad_request(concat("no container runtime listens at ", machine.socket(), machine.containerd.empty() ? ": `sampan up` starts it" : "")));
}

Result<void> bring_up_runtime(const Machine& machine, Progress& progress) {
  if (!machine.containerd.empty()) TRY(check_runtime(machine));
  TRY(cluster::make_directory(machine.data_dir, 0711));
  TRY(cluster::make_directory(machine.run_dir, 0711));
  if (machine.containerd.empty()) {
    progress.begin("container runtime");
    TRY(cluster::Containerd(machine.containerd_options()).start());
    progress.done(machine.socket());
  }
  progress.begin("images");
  auto all = images::own_images();
  for (auto& image : images::shell_images()) all.push_back(std::move(image));
  auto archive = images::oci_archive(all);
  TRY(kubelet::import_images(machine.socket(), images::MemoryBytes(archive)));
  progress.done(concat(all.size(), " without a registry"));
  return {};
}

std::string own_program() {
  char self[4096];
  auto size = readlink("/proc/self/exe", self, sizeof self);
  return std::string(self, size > 0 ? static_cast<size_t>(size) : 0);
}

}  // namespace sampan::cmd
