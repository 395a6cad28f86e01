#include "scheduler/amounts.h"

#include "base/held.h"
#include "base/names.h"
#include "base/text.h"
#include "schema/quantity.h"

namespace sampan::scheduler {

namespace {

int64_t* find_scalar(std::vector<std::pair<std::string, int64_t>>& scalars, std::string_view name, bool make) {
  auto at = std::lower_bound(scalars.begin(), scalars.end(), name, [](auto& entry, std::string_view key) { return entry.first < key; });
  if (at != scalars.end() && at->first == name) return &at->second;
  if (!make) return nullptr;
  return &scalars.emplace(at, std::string(name), 0)->second;
}

// A list of named numbers while a pod's containers are added up. That a resource is named with zero differs from its not being named.
using Sums = std::map<std::string_view, int64_t>;

int64_t number_of(std::string_view resource, std::string_view quantity) {
  auto parsed = schema::Quantity::stored(quantity);
  return resource == "cpu" ? parsed.milli_value() : parsed.value();
}

void read(Sums& sums, const QuantityMap& quantities) {
  for (auto entry : quantities) sums[entry.key] = number_of(entry.key, entry.value);
}

void add(Sums& sums, const Sums& more) {
  for (auto& [name, number] : more) {
    auto& sum = sums[name];
    sum = add_held(sum, number);
  }
}

void raise(Sums& sums, const Sums& to) {
  for (auto& [name, number] : to) {
    auto [at, fresh] = sums.emplace(name, number);
    if (!fresh) at->second = std::max(at->second, number);
  }
}

bool resize_is_infeasible(const core_v1::Pod& pod) {
  for (auto condition : pod.status().conditions())
    if (condition.type() == "PodResizePending") return condition.reason() == "Infeasible";
  return false;
}

const core_v1::ContainerStatus* status_of(std::string_view name, const schema::ListView<core_v1::ContainerStatus>& statuses,
                                          core_v1::ContainerStatus& found) {
  for (auto status : statuses)
    if (status.name() == name) {
      found = status;
      return &found;
    }
  return nullptr;
}

class Adder {
 public:
  Adder(const core_v1::Pod& pod, bool fill_missing) : pod_(pod), fill_(fill_missing) {}

  Sums total() {
    for (auto container : pod_.spec().containers()) add(total_, of(container, pod_.status().container_statuses()));
    Sums sidecars, largest;
    for (auto container : pod_.spec().init_containers()) {
      bool sidecar = container.restart_policy() == "Always";
      auto sums = of(container, sidecar ? pod_.status().init_container_statuses() : schema::ListView<core_v1::ContainerStatus>());
      if (sidecar) {
        add(total_, sums);
        add(sidecars, sums);
        raise(largest, sidecars);
      } else {
        add(sums, sidecars);
        raise(largest, sums);
      }
    }
    raise(total_, largest);
    for (auto entry : pod_.spec().resources().requests())
      if (is_of_pods(entry.key)) total_[entry.key] = number_of(entry.key, entry.value);
    Sums overhead;
    read(overhead, pod_.spec().overhead());
    add(total_, overhead);
    return std::move(total_);
  }

 private:
  // Which resources a pod may ask for as a whole.
  static bool is_of_pods(std::string_view name) { return name == "cpu" || name == "memory" || name.starts_with("hugepages-"); }

  Sums of(const core_v1::Container& container, const schema::ListView<core_v1::ContainerStatus>& statuses) const {
    Sums sums;
    core_v1::ContainerStatus found;
    auto* status = status_of(container.name(), statuses, found);
    bool resized = status && status->has_resources();
    if (!resized || !resize_is_infeasible(pod_)) read(sums, container.resources().requests());
    if (resized) {
      Sums other;
      read(other, status->resources().requests());
      raise(sums, other);
      other.clear();
      read(other, status->allocated_resources());
      raise(sums, other);
    }
    if (fill_) {
      sums.emplace("cpu", kDefaultMilliCpu);
      sums.emplace("memory", kDefaultMemory);
    }
    return sums;
  }

  const core_v1::Pod& pod_;
  const bool fill_;
  Sums total_;
};

Amounts frozen(const Sums& sums) {
  Amounts out;
  for (auto& [name, number] : sums) {
    if (name == "cpu") out.milli_cpu = number;
    else if (name == "memory") out.memory = number;
    else if (name == "pods") out.pods = number;
    else if (name == "ephemeral-storage") out.ephemeral_storage = number;
    else if (is_scalar_resource(name)) *find_scalar(out.scalars, name, true) = number;
  }
  return out;
}

}  // namespace

void Amounts::combine(const Amounts& other, int64_t sign) {
  auto combine = [sign](int64_t& into, int64_t number) { sign > 0 ? add_around(into, number) : subtract_around(into, number); };
  combine(milli_cpu, other.milli_cpu);
  combine(memory, other.memory);
  combine(ephemeral_storage, other.ephemeral_storage);
  for (auto& [name, number] : other.scalars) combine(*find_scalar(scalars, name, true), number);
}

int64_t Amounts::scalar(std::string_view name) const {
  for (auto& [key, number] : scalars)
    if (key == name) return number;
  return 0;
}

bool Amounts::has_scalar(std::string_view name) const {
  for (auto& [key, number] : scalars)
    if (key == name) return true;
  return false;
}

int64_t Amounts::of(std::string_view resource) const {
  if (resource == "cpu") return milli_cpu;
  if (resource == "memory") return memory;
  if (resource == "ephemeral-storage") return ephemeral_storage;
  if (resource == "pods") return pods;
  return scalar(resource);
}

Amounts amounts_of(const QuantityMap& quantities) {
  Sums sums;
  read(sums, quantities);
  return frozen(sums);
}

PodAmounts amounts_of(const core_v1::Pod& pod) {
  PodAmounts out;
  out.requests = frozen(Adder(pod, false).total());
  auto filled = Adder(pod, true).total();
  out.nonzero_milli_cpu = filled["cpu"];
  out.nonzero_memory = filled["memory"];
  return out;
}

bool is_extended_resource(std::string_view name) {
  bool native = name.find('/') == std::string_view::npos || name.find("kubernetes.io/") != std::string_view::npos;
  if (native || name.starts_with("requests.")) return false;
  Complaints complaints;
  check_qualified_name(concat("requests.", name), complaints);
  return complaints.empty();
}

bool is_scalar_resource(std::string_view name) {
  return name.starts_with("hugepages-") || name.starts_with("attachable-volumes-") || name.find("kubernetes.io/") != std::string_view::npos ||
         is_extended_resource(name);
}

}  // namespace sampan::scheduler
