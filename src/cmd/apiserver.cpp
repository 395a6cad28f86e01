// `sampan apiserver`: a Kubernetes API server by itself, over an embedded store or over etcd.
#include <cstdio>

#include "apiserver/version.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/api_process.h"
#include "cmd/apiserver_flags.h"
#include "cmd/apiserver_options.h"
#include "cmd/commands.h"
#include "cmd/log_flags.h"
#include "cmd/signals.h"

namespace sampan::cmd {

namespace {

constexpr std::string_view kAbout =
    "Serves the Kubernetes API: validates objects, keeps them, and tells whoever watches of every change.\n"
    "All other parts of a cluster meet here.";

Result<void> serve(const ApiserverOptions& options) {
  auto process = TRY(ApiProcess::start(options));
  wait_for_signal();
  process->stop();
  return {};
}

}  // namespace

int run_apiserver(Arguments arguments) {
  block_signals();
  for (std::string_view argument : arguments)
    if (argument == "--version" || argument == "--version=true" || argument == "--version=raw") {
      std::printf("Kubernetes %s\n", std::string(apiserver::kGitVersion).c_str());
      return 0;
    }
  FlagSet flags(apiserver_flags());
  if (auto parsed = flags.parse(arguments, "kube-apiserver"); !parsed) {
    std::fprintf(stderr, "Error: %s\n", parsed.error().message().c_str());
    return 1;
  }
  if (flags.help_wanted()) {
    std::fputs(flags.help("kube-apiserver", kAbout).c_str(), stdout);
    return 0;
  }
  auto options = apiserver_options(flags);
  auto log = set_up_log(flags);
  if (!options || !log) {
    std::fprintf(stderr, "Error: %s\n", (options ? log.error() : options.error()).message().c_str());
    return 1;
  }
  for (auto name : flags.pending()) LOG_WARNING("--", name, " is known but does nothing yet");
  if (auto served = serve(*options); !served) {
    std::string_view why = served.error().message();
    constexpr std::string_view kPrefix = "Internal error occurred: ";  // for clients, not for whoever starts it
    if (why.starts_with(kPrefix)) why.remove_prefix(kPrefix.size());
    LOG_ERROR("command failed: ", why);
    return 1;
  }
  return 0;
}

}  // namespace sampan::cmd
