// What a container runtime alone needs for a pod: a sandbox with its network, one container made and started in it, asked for as the agent asks.
//
//   runtime ENDPOINT IMAGE
//
// Each line of standard input is a number of pods to make at once. Of each a line of JSON answers: seconds from the start of all until the container is
// started, and of each of the three calls. Everything is removed at the end of input.
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/environment.h"
#include "base/text.h"
#include "kubelet/cri/client.h"

namespace {

using namespace sampan;
using namespace sampan::kubelet;

double now() { return static_cast<double>(real_clock().monotonic_us()) / 1e6; }

struct Times {
  double sandbox = 0, create = 0, start = 0, since_start = 0;
};

class Bench {
 public:
  Bench(std::unique_ptr<Runtime> runtime, std::string image) : runtime_(std::move(runtime)), image_(std::move(image)) {
    char name[] = "/tmp/sampan-bench-XXXXXX";
    folder_ = mkdtemp(name);
    name_ = folder_.substr(folder_.rfind('-') + 1);
    std::filesystem::create_directory(folder_ + "/account");
    for (auto file : {"/hosts", "/termination-log", "/account/token", "/account/ca.crt", "/account/namespace"}) std::ofstream(folder_ + file) << "of the bench\n";
  }

  ~Bench() {
    for (auto& id : made_) {
      (void)runtime_->stop_sandbox(id);
      (void)runtime_->remove_sandbox(id);
    }
    for (auto part : {"cpu", "cpuacct", "memory", "pids", "devices", "freezer", "blkio", "cpuset", "hugetlb", "net_cls", "perf_event", "systemd", "unified", "."})
      rmdir(concat("/sys/fs/cgroup/", part, cgroup()).c_str());
    std::filesystem::remove_all(folder_);
  }

  Result<void> find_image() {
    auto found = TRY(runtime_->image(image_));
    if (!found) return fail(failure(concat("no image ", image_, " here")));
    image_id_ = found->id;
    return {};
  }

  Result<Times> pod(double began) {
    int number = next_++;
    auto sandbox = sandbox_config(number);
    std::filesystem::create_directories(sandbox.log_directory + "/main");
    Times out;
    double at = now();
    auto lap = [&] { return now() - std::exchange(at, now()); };
    auto id = TRY(runtime_->run_sandbox(sandbox, ""));
    {
      std::lock_guard lock(mutex_);
      made_.push_back(id);
    }
    out.sandbox = lap();
    auto container = TRY(runtime_->create_container(id, container_config(number), sandbox));
    out.create = lap();
    TRY(runtime_->start_container(container));
    out.start = lap();
    out.since_start = now() - began;
    return out;
  }

 private:
  std::string cgroup() const { return concat("/sampan-bench-", name_); }

  SandboxConfig sandbox_config(int number) const {
    SandboxConfig out;
    out.name = out.hostname = concat("bench-", name_, "-", number);
    out.uid = out.name;
    out.namespace_ = "bench";
    out.labels = {{"bench", "cluster"}};
    out.log_directory = concat(folder_, "/logs/", out.name);
    out.cgroup_parent = cgroup();
    out.dns = DnsConfig{{"10.96.0.10"}, {"default.svc.cluster.local", "svc.cluster.local", "cluster.local"}, {"ndots:5"}};
    out.security.seccomp = SecurityProfile{};
    out.resources.cpu_shares = 2;
    return out;
  }

  ContainerConfig container_config(int number) const {
    ContainerConfig out;
    out.name = "main";
    out.image = image_id_;
    out.user_specified_image = image_;
    out.labels = {{"io.kubernetes.pod.name", concat("bench-", number)}, {"io.kubernetes.container.name", "main"}};
    out.log_path = "main/0.log";
    out.resources.cpu_shares = 2;
    out.resources.oom_score_adj = 1000;
    out.security.seccomp = SecurityProfile{SecurityProfile::Type::Unconfined, ""};
    out.mounts.push_back({.container_path = "/var/run/secrets/kubernetes.io/serviceaccount", .host_path = folder_ + "/account", .read_only = true});
    out.mounts.push_back({.container_path = "/etc/hosts", .host_path = folder_ + "/hosts"});
    out.mounts.push_back({.container_path = "/dev/termination-log", .host_path = folder_ + "/termination-log"});
    return out;
  }

  const std::unique_ptr<Runtime> runtime_;
  const std::string image_;
  std::string image_id_, folder_, name_;
  std::atomic<int> next_ = 0;
  std::mutex mutex_;
  std::vector<std::string> made_;
};

Result<std::vector<Times>> make_pods(Bench& bench, int count) {
  std::vector<Times> times;
  std::mutex mutex;
  std::optional<Error> error;
  std::vector<std::thread> threads;
  double began = now();
  for (int i = 0; i < count; i++)
    threads.emplace_back([&] {
      auto one = bench.pod(began);
      std::lock_guard lock(mutex);
      if (one)
        times.push_back(*one);
      else
        error = std::move(one).error();
    });
  for (auto& thread : threads) thread.join();
  if (error) return fail(std::move(*error));
  return times;
}

void print(const std::vector<Times>& times) {
  auto list = [&](const char* before, const char* name, double Times::*part) {
    printf("%s\"%s\": [", before, name);
    for (size_t i = 0; i < times.size(); i++) printf("%s%.4f", i ? ", " : "", times[i].*part);
    printf("]");
  };
  list("{", "started", &Times::since_start);
  list(", ", "sandbox", &Times::sandbox);
  list(", ", "create", &Times::create);
  list(", ", "start", &Times::start);
  printf("}\n");
  fflush(stdout);
}

Result<void> run(const std::string& endpoint, const std::string& image) {
  Bench bench(TRY(connect_cri({.endpoint = endpoint})), image);
  TRY(bench.find_image());
  for (char line[32]; fgets(line, sizeof line, stdin);) print(TRY(make_pods(bench, atoi(line))));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "runtime ENDPOINT IMAGE\n"), 2;
  if (auto done = run(argv[1], argv[2]); !done) return fprintf(stderr, "runtime: %s\n", done.error().message().c_str()), 1;
}
