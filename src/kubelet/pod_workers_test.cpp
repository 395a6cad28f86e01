// Lives of pods on a real containerd.
#include "kubelet/pod_workers.h"

#include <thread>

#include "kubelet/cluster_for_test.h"
#include "kubelet/cri/containerd_for_test.h"
#include "kubelet/files.h"
#include "kubelet/no_volumes_for_test.h"
#include "schema/json.h"

namespace sampan::kubelet {
namespace {

class EventsForTest : public Recorder {
 public:
  void pod(const core_v1::Pod&, EventType, std::string_view reason, std::string message) override { add(reason, message); }
  void container(const core_v1::Pod&, const ContainerSpec& spec, EventType, std::string_view reason, std::string message) override {
    add(reason, concat(spec.container.name(), ": ", message));
  }
  void node(EventType, std::string_view reason, std::string message) override { add(reason, message); }
  std::string all() {
    std::lock_guard lock(mutex_);
    return all_;
  }

 private:
  void add(std::string_view reason, std::string_view message) {
    std::lock_guard lock(mutex_);
    append(all_, reason, " ", message, "\n");
  }
  std::mutex mutex_;
  std::string all_;
};

// An agent's insides without an API server: a test plays its part.
class Node {
 public:
  Node() : runtime_(std::move(*connect_cri({.endpoint = containerd_for_test()->endpoint()}))), cgroups_("/sys/fs/cgroup", "/" + containerd_for_test()->cgroup()) {
    auto& folder = containerd_for_test()->folder();
    facts_ = std::make_shared<NodeFacts>();
    facts_->name = "node", facts_->ips = {"127.0.0.1"};
    facts_->paths = {folder + "/kubelet", folder + "/logs", folder + "/links"};
    facts_->cgroup_root = "/" + containerd_for_test()->cgroup();
    facts_->resources.cgroup_v2 = cgroups_.is_v2();
    auto events = runtime_->events();
    check(events.has_value());
    events_ = std::move(*events);
    check(cgroups_.prepare({}).has_value());
    make_workers();
    watcher_ = std::thread([this] { watch(); });
  }
  ~Node() {
    events_->cancel();
    watcher_.join();
    pods_.reset();
    probes_.reset();
    (void)cgroups_.remove(facts_->cgroup_root + "/kubepods");
  }

  // The agent is restarted; the containers know nothing of it.
  void restart() {
    std::lock_guard lock(pods_mutex_);
    pods_.reset();
    probes_.reset();
    make_workers();
  }

  schema::ObjectRef run(std::string_view name, std::string_view spec, std::string_view metadata = "") {
    auto object = object_of(core_v1::Pod::schema_type(), concat("{metadata: {name: ", name, ", namespace: default, uid: ", name, "-uid", metadata, "}, spec: ", spec, "}"));
    pods_->update(object);
    return object;
  }

