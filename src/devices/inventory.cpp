#include "devices/inventory.h"

#include <set>

#include "base/text.h"

namespace sampan::devices {

namespace {

bool is_set(const AnyView& truth) { return truth.present() && truth.as_bool(); }

// A node's slice of a new generation takes the place of the older ones.
void add_newest(std::vector<const Slice*>& slices, const Slice* slice) {
  if (!slices.empty() && slice->generation < slices[0]->generation) return;
  if (!slices.empty() && slice->generation > slices[0]->generation) slices.clear();
  slices.push_back(slice);
}

bool is_relevant(const Slice& slice, const Node& node) {
  if (slice.has_counters) return true;  // without them the pool cannot be used
  if (!slice.each_device) return is_for(slice.spec, node);
  return std::any_of(slice.devices.begin(), slice.devices.end(), [&](auto& device) { return is_for(device.view, node); });
}

bool counters_exist(const Pool& pool, const std::vector<const Device*>& devices) {
  for (auto* device : devices) {
    auto consumptions = device->view["consumesCounters"];
    for (uint32_t i = 0; i < consumptions.size(); i++) {
      auto set = pool.counters.find(consumptions.item(i)["counterSet"].as_string());
      if (set == pool.counters.end()) return false;
      auto consumed = consumptions.item(i)["counters"];
      for (uint32_t j = 0; j < consumed.size(); j++)
        if (!set->second[consumed.key(j)].present()) return false;
    }
  }
  return true;
}

// False: a set of counters is there twice.
bool add_counters(Pool& pool, const Slice& slice) {
  auto sets = slice.spec["sharedCounters"];
  for (uint32_t i = 0; i < sets.size(); i++)
    if (!pool.counters.emplace(sets.item(i)["name"].as_string(), sets.item(i)["counters"]).second) return false;
  return true;
}

void fill(Pool& pool, std::vector<const Slice*> slices, const std::vector<const Slice*>& all) {
  // By name, so that whoever names slices says what is given away first.
  std::sort(slices.begin(), slices.end(), [](auto* a, auto* b) { return a->name < b->name; });
  std::set<std::string_view> names;
  for (auto* slice : slices) {
    if (slice->has_counters && !add_counters(pool, *slice)) pool.invalid = true;
    for (auto& device : slice->devices) {
      if (!names.insert(device.view["name"].as_string()).second) pool.invalid = true;
      pool.devices.push_back(&device);
    }
  }
  for (auto* slice : all)
    if (std::find(slices.begin(), slices.end(), slice) == slices.end())
      for (auto& device : slice->devices) pool.others.push_back(&device);
  if (!counters_exist(pool, pool.devices) || !counters_exist(pool, pool.others)) pool.invalid = true;
  if (!pool.invalid) return;
  pool.devices.clear();
  pool.others.clear();
}

bool has_binding_conditions(const Pool& pool) {
  return std::any_of(pool.devices.begin(), pool.devices.end(), [](auto* device) { return device->view["bindingConditions"].present(); });
}

}  // namespace

bool is_for(const AnyView& where, const Node& node) {
  if (auto name = where["nodeName"].as_string(); !name.empty()) return name == node.name;
  if (is_set(where["allNodes"])) return true;
  auto selector = where["nodeSelector"];
  return selector.present() && node.matches(selector);
}

Inventory::Inventory(std::vector<ObjectRef> objects) : objects_(std::move(objects)) {
  for (auto& object : objects_) {
    auto slice = std::make_unique<Slice>();
    auto spec = (*object)["spec"], pool = spec["pool"];
    slice->object = object;
    slice->spec = spec;
    slice->name = (*object)["metadata"]["name"].as_string();
    slice->driver = spec["driver"].as_string();
    slice->pool = pool["name"].as_string();
    slice->generation = pool["generation"].present() ? pool["generation"].as_int() : 0;
    slice->count = pool["resourceSliceCount"].present() ? pool["resourceSliceCount"].as_int() : 0;
    slice->has_counters = spec["sharedCounters"].size() > 0;
    slice->each_device = is_set(spec["perDeviceNodeSelection"]);
    auto devices = spec["devices"];
    for (uint32_t i = 0; i < devices.size(); i++)
      slice->devices.push_back({devices.item(i), concat(slice->driver, "/", slice->pool, "/", devices.item(i)["name"].as_string()), slice.get()});
    auto node = spec["nodeName"].as_string();
    (node.empty() || slice->has_counters ? shared_ : on_node_[node]).push_back(slice.get());
    by_pool_[{slice->driver, slice->pool}].push_back(slice.get());
    slices_.push_back(std::move(slice));
  }
}

std::vector<Pool> Inventory::pools_for(const Node& node) const {
  std::map<PoolId, Slices> found;
  auto look = [&](const Slices& slices) {
    for (auto* slice : slices)
      if (is_relevant(*slice, node)) add_newest(found[{slice->driver, slice->pool}], slice);
  };
  if (auto own = on_node_.find(node.name); own != on_node_.end()) look(own->second);
  look(shared_);
  std::vector<Pool> pools, last;
  for (auto& [id, slices] : found) {
    Pool pool{.driver = id.first, .name = id.second, .devices = {}, .others = {}, .counters = {}};
    Slices all;
    auto missing = [&](const Slices& of) { return static_cast<int64_t>(of.size()) != slices[0]->count; };
    if (missing(slices)) {
      // Slices for other nodes count, too, and may say that what this node sees is out of date.
      bool outdated = false;
      for (auto* slice : by_pool_.find(id)->second) {
        outdated |= slice->generation > slices[0]->generation;
        if (slice->generation == slices[0]->generation) all.push_back(slice);
      }
      if (outdated) continue;
      pool.incomplete = missing(all);
    }
    if (!pool.incomplete) fill(pool, slices, all);
    // Devices that must be made ready first are given away last.
    (has_binding_conditions(pool) ? last : pools).push_back(std::move(pool));
  }
  for (auto& pool : last) pools.push_back(std::move(pool));
  return pools;
}

}  // namespace sampan::devices
