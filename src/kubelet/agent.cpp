// See agent.h.
#include "kubelet/agent.h"

#include <unistd.h>

#include "api/node_v1.h"
#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "kubelet/agent_parts.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kMillisecond = 1000;
constexpr std::string_view kResolved = "/run/systemd/resolve/resolv.conf";

std::string host_name_of_machine() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "localhost";
  return to_lower(name);
}

// The stub that systemd-resolved puts there serves this machine's own namespace alone; the file behind it names real servers.
ResolvConf node_resolv_conf(const std::string& path) {
  auto conf = parse_resolv_conf(read_file(path.empty() ? "/etc/resolv.conf" : path, 1 << 20).value_or(""));
  if (path.empty() && conf.servers == std::vector<std::string>{"127.0.0.53"})
    if (auto real = read_file(std::string(kResolved), 1 << 20)) return parse_resolv_conf(*real);
  return conf;
}

bool is_on(const schema::Object& pod, std::string_view node) { return pod.as<core_v1::Pod>().spec().node_name() == node; }

}  // namespace

AgentImpl::AgentImpl(AgentOptions options, std::unique_ptr<Runtime> runtime, client::Api& api, client::Informers& caches, Executor& timers, Clock& clock)
    : options_(std::move(options)),
      api_(api),
      caches_(caches),
      timers_(timers),
      clock_(clock),
      runtime_(std::move(runtime)),
      machine_(read_machine()),
      capacity_(capacity_of(machine_, space_of(options_.paths.root).value_or(Space{}), options_.pods_max)),
      allocatable_(allocatable_of(capacity_, options_.reserved, static_cast<int64_t>(EvictionOptions{}.memory_bytes))),
      facts_(std::make_shared<NodeFacts>()),
      recorder_(api, clock, timers, options_.node_name),
      cluster_(api, options_.all_objects ? &caches : nullptr, clock),
      cgroups_(options_.cgroup_mount, options_.cgroup_root),
      volumes_(options_.make_volumes(cluster_, {options_.paths, options_.node_name,
                                                [this] {
                                                  auto text = [&](std::string_view name) { return allocatable_.contains(name) ? allocatable_.find(name)->second.text() : std::string("0"); };
                                                  return std::pair(text("cpu"), text("memory"));
                                                }})),
      images_(*runtime_, recorder_, workers_, clock),
      probes_(*runtime_, recorder_, workers_, timers, clock, [this](const std::string& uid) { pods_->poke(uid); }),
      statuses_(api, clock, timers, [this](const core_v1::Pod& pod) { return is_there(pod); }),
      pods_(std::make_unique<PodWorkers>(make_parts())),
      static_pods_(options_.static_pods, options_.node_name,
                   [this](const schema::ObjectRef& pod, const std::string& gone) {
                     if (pod) return pods_->update(pod);
                     pods_->remove(gone);
                     statuses_.forget(gone);
                   }),
      stats_([this] { return pods_->pods(); }, *runtime_, *volumes_, cgroups_, clock, [this] { return facts(); }, machine_, options_.cgroup_mount),
      view_(*pods_, stats_, [this] { return facts(); }, [this](std::string_view uid) { return uid_of_static(uid); }),
      node_(api, recorder_, clock),
      image_gc_(*runtime_, images_, recorder_, clock, {.keep = options_.keep_images}) {
  change_facts([&](NodeFacts& facts) {
    facts.name = options_.node_name, facts.ips = options_.node_ips, facts.paths = options_.paths;
    facts.dns = {options_.cluster_domain, options_.cluster_dns, node_resolv_conf(options_.resolv_conf)};
    facts.cgroup_root = options_.cgroup_root;
    facts.resources.memory_capacity = machine_.memory, facts.resources.cgroup_v2 = cgroups_.is_v2();
    facts.allocatable = allocatable_;
    facts.seccomp_default = options_.seccomp_default;
    facts.started_at = clock_.now_us() / 1'000'000;
  });
}

