// The agent's keeper: one thread that looks after the node itself. It sleeps between its rounds; nothing here is awaited by pods.
#include <dirent.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>

#include "base/held.h"
#include "base/log.h"
#include "base/text.h"
#include "kubelet/agent_parts.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kRound = 10 * kSecond;       // of an idle node
constexpr int64_t kFastRound = kSecond / 5;    // until it is ready for the first time
constexpr int64_t kClean = 60 * kSecond, kImages = 300 * kSecond;
constexpr int kFastRoundsMax = 300;

}  // namespace

void AgentImpl::keep() {
  int manifests = static_pods_.watch();
  for (int rounds = 0;; rounds++) {
    auto now = clock_.monotonic_us();
    keep_once(now);
    {
      std::lock_guard lock(mutex_);
      if (stopping_) break;
      heard_at_ = now;
    }
    bool settled = is_enrolled_ && followed_ && last_ready_ == "yes";
    auto pause = settled || rounds > kFastRoundsMax ? kRound : kFastRound;
    if (manifests < 0) {
      if (!sleep_ms(pause / 1000)) break;
      continue;
    }
    // A change of the manifests' folder ends the sleep; so does the agent's end, looked for once a second.
    for (auto until = now + pause; clock_.monotonic_us() < until;) {
      pollfd one = {manifests, POLLIN, 0};
      if (::poll(&one, 1, static_cast<int>(std::min<int64_t>(1000, std::max<int64_t>((until - clock_.monotonic_us()) / 1000, 1)))) > 0) {
        char events[4096];
        if (::read(manifests, events, sizeof events) < 0) LOG_V(1, "the folder of static pods cannot be watched");
        static_pods_.scan();
        keep_mirrors();
      }
      std::lock_guard lock(mutex_);
      if (stopping_) break;
    }
  }
  if (manifests >= 0) ::close(manifests);
}

void AgentImpl::keep_once(int64_t now) {
  look_at_runtime();
  keep_off_limits();
  if (!keep_node(now)) return;
  if (now - leased_at_ >= kRound - kSecond / 2) {
    if (auto renewed = node_.renew_lease(options_.node_name); renewed)
      leased_at_ = now;
    else
      LOG_V(1, "the node's lease cannot be renewed: ", renewed.error().message());
  }
  keep_house(now);
}

void AgentImpl::look_at_runtime() {
  auto status = runtime_->status();
  RuntimeVersion version;
  {
    std::lock_guard lock(mutex_);
    version = version_;
  }
  if (status && version.name.empty()) {
    if (auto known = runtime_->version())
      version = *known;
    else
      status = fail(std::move(known).error());
  }
  if (!status) version = {};  // it may be another one that comes back
  bool back = false;
  {
    std::lock_guard lock(mutex_);
    bool blocked = !health_.pod_problem().empty();
    health_.saw(status, clock_.monotonic_us());
    back = blocked && health_.pod_problem().empty();
    version_ = version;
    if (status) status_ = std::move(*status);
  }
  if (!version.name.empty())
    change_facts([&](NodeFacts& facts) {
      facts.runtime_name = version.name;
      std::lock_guard lock(mutex_);
      for (auto& handler : status_.handlers)
        if (handler.name.empty()) facts.recursive_read_only = handler.recursive_read_only_mounts;
    });
  if (back) pods_->poke_all();
}

NodeInput AgentImpl::node_input() {
  NodeInput in;
  in.name = in.host_name = options_.node_name;
  in.ips = options_.node_ips, in.labels = options_.node_labels, in.taints = options_.register_taints, in.provider_id = options_.provider_id;
  in.machine = machine_, in.capacity = capacity_, in.allocatable = allocatable_;
  in.version = options_.version, in.port = options_.port;
  in.images = node_images_;
  std::lock_guard lock(mutex_);
  in.runtime = version_, in.handlers = status_.handlers, in.supplemental_groups_policy = status_.supplemental_groups_policy;
  in.pressure = pressure_;
  in.not_ready = health_.node_problem(clock_.monotonic_us());
  return in;
}

// Whether the API server knows the node.
bool AgentImpl::keep_node(int64_t now) {
  if (images_at_ == 0 || now - images_at_ >= kClean) {
    if (auto images = runtime_->images()) node_images_ = std::move(*images), images_at_ = now;
  }
  auto in = node_input();
  if (!is_enrolled_) {
    // Made anew it gets another network for its pods: those of before would be cut off, and go first, as pods without a node do.
    // Where it is there again (an answer was lost, or somebody made it), pods that wait for it are no reason to wait for them.
    if (was_deleted_ && has_pods_of_server() && !node_.is_there(options_.node_name)) return false;
    auto node = node_.enroll(in);
    if (!node) {
      LOG_V(1, "the node cannot be registered: ", node.error().message());
      return false;
    }
    std::lock_guard lock(mutex_);
    enrolled_ = *node;
    is_enrolled_ = true;
    was_deleted_ = false;
    recorder_.node(EventType::Normal, "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods");
  } else if (auto told = node_.tell(in); !told) {
    // Somebody deleted it.
    if (told.error().is(Reason::NotFound)) is_enrolled_ = false, was_deleted_ = true;
    LOG_V(1, "the node's status cannot be told: ", told.error().message());
    return false;
  }
  last_ready_ = in.not_ready.empty() ? "yes" : in.not_ready;
  return true;
}

bool AgentImpl::has_pods_of_server() const {
  auto pods = pods_->pods();
  return std::ranges::any_of(pods, [](const KnownPod& pod) { return pod.life != PodLife::Terminated && !is_static(pod.pod->as<core_v1::Pod>()); });
}

