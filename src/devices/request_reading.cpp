// What claims ask for, made ready for the search; and why some can never be fulfilled.
#include "base/text.h"
#include "devices/search.h"

namespace sampan::devices {

bool Search::fail(std::string error) {
  error_ = std::move(error);
  return false;
}

bool Search::read(const ObjectRef& object) {
  auto metadata = (*object)["metadata"];
  Claimed claimed{.claim = object, .key = concat(metadata["namespace"].as_string(), "/", metadata["name"].as_string()), .requests = {}, .constraints = {}, .given = {}};
  auto devices = (*object)["spec"]["devices"], requests = devices["requests"], constraints = devices["constraints"];
  size_t least = 0;
  for (uint32_t i = 0; i < requests.size(); i++) {
    Request request;
    if (!read(claimed, request, requests.item(i))) return false;
    size_t fewest = SIZE_MAX;
    for (auto& wanted : request.choices) fewest = std::min(fewest, wanted.count);
    least += fewest;
    claimed.requests.push_back(std::move(request));
  }
  if (least > kDevicesOfClaimMax)
    return fail(concat("claim ", claimed.key, ": number of requested devices ", least, " exceeds the claim limit of ", kDevicesOfClaimMax));
  for (uint32_t i = 0; i < constraints.size(); i++) {
    claimed.constraints.emplace_back(constraints.item(i));
    if (!claimed.constraints.back().is_known()) return fail(concat("claim ", claimed.key, ", constraint #", i, ": empty constraint (unsupported constraint type?)"));
  }
  claims_.push_back(std::move(claimed));
  return true;
}

bool Search::read(Claimed& claimed, Request& request, const AnyView& from) {
  request.name = from["name"].as_string();
  auto choices = from["firstAvailable"];
  request.is_choice = choices.size() > 0;
  request.choices.resize(request.is_choice ? choices.size() : 1);
  if (!request.is_choice) return read(claimed, request.choices[0], request.name, from["exactly"]);
  for (uint32_t i = 0; i < choices.size(); i++)
    if (!read(claimed, request.choices[i], choices.item(i)["name"].as_string(), choices.item(i))) return false;
  return true;
}

bool Search::read(const Claimed& claimed, Wanted& wanted, std::string_view name, const AnyView& from) {
  auto whose = concat("claim ", claimed.key, ", request ", name);
  wanted.name = name;
  wanted.from = from;
  auto selectors = from["selectors"];
  for (uint32_t i = 0; i < selectors.size(); i++)
    if (!selectors.item(i)["cel"].present()) return fail(concat(whose, ", selector #", i, ": CEL expression empty (unsupported selector type?)"));
  auto class_name = from["deviceClassName"].as_string();
  if (class_name.empty()) return fail(concat(whose, ": missing device class name (unsupported request type?)"));
  wanted.device_class = allocator_.device_class(class_name);
  if (!wanted.device_class)
    return fail(concat(whose, ": could not retrieve device class ", class_name, ": deviceclass.resource.k8s.io ", quoted(class_name), " not found"));
  wanted.admin = from["adminAccess"].present() && from["adminAccess"].as_bool();
  auto mode = from["allocationMode"].as_string();
  if (mode == "ExactCount") {
    wanted.count = static_cast<size_t>(from["count"].present() ? std::max<int64_t>(0, from["count"].as_int()) : 0);
    return true;
  }
  if (mode != "All") return fail(concat(whose, ": unsupported count mode ", mode));
  wanted.all = true;
  return find_all(claimed, wanted);
}

bool Search::find_all(const Claimed& claimed, Wanted& wanted) {
  for (auto& pool : pools_) {
    if (pool.incomplete || pool.invalid)
      return fail(concat("claim ", claimed.key, ", request ", wanted.name, ": asks for all devices, but resource pool ", pool.driver, "/", pool.name, " is currently ",
                         pool.incomplete ? "being updated" : "invalid"));
    for (auto* device : pool.devices) {
      bool selectable = is_selectable(claimed, wanted, *device);
      if (!error_.empty()) return false;
      if (selectable && has_room(wanted, *device)) wanted.all_devices.push_back({&pool, device});
    }
  }
  wanted.count = wanted.all_devices.size();
  return true;
}

}  // namespace sampan::devices
