// See stats.h.
#include "kubelet/stats.h"

#include <dirent.h>
#include <sys/stat.h>

#include <memory>

#include "base/encoding.h"
#include "base/metrics.h"
#include "base/text.h"
#include "kubelet/files.h"
#include "schema/json.h"

namespace sampan::kubelet {

using schema::Value;

namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr size_t kSamplesMax = 4000;

std::string_view time_text(Arena& arena, int64_t microseconds) {
  std::string text;
  append_time(text, microseconds / kSecond);
  return arena.copy(text);
}

void put(Value object, std::string_view name, std::optional<uint64_t> number) {
  if (number) object.set(name, static_cast<int64_t>(*number));
}

// Bytes and files below a folder.
std::pair<uint64_t, uint64_t> size_of(const std::string& folder) {
  uint64_t bytes = 0, files = 0;
  std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  while (open) {
    auto entry = ::readdir(open.get());
    if (!entry) break;
    std::string_view name = entry->d_name;
    struct stat info;
    auto path = concat(folder, "/", name);
    if (name == "." || name == ".." || ::lstat(path.c_str(), &info) != 0) continue;
    files++;
    bytes += static_cast<uint64_t>(info.st_blocks) * 512;
    if (S_ISDIR(info.st_mode)) {
      auto [b, f] = size_of(path);
      bytes += b, files += f;
    }
  }
  return {bytes, files};
}

}  // namespace

Stats::Stats(std::function<std::vector<KnownPod>()> pods, Runtime& runtime, Volumes& volumes, Cgroups& cgroups, Clock& clock, std::function<std::shared_ptr<const NodeFacts>()> facts, Machine machine, std::string cgroup_mount)
    : pods_(std::move(pods)), runtime_(runtime), volumes_(volumes), cgroups_(cgroups), clock_(clock), facts_(std::move(facts)), machine_(std::move(machine)), cgroup_mount_(std::move(cgroup_mount)) {}

// Between this question and the last one that was not just now; since the start, if it is the first.
uint64_t Stats::rate(const std::string& key, uint64_t cpu_ns, int64_t started_us) {
  auto now = clock_.now_us();
  std::lock_guard lock(mutex_);
  if (samples_.size() > kSamplesMax) std::erase_if(samples_, [&](auto& entry) { return now - entry.second.at_us > 600 * kSecond; });
  auto& sample = samples_[key];
  auto since = sample.at_us ? sample.at_us : started_us;
  if (sample.at_us && now - sample.at_us < kSecond) return sample.rate;
  auto before = sample.at_us ? sample.cpu_ns : 0;
  auto elapsed_ns = std::max<int64_t>(now - since, 1) * 1000;
  auto used = cpu_ns - std::min(cpu_ns, before);
  sample.rate = static_cast<uint64_t>(static_cast<double>(used) * 1e9 / static_cast<double>(elapsed_ns));
  sample.at_us = now, sample.cpu_ns = cpu_ns;
  return sample.rate;
}

Value Stats::cpu(Arena& arena, const std::string& key, std::optional<uint64_t> ns, int64_t started_us) {
  auto out = Value::object(arena);
  out.set("time", time_text(arena, clock_.now_us()));
  if (!ns) return out;
  put(out, "usageNanoCores", rate(key, *ns, started_us));
  put(out, "usageCoreNanoSeconds", ns);
  return out;
}

Value Stats::memory(Arena& arena, const CgroupUsage& usage, uint64_t limit) {
  auto out = Value::object(arena);
  out.set("time", time_text(arena, clock_.now_us()));
  if (limit && usage.working_set) put(out, "availableBytes", limit - std::min(limit, *usage.working_set));
  put(out, "usageBytes", usage.memory);
  put(out, "workingSetBytes", usage.working_set);
  put(out, "rssBytes", usage.rss);
  put(out, "pageFaults", usage.page_faults);
  put(out, "majorPageFaults", usage.major_page_faults);
  return out;
}

Value Stats::filesystem(Arena& arena, const std::string& path, std::optional<uint64_t> used, std::optional<uint64_t> inodes_used) {
  auto out = Value::object(arena);
  out.set("time", time_text(arena, clock_.now_us()));
  auto space = space_of(path).value_or(Space{});
  put(out, "availableBytes", space.available);
  put(out, "capacityBytes", space.capacity);
  put(out, "usedBytes", used ? used : std::optional<uint64_t>(space.capacity - space.available));
  put(out, "inodesFree", space.inodes_free);
  put(out, "inodes", space.inodes);
  put(out, "inodesUsed", inodes_used ? inodes_used : std::optional<uint64_t>(space.inodes - space.inodes_free));
  return out;
}

