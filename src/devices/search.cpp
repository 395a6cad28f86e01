#include "devices/search.h"

#include "base/uuid.h"
#include "base/text.h"

namespace sampan::devices {

namespace {

bool is_set(const AnyView& truth) { return truth.present() && truth.as_bool(); }

bool tolerates(const AnyView& toleration, const AnyView& taint) {
  auto effect = toleration["effect"].as_string(), key = toleration["key"].as_string(), op = toleration["operator"].as_string();
  if (!effect.empty() && effect != taint["effect"].as_string()) return false;
  if (!key.empty() && key != taint["key"].as_string()) return false;
  if (op == "Exists") return true;
  return (op.empty() || op == "Equal") && toleration["value"].as_string() == taint["value"].as_string();
}

bool is_kept_away(const AnyView& device, const AnyView& tolerations) {
  auto taints = device["taints"];
  for (uint32_t i = 0; i < taints.size(); i++) {
    auto taint = taints.item(i);
    if (auto effect = taint["effect"].as_string(); effect != "NoSchedule" && effect != "NoExecute") continue;
    bool tolerated = false;
    for (uint32_t j = 0; j < tolerations.size(); j++) tolerated |= tolerates(tolerations.item(j), taint);
    if (!tolerated) return true;
  }
  return false;
}

template <class Visit>
void each_counter(const Device& device, Visit&& visit) {
  auto consumptions = device.view["consumesCounters"];
  for (uint32_t i = 0; i < consumptions.size(); i++) {
    auto set = consumptions.item(i)["counterSet"].as_string();
    auto counters = consumptions.item(i)["counters"];
    for (uint32_t j = 0; j < counters.size(); j++)
      visit(std::pair(set, counters.key(j)), Quantity::stored(counters.value(j)["value"].as_string()));
  }
}

}  // namespace

Outcome Search::run(const std::vector<ObjectRef>& claims) {
  Outcome outcome;
  deadline_us_ = market_.time_max_us > 0 ? market_.clock.monotonic_us() + market_.time_max_us : 0;
  pools_ = market_.inventory.pools_for(node_);
  claims_.reserve(claims.size());
  auto step = Step::Found;
  for (auto& claim : claims)
    if (!read(claim)) step = Step::Failed;
  if (step == Step::Found) step = next({}, false, {});
  outcome.error = std::move(error_);
  outcome.timed_out = timed_out_;
  outcome.found = step == Step::Found;
  if (!outcome.found && outcome.error.empty() && std::any_of(pools_.begin(), pools_.end(), [](auto& pool) { return pool.invalid; })) {
    outcome.error = "invalid resource pools were encountered";
    outcome.only_here = true;
  }
  if (!outcome.found) return outcome;
  for (auto& claimed : claims_) {
    Allocation allocation;
    configure(claimed, allocation);
    allocation.devices = std::move(claimed.given);
    outcome.allocations.push_back(std::move(allocation));
  }
  return outcome;
}

Search::Step Search::next(Place place, bool has_chosen, Start start) {
  constexpr size_t kStepsBetweenLooks = 128;
  if (deadline_us_ && ++steps_ % kStepsBetweenLooks == 0 && market_.clock.monotonic_us() >= deadline_us_) {
    timed_out_ = true;
    return Step::Failed;
  }
  if (place.claim == claims_.size()) return Step::Found;
  auto& claimed = claims_[place.claim];
  if (place.request == claimed.requests.size()) {
    auto step = next({.claim = place.claim + 1}, false, {});
    // That a later claim has too many devices may change with the choices of this one.
    return step == Step::TooMany ? Step::NotFound : step;
  }
  auto& request = claimed.requests[place.request];
  if (request.is_choice && !has_chosen) return choose(place, request);
  auto& wanted = request.choices[place.choice];
  if (wanted.all && wanted.all_devices.empty()) return Step::NotFound;
  if (place.device >= wanted.count) return next({.claim = place.claim, .request = place.request + 1}, false, {});
  if (claimed.given.size() + wanted.count - place.device > kDevicesOfClaimMax) return Step::TooMany;
  return wanted.all ? take_all(place, has_chosen, wanted) : take_any(place, has_chosen, wanted, start);
}

Search::Step Search::choose(Place place, Request& request) {
  bool always_too_many = true;
  for (place.choice = 0; place.choice < request.choices.size(); place.choice++) {
    auto step = next(place, true, {});
    if (step == Step::TooMany) continue;
    always_too_many = false;
    if (step == Step::Found) request.chosen = place.choice;
    if (step != Step::NotFound) return step;
  }
  return always_too_many ? Step::TooMany : Step::NotFound;
}

// In which order all of them are taken makes no difference.
Search::Step Search::take_all(Place place, bool has_chosen, Wanted& wanted) {
  auto [pool, device] = wanted.all_devices[place.device];
  Taken taken;
  if (auto step = take(place, *pool, *device, true, taken); step != Step::Found) return step;
  auto after = place;
  after.device++;
  auto step = next(after, has_chosen, {});
  if (step != Step::Found) give_back(place, *pool, *device, taken);
  return step;
}

// Further devices of a request come after the one before, so that no set of them is tried twice.
Search::Step Search::take_any(Place place, bool has_chosen, Wanted& wanted, Start start) {
  auto& claimed = claims_[place.claim];
  auto after = place;
  after.device++;
  for (size_t p = start.pool; p < pools_.size(); p++) {
    auto& pool = pools_[p];
    if (pool.incomplete) continue;
    for (size_t d = p == start.pool ? start.device : 0; d < pool.devices.size(); d++) {
      auto& device = *pool.devices[d];
      if (!wanted.admin && is_in_use(device)) continue;
      bool selectable = is_selectable(claimed, wanted, device);
      if (!error_.empty()) return Step::Failed;
      if (!selectable) continue;
      Taken taken;
      auto step = take(place, pool, device, false, taken);
      if (step == Step::Failed) return step;
      if (step != Step::Found) continue;
      step = next(after, has_chosen, {p, d + 1});
      if (step == Step::Found) return step;
      give_back(place, pool, device, taken);
      if (step != Step::NotFound) return step;
    }
  }
  return Step::NotFound;
}

Search::Step Search::take(const Place& place, Pool& pool, const Device& device, bool must, Taken& taken) {
  if (take_parts(place, pool, device, must, taken)) return Step::Found;
  give_back(place, pool, device, taken);
  return error_.empty() ? Step::NotFound : Step::Failed;
}

bool Search::take_parts(const Place& place, Pool& pool, const Device& device, bool must, Taken& taken) {
  auto& claimed = claims_[place.claim];
  auto& request = claimed.requests[place.request];
  auto& wanted = request.choices[place.choice];
  auto choice = request.is_choice ? wanted.name : std::string_view();
  bool is_shared = is_set(device.view["allowMultipleAllocations"]);
  if (wanted.admin && !is_shared)
    if (auto at = being_given_.find(device.id); at != being_given_.end() && at->second.contains(place.claim)) return false;
  if (!wanted.admin && is_in_use(device)) return false;
  // Who shares a device finds its counters taken by the first who did.
  bool counted = is_shared && (market_.allocated.capacity.contains(device.id) || being_shared_.contains(device.id));
  if (!counted && device.view["consumesCounters"].size() > 0) {
    if (!reserve_counters(pool, device)) return false;
    taken.counters = true;
  }
  if (is_kept_away(device.view, wanted.from["tolerations"])) return false;
  for (auto& constraint : claimed.constraints) {
    if (!constraint.add(request.name, choice, device)) {
      if (must)
        error_ = concat("claim ", claimed.key, ", request ", wanted.name, ": cannot add device ", device.id, " because a claim constraint would not be satisfied");
      return false;
    }
    taken.constraints++;
  }
  if (!is_shared) {
    being_given_[device.id].insert(place.claim);
    taken.marked = true;
  }
  if (!has_room(wanted, device)) return false;
  Given given{.request = request.is_choice ? concat(request.name, "/", wanted.name) : std::string(wanted.name),
              .device = &device,
              .tolerations = wanted.from["tolerations"],
              .admin = wanted.admin,
              .share_id = {},
              .taken = {}};
  if (is_shared) {
    given.share_id = new_uuid(market_.random);
    given.taken = taken_by(wanted.from["capacity"]["requests"], device.view);
    taken.shared_before = being_shared_.contains(device.id);
    taken.shared = true;
    add(being_shared_[device.id], given.taken);
  }
  claimed.given.push_back(std::move(given));
  taken.given = true;
  return true;
}

void Search::give_back(const Place& place, Pool& pool, const Device& device, const Taken& taken) {
  auto& claimed = claims_[place.claim];
  auto& request = claimed.requests[place.request];
  auto choice = request.is_choice ? request.choices[place.choice].name : std::string_view();
  if (taken.shared) {
    auto at = being_shared_.find(device.id);
    if (taken.shared_before)
      subtract(at->second, claimed.given.back().taken);
    else
      being_shared_.erase(at);
  }
  if (taken.given) claimed.given.pop_back();
  if (taken.marked) {
    auto at = being_given_.find(device.id);
    at->second.erase(at->second.find(place.claim));
    if (at->second.empty()) being_given_.erase(at);
  }
  for (size_t i = taken.constraints; i-- > 0;) claimed.constraints[i].remove(request.name, choice);
  if (taken.counters) count(pool, device, true);
}

bool Search::is_selectable(const Claimed& claimed, const Wanted& wanted, const Device& device) {
  auto [at, is_new] = selectable_.try_emplace({&device, &wanted}, false);
  if (!is_new) return at->second;
  auto& device_class = *wanted.device_class;
  bool good = allocator_.matches(device, device_class["spec"]["selectors"], concat("class ", device_class["metadata"]["name"].as_string()), error_) &&
              allocator_.matches(device, wanted.from["selectors"], concat("claim ", claimed.key), error_);
  at->second = good && (!device.slice->each_device || is_for(device.view, node_));
  return at->second;
}

bool Search::is_in_use(const Device& device) const { return market_.allocated.whole.contains(device.id) || being_given_.contains(device.id); }

bool Search::has_room(const Wanted& wanted, const Device& device) const {
  auto taken = market_.allocated.capacity.find(device.id);
  auto being_taken = being_shared_.find(device.id);
  return devices::has_room(wanted.from["capacity"]["requests"], device.view, taken == market_.allocated.capacity.end() ? nullptr : &taken->second,
                           being_taken == being_shared_.end() ? nullptr : &being_taken->second);
}

// What the pool's counters still have beside the devices that are allocated. It may be less than nothing.
Search::Counters Search::available_in(const Pool& pool) const {
  Counters available;
  for (auto& [set, counters] : pool.counters)
    for (uint32_t i = 0; i < counters.size(); i++) available[{set, counters.key(i)}] = Quantity::stored(counters.value(i)["value"].as_string());
  for (auto* list : {&pool.devices, &pool.others})
    for (auto* device : *list) {
      if (!market_.allocated.is_taken(device->id)) continue;
      each_counter(*device, [&](auto counter, const Quantity& amount) {
        if (auto at = available.find(counter); at != available.end()) at->second -= amount;
      });
    }
  return available;
}

void Search::count(Pool& pool, const Device& device, bool back) {
  auto& consumed = consumed_[&pool];
  each_counter(device, [&](auto counter, const Quantity& amount) {
    auto& sum = consumed[counter];
    if (back)
      sum -= amount;
    else
      sum += amount;
  });
}

bool Search::reserve_counters(Pool& pool, const Device& device) {
  auto known = available_.find(&pool);
  if (known == available_.end()) known = available_.emplace(&pool, available_in(pool)).first;
  count(pool, device, false);
  auto& consumed = consumed_[&pool];
  for (auto& [counter, amount] : known->second) {
    auto at = consumed.find(counter);
    if (amount < (at == consumed.end() ? Quantity() : at->second)) {
      count(pool, device, true);
      return false;
    }
  }
  return true;
}

}  // namespace sampan::devices
