// See eviction.h.
#include "kubelet/eviction.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::kubelet {

using schema::Quantity;

namespace {

bool below(uint64_t available, uint64_t capacity, int percent) { return capacity > 0 && available * 100 < capacity * static_cast<uint64_t>(percent); }

int64_t requested(const core_v1::Pod& pod, Scarce what) {
  auto requests = requests_of(pod);
  auto at = requests.find(what == Scarce::Memory ? "memory" : "ephemeral-storage");
  return at == requests.end() ? 0 : at->second.value();
}

std::string_view resource_of(Scarce what) {
  return what == Scarce::Memory ? "memory" : what == Scarce::Inodes ? "inodes" : what == Scarce::Processes ? "pids" : "ephemeral-storage";
}

std::string bytes(uint64_t number) { return Quantity(static_cast<int64_t>(number), Quantity::Format::BinarySi).text(); }

}  // namespace

Scarce scarce(const Measured& m, const EvictionOptions& options) {
  if (m.memory_available < options.memory_bytes) return Scarce::Memory;
  if (m.processes.max > 0 && m.processes.max - m.processes.running < m.processes.max / 100) return Scarce::Processes;
  if (below(m.node_disk.available, m.node_disk.capacity, options.node_disk_percent)) return Scarce::NodeDisk;
  if (below(m.image_disk.available, m.image_disk.capacity, options.image_disk_percent)) return Scarce::ImageDisk;
  if (below(m.node_disk.inodes_free, m.node_disk.inodes, options.inodes_percent)) return Scarce::Inodes;
  return Scarce::None;
}

std::vector<Candidate> rank(std::vector<Candidate> candidates, Scarce what) {
  std::erase_if(candidates, [](auto& one) { return is_critical(one.pod->template as<core_v1::Pod>()); });
  auto above = [&](const Candidate& one) { return static_cast<int64_t>(one.used) - requested(one.pod->as<core_v1::Pod>(), what); };
  std::ranges::stable_sort(candidates, [&](auto& a, auto& b) {
    auto key = [&](const Candidate& one) { return std::tuple(above(one) <= 0, one.pod->as<core_v1::Pod>().spec().priority().value_or(0), -above(one)); };
    return key(a) < key(b);
  });
  return candidates;
}

std::string eviction_message(const Candidate& chosen, Scarce what, const Measured& m, const EvictionOptions& options) {
  auto resource = resource_of(what);
  auto out = concat("The node was low on resource: ", resource, ".");
  if (what == Scarce::Memory)
    append(out, " Threshold quantity: ", bytes(options.memory_bytes), ", available: ", bytes(m.memory_available), ".");
  else if (what == Scarce::NodeDisk || what == Scarce::ImageDisk) {
    auto& disk = what == Scarce::NodeDisk ? m.node_disk : m.image_disk;
    auto percent = what == Scarce::NodeDisk ? options.node_disk_percent : options.image_disk_percent;
    auto threshold = static_cast<double>(disk.capacity) * static_cast<double>(static_cast<float>(percent) / 100);  // as exact as upstream's
    append(out, " Threshold quantity: ", bytes(static_cast<uint64_t>(threshold)), ", available: ", bytes(disk.available), ".");
  }
  if (what == Scarce::Inodes || what == Scarce::Processes) return out + " ";
  auto pod = chosen.pod->as<core_v1::Pod>();
  for (auto container : pod.spec().containers()) {
    auto request = quantities(container.resources().requests());
    auto asked = request.find(resource);
    // Which of several it was is known for memory alone.
    if (pod.spec().containers().size() == 1)
      append(out, " Container ", container.name(), " was using ", bytes(chosen.used), ", request is ", asked == request.end() ? "0" : asked->second.text(), ", has larger consumption of ", resource, ".");
  }
  return out + " ";
}

}  // namespace sampan::kubelet