Parts AgentImpl::make_parts() {
  Parts parts{*runtime_, cluster_, *volumes_, images_, probes_, recorder_, workers_, timers_, clock_, cgroups_, crashes_};
  parts.facts = [this] { return facts(); };
  parts.services = [this](std::string_view name_space, bool links) { return services(name_space, links); };
  parts.network_error = [this] {
    std::lock_guard lock(mutex_);
    return health_.pod_problem();
  };
  parts.runtime_handler = [this](std::string_view runtime_class) { return runtime_handler(runtime_class); };
  parts.admit = [this](const schema::ObjectRef& pod) { return admit_pod(pod); };
  parts.publish = [this](const schema::ObjectRef& pod, const schema::ObjectRef& wanted, bool finished) { statuses_.put(pod, wanted, finished); };
  return parts;
}

Result<void> AgentImpl::begin() {
  for (auto& folder : {options_.paths.root, options_.paths.pods(), options_.paths.root + "/plugins", options_.paths.root + "/plugins_registry"}) TRY(make_folders(folder, 0750));
  TRY(make_folders(options_.paths.pod_logs));
  if (auto prepared = cgroups_.prepare(allocatable_); !prepared) return fail(std::move(prepared).error().context("the pods' cgroups: "));
  cluster_.on_change([this](std::string_view resource, std::string_view name_space, std::string_view name) { pods_->on_change(resource, name_space, name); });
  recorder_.node(EventType::Normal, "Starting", "Starting kubelet.");
  if (!cgroups_.is_v2())
    recorder_.node(EventType::Warning, "CgroupV1", "cgroup v1 support is in maintenance mode, please migrate to cgroup v2");
  static_pods_.scan();
  listener_ = std::thread([this] { listen(); });
  follower_ = std::thread([this] { follow(); });
  keeper_ = std::thread([this] { keep(); });
  return {};
}

AgentImpl::~AgentImpl() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (events_) events_->cancel();
    stop_.notify_all();
  }
  for (auto thread : {&follower_, &keeper_, &listener_})
    if (thread->joinable()) thread->join();
  cluster_.on_change({});
  subscriptions_.clear();
  pods_->stop();
  std::lock_guard turn(mirrors_mutex_);  // nobody is in the middle of it
}

std::shared_ptr<const NodeFacts> AgentImpl::facts() const {
  std::lock_guard lock(facts_mutex_);
  return facts_;
}

void AgentImpl::change_facts(const std::function<void(NodeFacts&)>& change) {
  std::lock_guard lock(facts_mutex_);
  auto changed = std::make_shared<NodeFacts>(*facts_);
  change(*changed);
  facts_ = std::move(changed);
}

bool AgentImpl::sleep_ms(int64_t ms) {
  std::unique_lock lock(mutex_);
  return !stop_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopping_; });
}

// ---- pods ----

void AgentImpl::follow() {
  auto open = [&](std::string_view group, std::string_view name) -> client::Informer* {
    for (int64_t delay = 100; true; delay = std::min<int64_t>(delay * 2, 5000)) {
      auto of = caches_.of(client::builtin(group, name));
      if (of) return *of;
      LOG_V(1, "the cache of ", name, " cannot be opened: ", of.error().message());
      if (!sleep_ms(delay)) return nullptr;
    }
  };
  auto services = open("", "services");
  auto nodes = services ? open("", "nodes") : nullptr;
  auto pods = nodes ? open("", "pods") : nullptr;
  if (!pods) return;
  // Before pods: what they need to start.
  services_ = services, nodes_ = nodes, objects_of_pods_ = pods;
  caches_.start();  // these, and those of what pods mount
  subscriptions_.push_back(pods->on_change([this](const client::Change& change) { on_pod(change); }));
  pods->catch_up();
  followed_ = true;
}

void AgentImpl::on_pod(const client::Change& change) {
  auto uid_of = [](const schema::Object& pod) { return std::string(pod.as<core_v1::Pod>().metadata().uid()); };
  bool here = change.object && is_on(*change.object, options_.node_name);
  bool was_here = change.previous && is_on(*change.previous, options_.node_name);
  if (!here && !was_here) return;
  if (is_mirror(change.any().as<core_v1::Pod>())) return on_mirror(change);
  if (was_here && (!here || uid_of(*change.object) != uid_of(*change.previous))) {
    pods_->remove(uid_of(*change.previous));
    statuses_.forget(uid_of(*change.previous));
  }
  if (here) pods_->update(change.object);
}

