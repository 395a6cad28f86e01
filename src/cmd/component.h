// A component as a process of its own, against any API server: flags that they share, the connection, who of several copies leads, health checks.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/https.h"
#include "client/leader_election.h"
#include "cmd/flags.h"

namespace sampan::cmd {

// The flags of kube-controller-manager and kube-scheduler alike, behind those that only one has. `lease` and `port` are presets.
std::vector<Flag> with_component_flags(std::span<const Flag> own, std::string_view lease, std::string_view port);

struct ComponentOptions {
  std::string kubeconfig, master;
  bool elects = true;
  client::LeaderElectionOptions election;
  std::string bind_address = "0.0.0.0";
  uint16_t port = 0;  // 0: no health checks are served
  std::string certificate_file, key_file;  // "" = made at the start
};
Result<ComponentOptions> component_options(const FlagSet& flags);

// The kubeconfig's server, with `master` in its place where that is given; without either, that of the pod this runs in.
Result<client::Kubeconfig> server_of(const std::string& kubeconfig, const std::string& master);

class Component {
 public:
  // What leads, from the lease on; its destructor ends it.
  using Part = std::shared_ptr<void>;
  using Start = std::function<Result<Part>(Component&)>;

  // `threads` and `more` as make_thread_pool takes them.
  static Result<std::unique_ptr<Component>> connect(ComponentOptions options, std::string_view program, unsigned threads, unsigned more = 0);
  virtual ~Component() = default;

  virtual const std::shared_ptr<client::Remote>& remote() = 0;
  virtual client::Informers& informers() = 0;
  virtual client::RemoteCaches& caches() = 0;
  virtual Executor& executor() = 0;
  // Until a signal ends it. An error: it could not start, or another copy leads now.
  virtual Result<void> run(const Start& start) = 0;
};

// What main does with such a program's arguments: --version, --help, errors as upstream says them. The exit code.
int run_component(Arguments arguments, std::string_view program, std::string_view about, std::span<const Flag> table,
                  const std::function<Result<void>(const FlagSet&)>& run);

}  // namespace sampan::cmd