void AgentImpl::keep_house(int64_t now) {
  if (now - housed_at_ >= kRound) {
    housed_at_ = now;
    rotate_logs(*runtime_, pods_->pods(), {}, clock_);
    int64_t shares = 0;
    for (auto& pod : pods_->pods()) {
      auto view = pod.pod->as<core_v1::Pod>();
      if (pod.life != PodLife::Active || qos_of(view) != QosClass::Burstable) continue;
      auto requests = requests_of(view);
      if (auto cpu = requests.find("cpu"); cpu != requests.end()) shares = add_held(shares, cpu->second.milli_value());
    }
    cgroups_.set_burstable_shares(cpu_shares(shares));
    keep_mirrors();
  }
  if (!followed_) return;
  if (!pods_known_) {
    pods_known_ = true;
    cleaned_at_ = now;
    pods_->adopt_orphans();
  }
  if (now - cleaned_at_ >= kClean) {
    cleaned_at_ = now;
    pods_->adopt_orphans();
    remove_leftovers();
    remove_dead_links(options_.paths.container_logs);
    if (!cluster_.is_watched()) pods_->refresh_all();
  }
  if (now - refreshed_at_ >= kImages) {
    refreshed_at_ = now;
    pods_->poke_all();  // should an event ever have been lost
    if (auto freed = image_gc_.run(); !freed) recorder_.node(EventType::Warning, "ImageGCFailed", freed.error().message());
  }
}

Measured AgentImpl::measure() {
  Measured out;
  out.memory_available = memory_now(options_.cgroup_mount, cgroups_.is_v2()).available;
  out.node_disk = space_of(options_.paths.root).value_or(Space{});
  out.image_disk = out.node_disk;
  out.processes = processes_now();
  return out;
}

void AgentImpl::keep_off_limits() {
  auto measured = measure();
  auto what = scarce(measured, eviction_);
  bool is_disk = what == Scarce::NodeDisk || what == Scarce::ImageDisk || what == Scarce::Inodes;
  auto now = clock_.now_us();
  if (what == Scarce::Memory) pressed_at_[0] = now;
  if (is_disk) pressed_at_[1] = now;
  if (what == Scarce::Processes) pressed_at_[2] = now;
  {
    auto still = [&](int64_t at) { return at != 0 && now - at < eviction_.hold_us; };
    std::lock_guard lock(mutex_);
    pressure_ = {still(pressed_at_[0]), still(pressed_at_[1]), still(pressed_at_[2])};
  }
  if (what == Scarce::None) return;
  static constexpr std::string_view names[] = {"", "memory", "ephemeral-storage", "ephemeral-storage", "inodes", "pids"};
  recorder_.node(EventType::Warning, "EvictionThresholdMet", concat("Attempting to reclaim ", names[static_cast<int>(what)]));
  if (is_disk) {
    (void)image_gc_.run(true);
    measured = measure();
    if (scarce(measured, eviction_) == Scarce::None) return;
  }
  evict_one(what, measured);
}

void AgentImpl::evict_one(Scarce what, const Measured& measured) {
  std::vector<Candidate> candidates;
  for (auto& pod : pods_->pods()) {
    if (pod.life == PodLife::Terminating) return;  // the last one is not gone yet
    if (pod.life != PodLife::Active || !pod.runtime->any_running()) continue;
    auto view = pod.pod->as<core_v1::Pod>();
    uint64_t used = 0;
    if (what == Scarce::Memory) used = stats_.of_pod(view).working_set.value_or(0);
    if (what == Scarce::Processes) used = stats_.of_pod(view).processes.value_or(0);
    if (what == Scarce::NodeDisk || what == Scarce::ImageDisk || what == Scarce::Inodes)
      for (auto volume : view.spec().volumes())
        if (auto usage = volumes_->usage(view, volume.name())) used += what == Scarce::Inodes ? usage->inodes_used : usage->used_bytes;
    candidates.push_back({pod.pod, used});
  }
  auto ranked = rank(std::move(candidates), what);
  if (ranked.empty()) return;
  auto& chosen = ranked.front();
  auto view = chosen.pod->as<core_v1::Pod>();
  auto message = eviction_message(chosen, what, measured, eviction_);
  recorder_.pod(view, EventType::Warning, "Evicted", message);
  pods_->evict(std::string(view.metadata().uid()), {"Evicted", message, 0, true});
}

// Of pods that ended while no agent ran.
void AgentImpl::remove_leftovers() {
  std::vector<std::string> known;
  for (auto& pod : pods_->pods()) known.emplace_back(pod.pod->as<core_v1::Pod>().metadata().uid());
  std::ranges::sort(known);
  auto is_known = [&](const std::string& uid) { return std::ranges::binary_search(known, uid); };
  volumes_->clean_up(known);
  for (auto& uid : cgroups_.pods())
    if (!is_known(uid))
      for (auto folder : {"", "/burstable", "/besteffort"}) (void)cgroups_.remove(concat(options_.cgroup_root, "/kubepods", folder, "/pod", uid));
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(options_.paths.pods().c_str()), ::closedir);
  while (folder) {
    auto entry = ::readdir(folder.get());
    if (!entry) break;
    std::string uid = entry->d_name;
    if (uid != "." && uid != ".." && !is_known(uid) && !exists(options_.paths.volumes(uid))) (void)remove_tree(options_.paths.pod(uid));
  }
}

}  // namespace sampan::kubelet