Value Stats::network(Arena& arena, const std::vector<InterfaceUsage>& interfaces) {
  auto out = Value::object(arena);
  out.set("time", time_text(arena, clock_.now_us()));
  auto fill = [&](Value to, const InterfaceUsage& from) {
    to.set("name", arena.copy(from.name));
    put(to, "rxBytes", from.rx_bytes), put(to, "rxErrors", from.rx_errors), put(to, "txBytes", from.tx_bytes), put(to, "txErrors", from.tx_errors);
    return to;
  };
  for (auto& one : interfaces)
    if (one.name == "eth0" || &one == &interfaces.front()) fill(out, one);
  auto list = out.ensure_list("interfaces");
  for (auto& one : interfaces) list.push(fill(Value::object(arena), one));
  return out;
}

Value Stats::node(Arena& arena, bool only_cpu_and_memory) {
  auto facts = facts_();
  auto out = Value::object(arena);
  auto booted = machine_.booted_at * kSecond;
  out.set("nodeName", arena.copy(facts->name));
  out.set("startTime", time_text(arena, booted));
  out.set("cpu", cpu(arena, "node", cpu_ns_now(), booted));
  auto now = memory_now(cgroup_mount_, cgroups_.is_v2());
  CgroupUsage usage;
  usage.memory = now.usage, usage.working_set = now.working_set, usage.rss = now.rss;
  out.set("memory", memory(arena, usage, now.total));
  auto system = out.ensure_list("systemContainers");
  auto pods = cgroups_.usage(facts->cgroup_root + "/kubepods");
  auto all = Value::object(arena);
  all.set("name", "pods");
  all.set("startTime", time_text(arena, facts->started_at * kSecond));
  all.set("cpu", cpu(arena, "kubepods", pods.cpu_ns, facts->started_at * kSecond));
  all.set("memory", memory(arena, pods, now.total));
  system.push(all);
  if (only_cpu_and_memory) return out;
  out.set("network", network(arena, interfaces_of("/proc/net/dev")));
  out.set("fs", filesystem(arena, facts->paths.root, {}, {}));
  if (auto images = runtime_.image_filesystems(); images && !images->empty()) {
    auto& one = images->front();
    auto runtime = out.ensure_object("runtime");
    runtime.set("imageFs", filesystem(arena, one.mount_point, one.used_bytes, one.inodes_used));
    runtime.set("containerFs", filesystem(arena, one.mount_point, one.used_bytes, one.inodes_used));
  }
  auto processes = processes_now();
  auto limits = out.ensure_object("rlimit");
  limits.set("time", time_text(arena, clock_.now_us()));
  limits.set("maxpid", processes.max);
  limits.set("curproc", processes.running);
  return out;
}

Value Stats::pod(Arena& arena, const KnownPod& known, const std::map<std::string, ContainerStats>& layers, bool only_cpu_and_memory) {
  auto facts = facts_();
  auto view = known.pod->as<core_v1::Pod>();
  auto out = Value::object(arena);
  auto reference = out.ensure_object("podRef");
  reference.set("name", arena.copy(view.metadata().name()));
  reference.set("namespace", arena.copy(view.metadata().namespace_()));
  reference.set("uid", arena.copy(view.metadata().uid()));
  auto started = view.status().start_time().value_or(0) * kSecond;
  out.set("startTime", time_text(arena, started));
  auto cgroup = pod_cgroup(facts->cgroup_root, view);
  auto containers = out.ensure_list("containers");
  uint64_t storage = 0;
  for (auto& container : known.runtime->containers) {
    if (container.state != ContainerState::Running) continue;
    auto usage = cgroups_.usage(concat(cgroup, "/", container.id));
    auto one = Value::object(arena);
    one.set("name", arena.copy(container.name));
    auto since = container.started_at / 1000;
    one.set("startTime", time_text(arena, since));
    one.set("cpu", cpu(arena, container.id, usage.cpu_ns, since));
    one.set("memory", memory(arena, usage, usage.memory_limit.value_or(0)));
    if (!only_cpu_and_memory) {
      auto layer = layers.find(container.id);
      auto used = layer == layers.end() ? 0 : layer->second.writable_layer.used_bytes;
      auto [log_bytes, log_files] = size_of(container.log_path.substr(0, container.log_path.rfind('/')));
      one.set("rootfs", filesystem(arena, facts->paths.root, used, layer == layers.end() ? 0 : layer->second.writable_layer.inodes_used));
      one.set("logs", filesystem(arena, facts->paths.pod_logs, log_bytes, log_files));
      storage += used + log_bytes;
    }
    containers.push(one);
  }
  auto usage = cgroups_.usage(cgroup);
  out.set("cpu", cpu(arena, cgroup, usage.cpu_ns, started));
  out.set("memory", memory(arena, usage, usage.memory_limit.value_or(0)));
  if (only_cpu_and_memory) return out;
  if (!view.spec().host_network() && !known.runtime->sandboxes.empty()) {
    auto processes = read_file(concat(cgroups_.path_of("pids", concat(cgroup, "/", known.runtime->sandboxes.front().id)), "/cgroup.procs"), 4096).value_or("");
    auto first = processes.substr(0, processes.find('\n'));
    if (!first.empty()) out.set("network", network(arena, interfaces_of(concat("/proc/", first, "/net/dev"))));
  }
  auto volumes = out.ensure_list("volume");
  for (auto volume : view.spec().volumes()) {
    auto used = volumes_.usage(view, volume.name());
    if (!used) continue;
    auto one = Value::object(arena);
    one.set("time", time_text(arena, clock_.now_us()));
    put(one, "availableBytes", used->available_bytes), put(one, "capacityBytes", used->capacity_bytes), put(one, "usedBytes", used->used_bytes);
    put(one, "inodesFree", used->inodes_free), put(one, "inodes", used->inodes), put(one, "inodesUsed", used->inodes_used);
    one.set("name", arena.copy(volume.name()));
    if (!used->claim_name.empty()) {
      one.ensure_object("pvcRef").set("name", arena.copy(used->claim_name));
      one.ensure_object("pvcRef").set("namespace", arena.copy(used->claim_namespace));
    }
    if (volume.has_empty_dir() && volume.empty_dir().medium().empty()) storage += used->used_bytes;
    volumes.push(one);
  }
  out.set("ephemeral-storage", filesystem(arena, facts->paths.root, storage, 0));
  if (usage.processes) put(out.ensure_object("process_stats"), "process_count", usage.processes);
  return out;
}

