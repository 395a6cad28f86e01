// See machine.h.
#include "kubelet/machine.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "kubelet/files.h"

namespace sampan::kubelet {

namespace {

std::string line_of(const std::string& path) {
  auto text = read_file(path, 4096).value_or("");
  return std::string(trim(std::string_view(text).substr(0, text.find('\n'))));
}

// "Key:   123 kB" lines.
uint64_t kilobytes(std::string_view text, std::string_view key) {
  for (auto line : split(text, '\n')) {
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') continue;
    auto rest = trim(line.substr(key.size() + 1));
    uint64_t number = 0;
    if (parse_int(rest.substr(0, rest.find(' ')), number)) return number * 1024;
  }
  return 0;
}

std::string pretty_name() {
  auto text = read_file("/etc/os-release", 16384).value_or("");
  for (auto line : split(text, '\n'))
    if (line.starts_with("PRETTY_NAME=")) {
      auto name = line.substr(12);
      if (name.size() >= 2 && name.front() == '"') name = name.substr(1, name.size() - 2);
      return std::string(name);
    }
  return "Linux";
}

// Sizes in kB as the kernel's folders name them: hugepages-2048kB.
std::map<std::string, int64_t> huge_pages() {
  std::map<std::string, int64_t> out;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/sys/kernel/mm/hugepages"), ::closedir);
  while (folder) {
    auto entry = ::readdir(folder.get());
    if (!entry) break;
    std::string_view name = entry->d_name;
    int64_t size = 0, count = 0;
    if (!name.starts_with("hugepages-") || !name.ends_with("kB") || !parse_int(name.substr(10, name.size() - 12), size)) continue;
    (void)parse_int(std::string_view(line_of(concat("/sys/kernel/mm/hugepages/", name, "/nr_hugepages"))), count);
    out[schema::Quantity(size * 1024, schema::Quantity::Format::BinarySi).text()] = size * 1024 * count;
  }
  return out;
}

}  // namespace

Machine read_machine() {
  Machine out;
  out.cpus = std::max<int64_t>(::sysconf(_SC_NPROCESSORS_ONLN), 1);
  auto memory = read_file("/proc/meminfo", 65536).value_or("");
  out.memory = static_cast<int64_t>(kilobytes(memory, "MemTotal"));
  out.swap = static_cast<int64_t>(kilobytes(memory, "SwapTotal"));
  out.huge_pages = huge_pages();
  out.machine_id = line_of("/etc/machine-id");
  out.system_uuid = line_of("/sys/class/dmi/id/product_uuid");
  if (out.system_uuid.empty()) out.system_uuid = out.machine_id;
  out.boot_id = line_of("/proc/sys/kernel/random/boot_id");
  utsname names;
  if (::uname(&names) == 0) {
    out.kernel_version = names.release;
    std::string_view machine = names.machine;
    out.architecture = machine == "x86_64" ? "amd64" : machine == "aarch64" ? "arm64" : std::string(machine);
  }
  out.os_image = pretty_name();
  auto stat = read_file("/proc/stat", 1 << 20).value_or("");
  for (auto line : split(stat, '\n'))
    if (line.starts_with("btime ")) (void)parse_int(trim(line.substr(6)), out.booted_at);
  return out;
}

std::optional<Space> space_of(const std::string& path) {
  struct statvfs info;
  if (::statvfs(path.c_str(), &info) != 0) return {};
  Space out;
  out.capacity = info.f_blocks * info.f_frsize, out.available = info.f_bavail * info.f_frsize;
  out.inodes = info.f_files, out.inodes_free = info.f_ffree;
  return out;
}

MemoryNow memory_now(const std::string& cgroup_mount, bool cgroup_v2) {
  MemoryNow out;
  auto text = read_file("/proc/meminfo", 65536).value_or("");
  out.total = kilobytes(text, "MemTotal");
  out.usage = out.total - std::min(out.total, kilobytes(text, "MemFree"));
  out.rss = kilobytes(text, "AnonPages");
  // What cannot be given back at once, as the root cgroup counts it.
  auto inactive = kilobytes(text, "Inactive(file)");
  out.working_set = out.usage - std::min(out.usage, inactive);
  if (!cgroup_v2) {
    auto usage = read_file(cgroup_mount + "/memory/memory.usage_in_bytes", 64).value_or("");
    uint64_t number = 0;
    if (parse_int(trim(usage), number) && number <= out.total) {
      out.usage = number;
      out.working_set = number - std::min(number, inactive);
    }
  }
  out.available = out.total - std::min(out.total, out.working_set);
  return out;
}

uint64_t cpu_ns_now() {
  auto text = read_file("/proc/stat", 4096).value_or("");
  auto line = std::string_view(text).substr(0, text.find('\n'));
  static const uint64_t tick_ns = 1'000'000'000 / static_cast<uint64_t>(std::max<int64_t>(::sysconf(_SC_CLK_TCK), 1));
  uint64_t ticks = 0;
  int column = 0;
  for (auto word : split(line, ' ')) {
    uint64_t number = 0;
    if (!parse_int(word, number)) continue;
    // user nice system idle iowait irq softirq steal
    if (column != 3 && column != 4 && column < 8) ticks += number;
    column++;
  }
  return ticks * tick_ns;
}

ProcessesNow processes_now() {
  ProcessesNow out;
  auto load = line_of("/proc/loadavg");
  auto slash = load.find('/');
  if (slash != std::string::npos) {
    auto end = load.find(' ', slash);
    (void)parse_int(std::string_view(load).substr(slash + 1, end - slash - 1), out.running);
  }
  (void)parse_int(std::string_view(line_of("/proc/sys/kernel/pid_max")), out.max);
  int64_t threads = 0;
  if (parse_int(std::string_view(line_of("/proc/sys/kernel/threads-max")), threads) && threads > 0) out.max = std::min(out.max, threads);
  return out;
}

std::vector<std::string> find_addresses() {
  // The interface of the default route.
  std::string device;
  for (auto line : split(read_file("/proc/net/route", 65536).value_or(""), '\n')) {
    auto words = split(line, '\t');
    if (words.size() > 7 && words[1] == "00000000" && words[7] == "00000000") {
      device = words[0];
      break;
    }
  }
  std::vector<std::string> four, six, other;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  for (auto one = list; one; one = one->ifa_next) {
    if (!one->ifa_addr || !(one->ifa_flags & IFF_UP) || (one->ifa_flags & IFF_LOOPBACK)) continue;
    char text[INET6_ADDRSTRLEN] = {};
    if (one->ifa_addr->sa_family == AF_INET) {
      ::inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(one->ifa_addr)->sin_addr, text, sizeof text);
      (device == one->ifa_name ? four : other).emplace_back(text);
    } else if (one->ifa_addr->sa_family == AF_INET6 && device == one->ifa_name) {
      auto& address = reinterpret_cast<sockaddr_in6*>(one->ifa_addr)->sin6_addr;
      if (IN6_IS_ADDR_LINKLOCAL(&address)) continue;
      ::inet_ntop(AF_INET6, &address, text, sizeof text);
      six.emplace_back(text);
    }
  }
  ::freeifaddrs(list);
  if (!four.empty()) return {four[0]};
  if (!other.empty()) return {other[0]};
  if (!six.empty()) return {six[0]};
  return {};
}

std::vector<InterfaceUsage> interfaces_of(const std::string& proc_net_dev) {
  std::vector<InterfaceUsage> out;
  for (auto line : split(read_file(proc_net_dev, 1 << 20).value_or(""), '\n')) {
    auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    InterfaceUsage one;
    one.name = trim(line.substr(0, colon));
    if (one.name == "lo") continue;
    std::vector<uint64_t> numbers;
    for (auto word : split(line.substr(colon + 1), ' ')) {
      uint64_t number = 0;
      if (parse_int(word, number)) numbers.push_back(number);
    }
    if (numbers.size() < 11) continue;
    one.rx_bytes = numbers[0], one.rx_errors = numbers[2], one.tx_bytes = numbers[8], one.tx_errors = numbers[10];
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace sampan::kubelet
