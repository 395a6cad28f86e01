// See cgroups.h.
#include "kubelet/cgroups.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "base/text.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

constexpr std::string_view kClasses[] = {"", "/burstable", "/besteffort"};

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  while (folder) {
    auto entry = ::readdir(folder.get());
    if (!entry) break;
    std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") out.emplace_back(name);
  }
  return out;
}

// A control file takes one write and keeps nothing; there is no temporary beside it.
Result<void> put(const std::string& path, std::string_view text) {
  int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  bool written = file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  auto error = written ? std::string() : error_text("write", path);
  if (file >= 0) ::close(file);
  if (!written) return fail(failure(std::move(error)));
  return {};
}

std::optional<uint64_t> number_in(const std::string& path) {
  auto text = read_file(path, 64);
  uint64_t number = 0;
  if (!text || !parse_int(trim(*text), number)) return {};
  return number;
}

// "key value" lines.
std::optional<uint64_t> line_in(std::string_view text, std::string_view key) {
  for (auto line : split(text, '\n')) {
    uint64_t number = 0;
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ' ' && parse_int(trim(line.substr(key.size())), number)) return number;
  }
  return {};
}

// From the scale of version 1 to that of version 2, as runtimes do.
int64_t weight_of(int64_t shares) { return 1 + (std::max<int64_t>(shares, 2) - 2) * 9999 / 262142; }

bool remove_folders(const std::string& path) {
  for (auto& name : folders_in(path)) remove_folders(concat(path, "/", name));
  return ::rmdir(path.c_str()) == 0 || errno == ENOENT;
}

}  // namespace

Cgroups::Cgroups(std::string mount, std::string root)
    : mount_(std::move(mount)), root_(std::move(root)), v2_(exists(mount_ + "/cgroup.controllers")) {
  // Beside controllers of version 1 the hierarchy of version 2 may be mounted, and runtimes put containers there as well.
  for (auto name : {"cpu", "cpuacct", "cpuset", "memory", "pids", "blkio", "devices", "freezer", "net_cls", "net_prio", "perf_event", "hugetlb", "systemd", "unified"})
    if (!v2_ && exists(concat(mount_, "/", name))) controllers_.emplace_back(name);
}

std::string Cgroups::path_of(const std::string& controller, const std::string& path) const {
  return v2_ ? mount_ + path : concat(mount_, "/", controller, path);
}

Result<void> Cgroups::make(const std::string& path) {
  if (v2_) {
    // Each folder on the way passes the controllers on to the next.
    for (size_t at = 0; at != std::string::npos;) {
      auto above = mount_ + path.substr(0, at);
      if (auto known = read_file(above + "/cgroup.controllers"))
        for (auto controller : split(trim(*known), ' '))
          if (!controller.empty()) (void)put(above + "/cgroup.subtree_control", concat("+", controller));
      at = path.find('/', at + 1);
      auto folder = mount_ + path.substr(0, at);
      if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return fail(failure(error_text("mkdir", folder)));
    }
    return {};
  }
  for (std::string controller : {"cpu", "cpuacct", "memory", "pids"})
    if (exists(concat(mount_, "/", controller))) TRY(make_folders(path_of(controller, path)));
  return {};
}

Result<void> Cgroups::limit(const std::string& path, const Resources& resources) {
  auto cpu = path_of("cpu", path), memory = path_of("memory", path);
  if (v2_) {
    if (resources.cpu_shares) TRY(put(cpu + "/cpu.weight", concat(weight_of(resources.cpu_shares))));
    if (resources.cpu_period) TRY(put(cpu + "/cpu.max", resources.cpu_quota > 0 ? concat(resources.cpu_quota, " ", resources.cpu_period) : concat("max ", resources.cpu_period)));
    if (resources.memory_limit) TRY(put(memory + "/memory.max", concat(resources.memory_limit)));
    return {};
  }
  if (resources.cpu_shares) TRY(put(cpu + "/cpu.shares", concat(resources.cpu_shares)));
  if (resources.cpu_period && exists(cpu + "/cpu.cfs_quota_us")) {
    TRY(put(cpu + "/cpu.cfs_period_us", concat(resources.cpu_period)));
    TRY(put(cpu + "/cpu.cfs_quota_us", concat(resources.cpu_quota > 0 ? resources.cpu_quota : -1)));
  }
  if (resources.memory_limit) TRY(put(memory + "/memory.limit_in_bytes", concat(resources.memory_limit)));
  return {};
}