CgroupUsage Stats::of_pod(const core_v1::Pod& pod) { return cgroups_.usage(pod_cgroup(facts_()->cgroup_root, pod)); }

std::string Stats::summary(bool only_cpu_and_memory) {
  Arena arena;
  auto out = Value::object(arena);
  out.set("node", node(arena, only_cpu_and_memory));
  std::map<std::string, ContainerStats> layers;
  if (!only_cpu_and_memory)
    if (auto stats = runtime_.container_stats())
      for (auto& one : *stats) layers[one.id] = one;
  auto pods = out.ensure_list("pods");
  for (auto& known : pods_())
    if (known.runtime->any_running()) pods.push(pod(arena, known, layers, only_cpu_and_memory));
  std::string text;
  schema::write_json(text, out);
  return text;
}

std::string Stats::resource_metrics() {
  auto facts = facts_();
  auto now_ms = clock_.now_us() / 1000;
  struct Family {
    std::string_view name, help;
    MetricKind kind;
    std::string lines;
  } families[] = {
      {"container_cpu_usage_seconds_total", "[STABLE] Cumulative cpu time consumed by the container in core-seconds", MetricKind::Counter, ""},
      {"container_memory_working_set_bytes", "[STABLE] Current working set of the container in bytes", MetricKind::Gauge, ""},
      {"container_start_time_seconds", "[STABLE] Start time of the container since unix epoch in seconds", MetricKind::Gauge, ""},
      {"node_cpu_usage_seconds_total", "[STABLE] Cumulative cpu time consumed by the node in core-seconds", MetricKind::Counter, ""},
      {"node_memory_working_set_bytes", "[STABLE] Current working set of the node in bytes", MetricKind::Gauge, ""},
      {"pod_cpu_usage_seconds_total", "[STABLE] Cumulative cpu time consumed by the pod in core-seconds", MetricKind::Counter, ""},
      {"pod_memory_working_set_bytes", "[STABLE] Current working set of the pod in bytes", MetricKind::Gauge, ""},
  };
  auto add = [&](size_t index, const std::string& labels, double value) {
    append(families[index].lines, families[index].name, labels, " ", metric_number(value), " ", now_ms, "\n");
  };
  auto seconds = [](uint64_t ns) { return static_cast<double>(ns) / 1e9; };
  add(3, "", seconds(cpu_ns_now()));
  add(4, "", static_cast<double>(memory_now(cgroup_mount_, cgroups_.is_v2()).working_set));
  for (auto& known : pods_()) {
    if (!known.runtime->any_running()) continue;
    auto view = known.pod->as<core_v1::Pod>();
    auto cgroup = pod_cgroup(facts->cgroup_root, view);
    auto of_pod = concat("namespace=", quoted(view.metadata().namespace_()), ",pod=", quoted(view.metadata().name()), "}");
    auto usage = cgroups_.usage(cgroup);
    if (usage.cpu_ns) add(5, concat("{", of_pod), seconds(*usage.cpu_ns));
    if (usage.working_set) add(6, concat("{", of_pod), static_cast<double>(*usage.working_set));
    for (auto& container : known.runtime->containers) {
      if (container.state != ContainerState::Running) continue;
      auto own = cgroups_.usage(concat(cgroup, "/", container.id));
      auto labels = concat("{container=", quoted(container.name), ",", of_pod);
      if (own.cpu_ns) add(0, labels, seconds(*own.cpu_ns));
      if (own.working_set) add(1, labels, static_cast<double>(*own.working_set));
      add(2, labels, static_cast<double>(container.started_at) / 1e9);
    }
  }
  std::string out;
  for (auto& family : families) {
    write_metric_head(out, family.name, family.help, family.kind);
    out += family.lines;
  }
  write_metric_head(out, "resource_scrape_error", "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise", MetricKind::Gauge);
  out += "resource_scrape_error 0\n";
  return out;
}

}  // namespace sampan::kubelet
