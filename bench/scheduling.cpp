// How many pods a second the scheduler places: the real scheduler against the real API server in one process, on hollow nodes (objects alone).
//
//   scheduling [--nodes 1000] [--pods 5000] [--kind plain|spread|affinity|anti-affinity|preemption|all] [--store memory|sqlite] [--live]
//
// The clock runs from the start of the scheduler with all pods waiting (--live: from the first pod's creation, with the scheduler running) to the last
// pod's binding. Preemption: the nodes are full of unimportant pods, and as many important ones come as there are nodes.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "apiserver/in_process.h"
#include "base/check.h"
#include "base/text.h"
#include "scheduler/scheduler.h"
#include "schema/yaml.h"
#include "store/memory.h"
#include "store/sqlite.h"

namespace {

using namespace sampan;

struct Options {
  int nodes = 1000, pods = 5000;
  std::string kind = "all", store = "memory";
  bool live = false;
};

double now() { return static_cast<double>(real_clock().monotonic_us()) / 1e6; }

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), executor_(make_thread_pool(16, scheduler::kWritesAtOnce)) {
    if (options.store == "sqlite") {
      path_ = concat("/tmp/scheduling-bench-", getpid());
      auto opened = store::open_sqlite_store({.path = path_});
      check(opened.has_value());
      store_ = std::move(*opened);
    } else {
      store_ = store::make_memory_store(real_clock(), {.history = 1'000'000, .executor = executor_.get()});
    }
    apiserver::ServerConfig config;
    config.admission.disable = {"ServiceAccount", "TaintNodesByCondition"};
    auto server = apiserver::ApiServer::create(*store_, real_clock(), secure_random(), std::move(config));
    check(server.has_value());
    server_ = std::move(*server);
    api_ = apiserver::in_process_api(*server_, {"admin", {"system:masters"}, "bench"});
    informers_ = std::make_unique<client::Informers>(apiserver::in_process_caches(*server_), *executor_);
    create("namespaces", "", "{metadata: {name: default}}");
  }
  ~Bench() {
    scheduler_.reset();
    informers_.reset();
    server_.reset();
    store_.reset();
    for (auto suffix : {"", "-wal", "-shm"})
      if (!path_.empty()) unlink(concat(path_, suffix).c_str());
  }

  void run(std::string_view kind) {
    for (int i = 0; i < options_.nodes; i++)
      create("nodes", "", concat("{metadata: {name: node-", i, ", labels: {kubernetes.io/hostname: node-", i, ", topology.kubernetes.io/zone: zone-", i % 10,
                                 "}}, status: {allocatable: {cpu: '32', memory: 64Gi, pods: '110'}, conditions: [{type: Ready, status: 'True'}]}}"));
    int wanted = options_.pods, count = options_.pods;
    if (kind == "preemption") {
      for (int i = 0; i < options_.nodes; i++) create_pod(concat("low-", i), concat("nodeName: node-", i, ", "), {}, 0, "30");
      count = options_.nodes;
      wanted = 2 * options_.nodes;
    }
    double started = now();
    if (options_.live) start();
    for (int i = 0; i < count; i++) create_pod(concat("pod-", i), {}, spec_of(kind, i), kind == "preemption" ? 1000 : 0, kind == "preemption" ? "10" : "100m");
    if (!options_.live) {
      started = now();
      start();
    }
    double took = wait_for(kind == "preemption" ? count : wanted, started);
    printf("%-14s %5d pods, %5d nodes, %s store%s: %6.2f s, %7.0f pods/s\n", std::string(kind).c_str(), count, options_.nodes, options_.store.c_str(),
           options_.live ? ", live" : "", took, count / took);
    fflush(stdout);
  }

 private:
  void start() {
    scheduler::Setup setup{[this](client::Identity identity) { return apiserver::in_process_api(*server_, std::move(identity)); }, informers_.get(),
                           &real_clock(), &secure_random(), executor_.get(), {}};
    auto scheduler = scheduler::Scheduler::create(std::move(setup));
    check(scheduler.has_value());
    scheduler_ = std::move(*scheduler);
    scheduler_->start();
  }

  // Groups of 100 pods with a label each, as deployments would be.
  std::string spec_of(std::string_view kind, int i) const {
    auto selector = concat("labelSelector: {matchLabels: {group: g", i / 100, "}}");
    if (kind == "spread")
      return concat("topologySpreadConstraints: [{maxSkew: 1, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule, ", selector,
                    "}, {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, ", selector, "}], ");
    if (kind == "affinity")
      return concat("affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: topology.kubernetes.io/zone, ", selector,
                    "}]}}, ");
    if (kind == "anti-affinity")
      return concat("affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, ", selector,
                    "}]}}, ");
    return {};
  }

  void create_pod(std::string_view name, std::string_view before, std::string_view spec, int priority, std::string_view cpu) {
    auto number = name.substr(name.rfind('-') + 1);
    int group = atoi(std::string(number).c_str()) / 100;
    if (priority && !has_class_) {
      create("priorityclasses", "scheduling.k8s.io", "{metadata: {name: high}, value: 1000}");
      has_class_ = true;
    }
    create("pods", "",
           concat("{metadata: {name: ", name, ", namespace: default, labels: {group: g", group, "}}, spec: {", before, spec,
                  priority ? "priorityClassName: high, " : "", "terminationGracePeriodSeconds: 0, containers: [{name: c, image: pause, ",
                  "resources: {requests: {cpu: '", cpu, "', memory: 100Mi}}}]}}"));
  }

  void create(std::string_view resource, std::string_view group, const std::string& yaml) {
    Arena arena;
    auto tree = schema::parse_yaml(yaml, arena);
    check(tree.has_value());
    auto name_space = (*tree)[0]["metadata"]["namespace"].as_string();
    auto created = api_->create(client::builtin(group, resource), name_space, (*tree)[0]);
    if (!created) fprintf(stderr, "%s: %s\n", yaml.c_str(), created.error().message().c_str());
    check(created.has_value());
  }

  double wait_for(int wanted, double started) {
    auto pods = informers_->of(client::builtin("", "pods"));
    check(pods.has_value());
    while (true) {
      int bound = 0;
      (*pods)->snapshot().each("default/pod-", "default/pod-", [&](std::string_view, const schema::ObjectRef& pod) {
        bound += !(*pod)["spec"]["nodeName"].as_string().empty();
        return true;
      });
      double took = now() - started;
      if (bound >= wanted) return took;
      if (took > 300) {
        fprintf(stderr, "only %d of %d\n", bound, wanted);
        return took;
      }
      usleep(10'000);
    }
  }

  const Options options_;
  std::string path_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<apiserver::ApiServer> server_;
  std::unique_ptr<client::Api> api_;
  std::unique_ptr<client::Informers> informers_;
  std::unique_ptr<scheduler::Scheduler> scheduler_;
  bool has_class_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    std::string_view flag = argv[i];
    auto value = [&] { return ++i < argc ? argv[i] : ""; };
    if (flag == "--nodes") options.nodes = atoi(value());
    else if (flag == "--pods") options.pods = atoi(value());
    else if (flag == "--kind") options.kind = value();
    else if (flag == "--store") options.store = value();
    else if (flag == "--live") options.live = true;
    else return fprintf(stderr, "unknown flag %s\n", argv[i]), 2;
  }
  for (auto kind : {"plain", "spread", "affinity", "anti-affinity", "preemption"})
    if (options.kind == "all" || options.kind == kind) Bench(options).run(kind);
}
