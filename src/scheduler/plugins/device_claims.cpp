#include "scheduler/plugins/device_claims.h"

#include "base/text.h"

namespace sampan::scheduler {

using schema::AnyView;
using schema::Object;

namespace {

// The claim that was made for one of the pod's from a template. None: not made yet; "": it needs none.
std::optional<std::string_view> made_claim(const Object& pod, std::string_view name) {
  auto statuses = pod["status"]["resourceClaimStatuses"];
  for (uint32_t i = 0; i < statuses.size(); i++)
    if (statuses.item(i)["name"].as_string() == name) return statuses.item(i)["resourceClaimName"].as_string();
  return {};
}

bool is_owned_by(const Object& claim, const Object& pod) {
  auto owners = claim["metadata"]["ownerReferences"];
  for (uint32_t i = 0; i < owners.size(); i++) {
    auto owner = owners.item(i);
    if (owner["controller"].present() && owner["controller"].as_bool()) return owner["uid"].as_string() == uid_of(pod);
  }
  return false;
}

bool is_true(const AnyView& conditions, std::string_view type, AnyView* found = nullptr) {
  for (uint32_t i = 0; i < conditions.size(); i++) {
    auto condition = conditions.item(i);
    if (condition["type"].as_string() != type) continue;
    if (found) *found = condition;
    return condition["status"].as_string() == "True";
  }
  return false;
}

// What the driver tells of an allocated device.
AnyView status_of(const Object& claim, const AnyView& result) {
  auto devices = claim["status"]["devices"];
  for (uint32_t i = 0; i < devices.size(); i++) {
    bool same = true;
    for (auto field : {"driver", "pool", "device"}) same = same && devices.item(i)[field].as_string() == result[field].as_string();
    if (same) return devices.item(i);
  }
  return {};
}

}  // namespace

std::string key_of(const Object& object) {
  return concat(object["metadata"]["namespace"].as_string(), "/", object["metadata"]["name"].as_string());
}

std::expected<std::vector<ObjectRef>, std::string> claims_of(const Lister& lister, const Object& pod) {
  std::vector<ObjectRef> found;
  auto name_space = pod["metadata"]["namespace"].as_string();
  auto wanted = pod["spec"]["resourceClaims"];
  for (uint32_t i = 0; i < wanted.size(); i++) {
    auto one = wanted.item(i);
    auto name = one["resourceClaimName"].as_string();
    bool is_made = one["resourceClaimTemplateName"].present() && name.empty();
    if (is_made) {
      auto made = made_claim(pod, one["name"].as_string());
      if (!made) return std::unexpected(concat("pod \"", key_of(pod), "\": ResourceClaim not created yet"));
      if (made->empty()) continue;
      name = *made;
    } else if (name.empty()) {
      return std::unexpected(concat("pod \"", key_of(pod), "\", spec.resourceClaim ", quoted(one["name"].as_string()), ": none of the supported fields are set"));
    }
    auto claim = lister.find(Lister::Kind::ResourceClaim, name_space, name);
    if (!claim) return std::unexpected(concat("could not find ResourceClaim \"", name_space, "/", name, "\""));
    if ((*claim)["metadata"]["deletionTimestamp"].present()) return std::unexpected(concat("resourceclaim ", quoted(name), " is being deleted"));
    if (is_made && !is_owned_by(*claim, pod))
      return std::unexpected(concat("ResourceClaim ", key_of(*claim), " was not created for Pod ", key_of(pod), " (Pod is not owner)"));
    found.push_back(std::move(claim));
  }
  return found;
}

bool is_reserved_for(const Object& claim, std::string_view uid) {
  auto reserved = claim["status"]["reservedFor"];
  for (uint32_t i = 0; i < reserved.size(); i++)
    if (reserved.item(i)["uid"].as_string() == uid) return true;
  return false;
}

bool has_binding_conditions(const Object& claim) {
  auto results = claim["status"]["allocation"]["devices"]["results"];
  for (uint32_t i = 0; i < results.size(); i++)
    if (results.item(i)["bindingConditions"].size() > 0) return true;
  return false;
}

std::expected<bool, std::string> is_ready_for_binding(const Object& claim) {
  if (!is_allocated(claim)) return false;
  auto results = claim["status"]["allocation"]["devices"]["results"];
  for (uint32_t i = 0; i < results.size(); i++) {
    auto result = results.item(i);
    auto good = result["bindingConditions"], bad = result["bindingFailureConditions"];
    if (good.size() == 0) continue;
    auto conditions = status_of(claim, result)["conditions"];
    AnyView failed;
    for (uint32_t j = 0; j < bad.size(); j++)
      if (is_true(conditions, bad.item(j).as_string(), &failed))
        return std::unexpected(concat("device binding failed: claim=", claim["metadata"]["name"].as_string(), ", reason=", failed["reason"].as_string(),
                                      ", message=", quoted(failed["message"].as_string())));
    for (uint32_t j = 0; j < good.size(); j++)
      if (!is_true(conditions, good.item(j).as_string())) return false;
  }
  return true;
}

}  // namespace sampan::scheduler