  std::string status(const std::string& name) {
    std::lock_guard lock(mutex_);
    auto at = told_.find(name + "-uid");
    if (at == told_.end()) return "";
    std::string out;
    schema::write_json(out, (*at->second)["status"]);
    return out;
  }
  bool finished(const std::string& name) {
    std::lock_guard lock(mutex_);
    return finished_.contains(name + "-uid");
  }
  bool wait(const std::function<bool()>& condition) {
    for (int i = 0; i < 1500; i++) {
      if (condition()) return true;
      ::usleep(10'000);
    }
    return false;
  }
  bool says(const std::string& name, std::string_view text) {
    bool said = wait([&] { return status(name).find(text) != std::string::npos; });
    if (!said) ADD_FAILURE() << "no " << text << " in " << status(name) << "\n" << recorder_.all();
    return said;
  }
  void remove(const std::string& name) {
    pods_->remove(name + "-uid");
    EXPECT_TRUE(wait([&] { return !pods_->knows(name + "-uid"); })) << name;
    EXPECT_EQ(runtime_->sandboxes({{"io.kubernetes.pod.uid", name + "-uid"}})->size(), 0u);
  }

  std::atomic<bool> deaf{false};  // the runtime's events are lost

  PodWorkers& pods() { return *pods_; }
  EventsForTest& recorder() { return recorder_; }
  Runtime& runtime() { return *runtime_; }
  NoVolumes& volumes() { return volumes_; }
  ClusterForTest& cluster() { return cluster_; }
  const NodeFacts& facts() { return *facts_; }

 private:
  void make_workers() {
    probes_ = std::make_unique<Probes>(*runtime_, recorder_, workers_, *timers_, real_clock(), [this](const std::string& uid) { pods_->poke(uid); });
    Parts parts{*runtime_, cluster_, volumes_, images_, *probes_, recorder_, workers_, *timers_, real_clock(), cgroups_, crashes_};
    parts.facts = [this] { return facts_; };
    parts.services = [](std::string_view, bool) { return Result<std::vector<schema::ObjectRef>>(std::in_place); };
    parts.network_error = [] { return ""; };
    parts.runtime_handler = [](std::string_view) { return Result<std::string>(""); };
    parts.admit = [](const schema::ObjectRef& pod) -> std::optional<Parts::Refusal> {
      if (pod->as<core_v1::Pod>().spec().node_name() == "other") return Parts::Refusal{"NodeAffinity", "not here"};
      return {};
    };
    parts.publish = [this](const schema::ObjectRef& pod, const schema::ObjectRef&, bool finished) {
      std::lock_guard lock(mutex_);
      auto uid = std::string(pod->as<core_v1::Pod>().metadata().uid());
      told_[uid] = pod;
      if (finished) finished_.insert(uid);
    };
    pods_ = std::make_unique<PodWorkers>(std::move(parts));
  }
  void watch() {
    RuntimeEvent event;
    while (events_->next(event)) {
      std::lock_guard lock(pods_mutex_);
      if (!deaf) pods_->on_event(event);
    }
  }

  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<RuntimeEvents> events_;
  Workers workers_{64};
  std::unique_ptr<Executor> timers_ = make_thread_pool(1);
  EventsForTest recorder_;
  ClusterForTest cluster_;
  NoVolumes volumes_;
  Cgroups cgroups_;
  BackOff crashes_{1'000'000, 4'000'000};
  Images images_{*runtime_, recorder_, workers_, real_clock()};
  std::shared_ptr<NodeFacts> facts_;
  std::unique_ptr<Probes> probes_;
  std::unique_ptr<PodWorkers> pods_;
  std::mutex mutex_, pods_mutex_;
  std::map<std::string, schema::ObjectRef> told_;
  std::set<std::string> finished_;
  std::thread watcher_;
};

std::string container(std::string_view name, std::string_view args, std::string_view more = "") {
  return concat("{name: ", name, ", image: 'localhost/test:1', imagePullPolicy: IfNotPresent, terminationMessagePath: /dev/termination-log, args: ", args, more, "}");
}
std::string spec(std::string_view containers, std::string_view more = "") {
  return concat("{enableServiceLinks: true, restartPolicy: Always, terminationGracePeriodSeconds: 5, containers: [", containers, "]", more, "}");
}

class PodLives : public testing::Test {
 protected:
  void SetUp() override {
    if (!containerd_for_test()) GTEST_SKIP();
    node_ = std::make_unique<Node>();
  }
  std::unique_ptr<Node> node_;
};

TEST_F(PodLives, from_creation_to_removal) {
  auto pod = node_->run("life", spec(container("a", "[pause]", ", env: [{name: X, value: why}]")));
  ASSERT_TRUE(node_->says("life", R"("type":"Ready","status":"True")"));
  EXPECT_TRUE(node_->says("life", R"("phase":"Running")"));
  EXPECT_TRUE(node_->says("life", R"("podIP":"10.88.0.)"));
  auto events = node_->recorder().all();
  EXPECT_NE(events.find("Pulled a: Container image \"localhost/test:1\" already present on machine"), std::string::npos) << events;
  EXPECT_NE(events.find("Created a: Container created\nStarted a: Container started"), std::string::npos) << events;
  auto known = node_->pods().find("life-uid");
  ASSERT_TRUE(known && known->runtime->containers.size() == 1);
  auto id = known->runtime->containers[0].id;
  EXPECT_NE(node_->runtime().exec_sync(id, {"/program", "environment"}, 5)->output.find("X=why"), std::string::npos);
  EXPECT_NE(node_->runtime().exec_sync(id, {"/program", "show", "/etc/hosts"}, 5)->output.find("\tlife\n"), std::string::npos);

  // An agent that starts anew finds it as it is.
  node_->restart();
  node_->pods().update(pod);
  ASSERT_TRUE(node_->wait([&] { auto now = node_->pods().find("life-uid"); return now && now->life == PodLife::Active && !now->runtime->containers.empty(); }));
  EXPECT_EQ(node_->pods().find("life-uid")->runtime->containers[0].id, id);

  std::atomic<bool> stopped{false};
  node_->pods().when_stopped(id, [&] { stopped = true; });
  node_->run("life", spec(container("a", "[pause]")), ", deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 5");
  EXPECT_TRUE(node_->wait([&] { return node_->finished("life"); }));
  EXPECT_TRUE(stopped);
  EXPECT_TRUE(node_->says("life", R"("phase":"Succeeded")"));
  EXPECT_NE(node_->recorder().all().find("Killing a: Stopping container a"), std::string::npos);
  node_->remove("life");
  EXPECT_FALSE(exists(node_->facts().paths.pod("life-uid")));
}

// On a busy machine the runtime says that a container has ended seconds before it shows it as such.
TEST_F(PodLives, the_news_of_an_end_is_ahead_of_the_runtime) {
  node_->run("late", concat("{enableServiceLinks: true, restartPolicy: Never, terminationGracePeriodSeconds: 5, containers: [", container("a", "[pause]"), "]}"));
  ASSERT_TRUE(node_->says("late", R"("phase":"Running")"));
  auto id = node_->pods().find("late-uid")->runtime->containers.at(0).id;
  node_->deaf = true;
  node_->pods().on_event({RuntimeEvent::Type::Stopped, id});
  ::usleep(700'000);
  ASSERT_TRUE(node_->runtime().stop_container(id, 0));
  EXPECT_TRUE(node_->says("late", R"("phase":"Failed")"));
  node_->deaf = false;
  node_->remove("late");
}

TEST_F(PodLives, resources_change_in_place) {
  auto with = [](std::string_view memory) {
    return spec(container("a", "[pause]", concat(", resources: {requests: {cpu: 100m, memory: ", memory, "}, limits: {cpu: 200m, memory: ", memory, "}}")));
  };
  node_->run("sized", with("64Mi"), ", generation: 1");
  ASSERT_TRUE(node_->says("sized", R"("phase":"Running")"));
  auto id = node_->pods().find("sized-uid")->runtime->containers.at(0).id;
  node_->run("sized", with("96Mi"), ", generation: 2");
  EXPECT_TRUE(node_->says("sized", R"("allocatedResources":{"cpu":"100m","memory":"96Mi"},"resources":{"limits":{"cpu":"200m","memory":"96Mi"})"));
  EXPECT_TRUE(node_->wait([&] { return node_->status("sized").find("PodResize") == std::string::npos; })) << node_->status("sized");
  EXPECT_EQ(node_->runtime().container_status(id)->resources->memory_limit, 96 << 20);
  auto events = node_->recorder().all();
  EXPECT_NE(events.find("ResizeStarted Pod resize started: {"), std::string::npos) << events;
  EXPECT_NE(events.find("ResizeCompleted Pod resize completed: {"), std::string::npos) << events;
  // What is refused is told, and what was granted stays.
  node_->run("sized", concat(with("128Mi").substr(0, with("128Mi").size() - 1), ", nodeName: other}"), ", generation: 3");
  EXPECT_TRUE(node_->says("sized", R"("type":"PodResizePending","observedGeneration":3,"status":"True")"));
  EXPECT_TRUE(node_->says("sized", R"("reason":"Deferred","message":"not here")"));
  EXPECT_EQ(node_->runtime().container_status(id)->resources->memory_limit, 96 << 20);
  node_->remove("sized");
}

TEST_F(PodLives, init_containers_a_sidecar_and_an_end) {
  node_->run("job", concat("{enableServiceLinks: true, restartPolicy: Never, terminationGracePeriodSeconds: 5, initContainers: [", container("s", "[pause]", ", restartPolicy: Always"), ", ",
                           container("i", "[exit, '0']"), "], containers: [", container("a", "[complain, enough]"), "]}"));
  ASSERT_TRUE(node_->says("job", R"("phase":"Failed")"));
  EXPECT_TRUE(node_->says("job", R"("exitCode":3,"reason":"Error","message":"enough")"));
  EXPECT_TRUE(node_->says("job", R"("reason":"Completed")"));
  EXPECT_TRUE(node_->wait([&] { return node_->finished("job"); }));
  node_->remove("job");
}

TEST_F(PodLives, a_container_that_crashes_backs_off) {
  node_->run("crash", spec(container("a", "[exit, '7']")));
  ASSERT_TRUE(node_->says("crash", R"x("reason":"CrashLoopBackOff","message":"back-off 1s restarting failed container=a pod=crash_default(crash-uid)")x"));
  EXPECT_TRUE(node_->says("crash", R"("restartCount":2)"));
  EXPECT_TRUE(node_->says("crash", R"("lastState":{"terminated":{"exitCode":7,"reason":"Error")"));
  EXPECT_TRUE(node_->says("crash", R"("phase":"Running")"));
  node_->remove("crash");
}

TEST_F(PodLives, what_cannot_be_started) {
  node_->run("missing", spec(concat("{name: a, image: 'localhost/none:1', imagePullPolicy: Never}, ", container("b", "[pause]", ", env: [{name: X, valueFrom: {configMapKeyRef: {name: c, key: k}}}]"), ", ",
                                    container("c", "[pause]", ", command: [/none]"))));
  EXPECT_TRUE(node_->says("missing", R"("reason":"ErrImageNeverPull","message":"Container image \"localhost/none:1\" is not present with pull policy of Never")"));
  EXPECT_TRUE(node_->says("missing", R"("reason":"CreateContainerConfigError","message":"configmap \"c\" not found")"));
  EXPECT_TRUE(node_->says("missing", R"("reason":"RunContainerError")"));
  EXPECT_TRUE(node_->says("missing", R"("phase":"Pending")"));
  node_->remove("missing");

  node_->run("refused", "{nodeName: other, containers: [{name: a, image: i}]}");
  EXPECT_TRUE(node_->says("refused", R"("phase":"Failed","message":"Pod was rejected: not here","reason":"NodeAffinity","startTime":)"));
  node_->remove("refused");

  node_->volumes().on_mount = [](const core_v1::Pod&) {
    MountOutcome outcome;
    outcome.errors.push_back({"v", "FailedMount", "MountVolume.SetUp failed for volume \"v\" : configmap \"c\" not found"});
    return outcome;
  };
  node_->run("volume", spec(container("a", "[pause]")));
  EXPECT_TRUE(node_->wait([&] { return node_->recorder().all().find("FailedMount MountVolume.SetUp failed") != std::string::npos; }));
  EXPECT_TRUE(node_->says("volume", R"("reason":"ContainerCreating")"));
  node_->volumes().on_mount = [](const core_v1::Pod&) { return MountOutcome{}; };
  EXPECT_TRUE(node_->says("volume", R"("phase":"Running")"));
  node_->remove("volume");
}

TEST_F(PodLives, probes) {
  node_->run("probed", spec(container("a", "[pause]", ", livenessProbe: {exec: {command: [/program, exists, /dead]}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1, successThreshold: 1}")));
  EXPECT_TRUE(node_->says("probed", R"("restartCount":1)"));
  auto events = node_->recorder().all();
  EXPECT_NE(events.find("Unhealthy a: Liveness probe failed: "), std::string::npos) << events;
  EXPECT_NE(events.find("Killing a: Container a failed liveness probe, will be restarted"), std::string::npos) << events;
  node_->remove("probed");

  node_->run("ready", spec(container("a", "[serve, '18123']", ", readinessProbe: {httpGet: {path: /, port: 18123, host: 127.0.0.1}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 1, successThreshold: 1}"),
                           ", hostNetwork: true"));
  EXPECT_TRUE(node_->says("ready", R"("type":"Ready","status":"True")"));
  node_->remove("ready");
}

TEST_F(PodLives, hooks) {
  node_->run("hooked", spec(container("a", "[pause]", ", lifecycle: {postStart: {exec: {command: [/program, write, /tmp/started, done]}}, preStop: {exec: {command: [/program, exit, '1']}}}")));
  ASSERT_TRUE(node_->says("hooked", R"("phase":"Running")"));
  auto id = node_->pods().find("hooked-uid")->runtime->containers[0].id;
  EXPECT_EQ(node_->runtime().exec_sync(id, {"/program", "exists", "/tmp/started"}, 5)->exit_code, 0);
  node_->remove("hooked");
  EXPECT_NE(node_->recorder().all().find("FailedPreStopHook a: PreStopHook failed"), std::string::npos);
}

TEST_F(PodLives, an_end_that_is_wanted_sooner_and_orphans) {
  node_->run("stubborn", concat("{enableServiceLinks: true, restartPolicy: Always, terminationGracePeriodSeconds: 300, containers: [", container("a", "[stubborn]"), "]}"));
  ASSERT_TRUE(node_->says("stubborn", R"("phase":"Running")"));
  auto text = concat("{enableServiceLinks: true, restartPolicy: Always, terminationGracePeriodSeconds: 300, containers: [", container("a", "[stubborn]"), "]}");
  node_->run("stubborn", text, ", deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 300");
  ASSERT_TRUE(node_->wait([&] { return node_->pods().find("stubborn-uid")->life == PodLife::Terminating; }));
  node_->run("stubborn", text, ", deletionTimestamp: '2026-01-01T00:00:00Z', deletionGracePeriodSeconds: 0");
  EXPECT_TRUE(node_->wait([&] { return node_->finished("stubborn"); }));
  node_->remove("stubborn");

  node_->run("orphan", spec(container("a", "[pause]")));
  ASSERT_TRUE(node_->says("orphan", R"("phase":"Running")"));
  node_->restart();
  node_->pods().adopt_orphans();
  EXPECT_TRUE(node_->wait([&] { return node_->runtime().sandboxes({{"io.kubernetes.pod.uid", "orphan-uid"}})->empty(); }));
}

}  // namespace
}  // namespace sampan::kubelet