Result<void> Cgroups::prepare(const Quantities& allocatable) {
  for (auto name : kClasses) TRY(make(concat(root_, "/kubepods", name)));
  Resources all;
  if (auto cpu = allocatable.find("cpu"); cpu != allocatable.end()) all.cpu_shares = cpu_shares(cpu->second.milli_value());
  if (auto memory = allocatable.find("memory"); memory != allocatable.end()) all.memory_limit = memory->second.value();
  TRY(limit(root_ + "/kubepods", all));
  Resources least;
  least.cpu_shares = cpu_shares(0);
  return limit(root_ + "/kubepods/besteffort", least);
}

void Cgroups::set_burstable_shares(int64_t shares) {
  Resources resources;
  resources.cpu_shares = shares;
  (void)limit(root_ + "/kubepods/burstable", resources);
}

Result<void> Cgroups::create(const std::string& path, const Resources& resources) {
  TRY(make(path));
  return limit(path, resources);
}

Result<void> Cgroups::remove(const std::string& path) {
  if (v2_) {
    if (!remove_folders(mount_ + path)) return fail(failure(error_text("rmdir", mount_ + path)));
    return {};
  }
  for (auto& controller : controllers_)
    if (auto folder = path_of(controller, path); !remove_folders(folder)) return fail(failure(error_text("rmdir", folder)));
  return {};
}

std::vector<std::string> Cgroups::pods() const {
  std::set<std::string> out;
  for (auto name : kClasses)
    for (auto& controller : v2_ ? std::vector<std::string>{""} : controllers_)
      for (auto& folder : folders_in(path_of(controller, concat(root_, "/kubepods", name))))
        if (folder.starts_with("pod")) out.insert(folder.substr(3));
  return {out.begin(), out.end()};
}

CgroupUsage Cgroups::usage(const std::string& path) const {
  CgroupUsage out;
  auto memory = path_of("memory", path);
  auto stat = read_file(memory + "/memory.stat").value_or("");
  std::optional<uint64_t> inactive;
  if (v2_) {
    auto cpu = read_file(path_of("cpu", path) + "/cpu.stat").value_or("");
    if (auto us = line_in(cpu, "usage_usec")) out.cpu_ns = *us * 1000;
    out.memory = number_in(memory + "/memory.current");
    out.rss = line_in(stat, "anon");
    inactive = line_in(stat, "inactive_file");
    out.memory_limit = number_in(memory + "/memory.max");
    out.page_faults = line_in(stat, "pgfault"), out.major_page_faults = line_in(stat, "pgmajfault");
  } else {
    out.cpu_ns = number_in(path_of("cpuacct", path) + "/cpuacct.usage");
    out.memory = number_in(memory + "/memory.usage_in_bytes");
    out.rss = line_in(stat, "total_rss");
    inactive = line_in(stat, "total_inactive_file");
    out.memory_limit = number_in(memory + "/memory.limit_in_bytes");
    if (out.memory_limit && *out.memory_limit > (uint64_t{1} << 60)) out.memory_limit.reset();
    out.page_faults = line_in(stat, "total_pgfault"), out.major_page_faults = line_in(stat, "total_pgmajfault");
  }
  if (out.memory) out.working_set = *out.memory - std::min(*out.memory, inactive.value_or(0));
  out.processes = number_in(path_of("pids", path) + "/pids.current");
  return out;
}

}  // namespace sampan::kubelet