void AgentImpl::on_mirror(const client::Change& change) {
  auto meta = change.any().as<core_v1::Pod>().metadata();
  {
    std::lock_guard lock(mutex_);
    if (change.previous && (!change.object || change.object->as<core_v1::Pod>().metadata().uid() != change.previous->as<core_v1::Pod>().metadata().uid()))
      mirrors_.erase(std::string(change.previous->as<core_v1::Pod>().metadata().uid()));
    if (change.object) mirrors_[std::string(meta.uid())] = {std::string(meta.namespace_()), std::string(meta.name())};
  }
  if (change.object && (!change.previous || change.previous->as<core_v1::Pod>().metadata().uid() != meta.uid())) {  // the pod's status is told to the new one
    auto uid = uid_of_static(meta.uid());
    statuses_.forget(uid);
    pods_->poke(uid);
  }
  if (change.object && change.previous && !change.object->as<core_v1::Pod>().metadata().deletion_timestamp()) return;
  workers_.post([this] { keep_mirrors(); });
}

// Each static pod has its mirror, and no mirror is without one.
void AgentImpl::keep_mirrors() {
  std::lock_guard turn(mirrors_mutex_);
  auto node = node_object();
  if (!followed_ || !node) return;
  auto& pods = client::builtin("", "pods");
  std::map<std::string, std::pair<std::string, std::string>> mirrors;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    mirrors = mirrors_;
  }
  for (auto& [uid, place] : mirrors)
    if (!static_pods_.find(place.first, place.second))
      (void)api_.remove(pods, place.first, place.second, {.grace_seconds = 0, .uid = uid});
  for (auto& pod : static_pods_.pods()) {
    auto meta = pod->as<core_v1::Pod>().metadata();
    auto shown = api_.get(pods, meta.namespace_(), meta.name());
    if (!shown && !shown.error().is(Reason::NotFound)) continue;
    auto made = make_mirror(api_, *pod, shown ? shown->get() : nullptr, options_.node_name, node->as<core_v1::Node>().metadata().uid());
    if (!made) LOG_V(1, "the mirror of pod ", text_of(pod->as<core_v1::Pod>()), " cannot be made: ", made.error().message());
  }
}

bool AgentImpl::is_there(const core_v1::Pod& pod) const {
  auto objects = objects_of_pods_.load();
  if (!objects) return true;
  auto meta = pod.metadata();
  auto object = objects->find(meta.namespace_(), meta.name());
  if (!object || !is_on(*object, options_.node_name)) return false;
  auto shown = object->as<core_v1::Pod>();
  return is_static(pod) ? is_mirror(shown) : shown.metadata().uid() == meta.uid();
}

std::string AgentImpl::uid_of_static(std::string_view uid) const {
  std::pair<std::string, std::string> place;
  {
    std::lock_guard lock(mutex_);
    auto at = mirrors_.find(std::string(uid));
    if (at == mirrors_.end()) return std::string(uid);
    place = at->second;
  }
  auto pod = static_pods_.find(place.first, place.second);
  return std::string(pod ? pod->as<core_v1::Pod>().metadata().uid() : uid);
}

schema::ObjectRef AgentImpl::node_object() const {
  if (auto nodes = nodes_.load())
    if (auto node = nodes->find("", options_.node_name)) return node;
  std::lock_guard lock(mutex_);
  return enrolled_;
}

Result<std::vector<schema::ObjectRef>> AgentImpl::services(std::string_view name_space, bool links) {
  auto known = services_.load();
  if (!known) return fail(failure("services have not yet been read at least once, cannot construct envvars"));
  auto out = links ? known->all(name_space) : std::vector<schema::ObjectRef>();
  if (!links || name_space != "default")
    if (auto api = known->find("default", "kubernetes")) out.push_back(api);
  return out;
}

Result<std::string> AgentImpl::runtime_handler(std::string_view runtime_class) {
  if (runtime_class.empty()) return std::string();
  auto object = cluster_.get("node.k8s.io/v1", "runtimeclasses", "", runtime_class);
  if (!object) return fail(failure(concat("failed to get sandbox runtime: ", object.error().message())));
  return std::string((**object)["handler"].as_string());
}

