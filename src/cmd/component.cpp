#include "cmd/component.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

#include "apiserver/version.h"
#include "base/log.h"
#include "base/text.h"
#include "cluster/certificates.h"
#include "cmd/log_flags.h"
#include "cmd/signals.h"
#include "net/server.h"

namespace sampan::cmd {

namespace {

// A file without a place, which ends with the process: the listener wants files.
class MemoryFile {
 public:
  static Result<MemoryFile> make(std::string_view content) {
    MemoryFile file;
    file.fd_ = ::memfd_create("sampan", MFD_CLOEXEC);
    if (file.fd_ < 0 || ::write(file.fd_, content.data(), content.size()) != static_cast<ssize_t>(content.size()))
      return fail(internal_error(concat("keep a certificate in memory: ", strerror(errno))));
    return file;
  }
  MemoryFile() = default;
  MemoryFile(MemoryFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  MemoryFile& operator=(MemoryFile&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  std::string path() const { return concat("/proc/self/fd/", fd_); }

 private:
  int fd_ = -1;
};

// /healthz, /livez and /readyz for everybody.
class HealthServer {
 public:
  Result<void> start(const ComponentOptions& options) {
    if (options.port == 0) return {};
    net::ServerOptions listen{.address = options.bind_address, .port = options.port, .io_threads = 1};
    listen.tls.certificate_file = options.certificate_file;
    listen.tls.key_file = options.key_file;
    if (listen.tls.certificate_file.empty()) {
      auto made = TRY(cluster::make_certificate({.common_name = "localhost", .dns_names = {"localhost"}, .ip_addresses = {"127.0.0.1"}}, nullptr));
      certificate_ = TRY(MemoryFile::make(made.certificate_pem));
      key_ = TRY(MemoryFile::make(made.key_pem));
      listen.tls.certificate_file = certificate_.path();
      listen.tls.key_file = key_.path();
    }
    listener_ = TRY(net::listen(std::move(listen), [](std::shared_ptr<net::Exchange> exchange) {
      const auto& path = exchange->request().path;
      bool known = path == "/healthz" || path == "/livez" || path == "/readyz";
      exchange->respond({.status = known ? 200 : 404, .headers = {{"content-type", "text/plain; charset=utf-8"}}, .body = known ? "ok" : "404 page not found\n"});
    }));
    return {};
  }

 private:
  MemoryFile certificate_, key_;
  std::unique_ptr<net::Server> listener_;
};

class Process final : public Component {
 public:
  Process(ComponentOptions options, std::shared_ptr<client::Remote> remote, std::string_view program, unsigned threads, unsigned more)
      : options_(std::move(options)),
        remote_(std::move(remote)),
        // An answer that comes after half the time there is for a renewal comes too late.
        api_(client::https_api(remote_, std::string(program), std::max<int64_t>(options_.election.renew_us / 2000, 1))),
        executor_(make_thread_pool(threads, more)),
        caches_(remote_, real_clock()),
        informers_(std::make_unique<client::Informers>(caches_.open(), *executor_)) {}
  ~Process() override {
    informers_ = nullptr;  // they wake the executor
    executor_ = nullptr;
  }

  const std::shared_ptr<client::Remote>& remote() override { return remote_; }
  client::Informers& informers() override { return *informers_; }
  client::RemoteCaches& caches() override { return caches_; }
  Executor& executor() override { return *executor_; }

  Result<void> run(const Start& start) override {
    TRY(health_.start(options_));
    if (!options_.elects) {
      auto part = TRY(start(*this));
      wait_for_signal();
      return {};
    }
    if (options_.election.identity.empty()) options_.election.identity = client::leader_identity(secure_random());
    client::LeaderElection election(*api_, real_clock(), secure_random(), options_.election);
    // What leads runs beside the wait for a signal, and the process ends with it: two that lead are worse than none.
    std::thread leader([&] { lead(election, start); });
    wait_for_signal();
    election.stop();
    leader.join();
    if (auto released = election.release(); !released && !released.error().is(Reason::NotFound))
      LOG_WARNING("the lease could not be released: ", released.error().message());
    return {};
  }

 private:
  void lead(client::LeaderElection& election, const Start& start) {
    if (!election.acquire()) return;
    // The lease is renewed from now on, however long the start takes.
    std::thread keeper([&] {
      if (election.keep()) return;
      LOG_ERROR("leaderelection lost");
      ::_exit(1);
    });
    auto part = start(*this);
    if (!part) {
      LOG_ERROR("command failed: ", part.error().message());
      (void)election.release();
      ::_exit(1);
    }
    keeper.join();
  }

  ComponentOptions options_;
  const std::shared_ptr<client::Remote> remote_;
  const std::unique_ptr<client::Api> api_;  // for the lease
  std::unique_ptr<Executor> executor_;
  client::RemoteCaches caches_;
  std::unique_ptr<client::Informers> informers_;
  HealthServer health_;
};

}  // namespace

Result<client::Kubeconfig> server_of(const std::string& kubeconfig, const std::string& master) {
  client::Kubeconfig config;
  if (!kubeconfig.empty())
    config = TRY(client::load_kubeconfig(kubeconfig));
  else if (master.empty())
    config = TRY(client::in_cluster_config());
  if (!master.empty()) config.server = master;
  return config;
}

Result<std::unique_ptr<Component>> Component::connect(ComponentOptions options, std::string_view program, unsigned threads, unsigned more) {
  auto remote = TRY(client::Remote::connect(TRY(server_of(options.kubeconfig, options.master)), std::string(program)));
  return std::make_unique<Process>(std::move(options), std::move(remote), program, threads, more);
}

int run_component(Arguments arguments, std::string_view program, std::string_view about, std::span<const Flag> table,
                  const std::function<Result<void>(const FlagSet&)>& run) {
  for (std::string_view argument : arguments)
    if (argument == "--version" || argument == "--version=true" || argument == "--version=raw") {
      std::printf("Kubernetes %s\n", std::string(apiserver::kGitVersion).c_str());
      return 0;
    }
  FlagSet flags(table);
  auto parsed = flags.parse(arguments, program);
  if (parsed && flags.help_wanted()) {
    std::fputs(flags.help(program, about).c_str(), stdout);
    return 0;
  }
  if (parsed) {
    for (auto name : flags.pending()) LOG_WARNING("--", name, " is known but does nothing yet");
    block_signals();
    parsed = set_up_log(flags);
  }
  if (parsed) parsed = run(flags);
  if (parsed) return 0;
  std::string_view why = parsed.error().message();
  constexpr std::string_view kPrefix = "Internal error occurred: ";  // for clients, not for whoever starts it
  if (why.starts_with(kPrefix)) why.remove_prefix(kPrefix.size());
  std::fprintf(stderr, "Error: %.*s\n", static_cast<int>(why.size()), why.data());
  return 1;
}

}  // namespace sampan::cmd