std::optional<Parts::Refusal> AgentImpl::admit_pod(const schema::ObjectRef& pod) {
  auto view = pod->as<core_v1::Pod>();
  std::vector<schema::ObjectRef> others;
  for (auto& other : pods_->pods()) {
    auto known = other.pod->as<core_v1::Pod>();
    // One that is told to have ended counts no more, as for the scheduler, though its volumes may be with us a little longer.
    bool counts = (other.life == PodLife::Active || other.life == PodLife::Terminating) && !is_terminal(known.status().phase());
    if (counts && known.metadata().uid() != view.metadata().uid()) others.push_back(other.pod);
  }
  auto node = node_object();
  bool groups = false;
  Pressure pressure;
  {
    std::lock_guard lock(mutex_);
    groups = status_.supplemental_groups_policy;
    pressure = pressure_;
  }
  if (!is_critical(view)) {
    if (pressure.disk || pressure.processes) return Parts::Refusal{"Evicted", concat("The node had condition: [", pressure.disk ? "DiskPressure" : "PIDPressure", "]. ")};
    if (pressure.memory && qos_of(view) == QosClass::BestEffort) return Parts::Refusal{"Evicted", "The node had condition: [MemoryPressure]. "};
  }
  return admit({view, node ? node->as<core_v1::Node>() : core_v1::Node(), allocatable_, others, groups});
}

// ---- events of the runtime ----

void AgentImpl::listen() {
  while (true) {
    auto events = runtime_->events();
    if (!events && events.error().is(Reason::MethodNotAllowed)) return relist_until_stopped();
    if (events) {
      {
        std::lock_guard lock(mutex_);
        if (stopping_) return;
        events_ = events->get();
      }
      pods_->on_event({});  // whatever happened while nobody listened
      RuntimeEvent event;
      while ((*events)->next(event)) pods_->on_event(event);
      std::lock_guard lock(mutex_);
      events_ = nullptr;
    }
    if (!sleep_ms(1000)) return;
  }
}

// Where the runtime tells nothing it is asked: often while something goes on, seldom on an idle node.
void AgentImpl::relist_until_stopped() {
  std::map<std::string, ContainerState> before;
  for (int64_t delay = 1000; sleep_ms(delay);) {
    auto containers = runtime_->containers({});
    if (!containers) continue;
    std::map<std::string, ContainerState> now;
    for (auto& container : *containers) now[container.id] = container.state;
    for (auto& [id, state] : before)
      if (!now.contains(id) || now[id] != state) pods_->on_event({RuntimeEvent::Type::Stopped, id});
    delay = now == before ? std::min<int64_t>(delay * 2, now.empty() ? 10'000 : 4'000) : 1000;
    before = std::move(now);
  }
}

Result<void> AgentImpl::health() {
  std::lock_guard lock(mutex_);
  if (heard_at_ != 0 && clock_.monotonic_us() - heard_at_ > 120'000 * kMillisecond) return fail(failure("the node has not been looked after for two minutes"));
  return {};
}

std::string AgentImpl::metrics() {
  std::string out;
  write_process_metrics(out);
  size_t running = 0, containers = 0;
  for (auto& pod : pods_->pods()) {
    running += pod.runtime->any_running();
    for (auto& container : pod.runtime->containers) containers += container.state == ContainerState::Running;
  }
  write_metric_head(out, "kubelet_running_pods", "[BETA] Number of pods that have a running pod sandbox", MetricKind::Gauge);
  write_metric(out, "kubelet_running_pods", {}, static_cast<double>(running));
  write_metric_head(out, "kubelet_running_containers", "[BETA] Number of containers currently running", MetricKind::Gauge);
  write_metric(out, "kubelet_running_containers", {{"container_state", "running"}}, static_cast<double>(containers));
  return out;
}

Result<std::unique_ptr<Agent>> Agent::start(AgentOptions options, client::Api& api, client::Informers& caches, Executor& timers, Clock& clock) {
  if (options.node_name.empty()) options.node_name = host_name_of_machine();
  if (options.node_ips.empty()) options.node_ips = find_addresses();
  if (options.node_ips.empty()) return fail(failure("this machine has no address but its own loopback; name one with --node-ip"));
  check(options.make_volumes != nullptr);
  TRY(make_folders(options.paths.root, 0750));
  auto runtime = TRY(connect_cri(options.cri));
  auto agent = std::make_unique<AgentImpl>(std::move(options), std::move(runtime), api, caches, timers, clock);
  TRY(agent->begin());
  return agent;
}

}  // namespace sampan::kubelet
