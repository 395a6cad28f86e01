// Removes pods whose devices have a NoExecute taint that their claim does not bear, or no longer.
#include <set>

#include "base/held.h"
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/pod_ends.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

// How long a taint of a device is borne. No value: for ever.
std::optional<int64_t> seconds_borne(const AnyView& taint, const AnyView& tolerations) {
  int64_t seconds = INT64_MAX;
  bool any = false;
  for (AnyView toleration : each(tolerations)) {
    auto key = toleration["key"].as_string();
    if (toleration["effect"].as_string() != "NoExecute" || (!key.empty() && key != taint["key"].as_string())) continue;
    if (toleration["operator"].as_string() != "Exists" && toleration["value"].as_string() != taint["value"].as_string()) continue;
    if (!toleration["tolerationSeconds"].present()) return {};
    seconds = std::min(seconds, std::max<int64_t>(0, toleration["tolerationSeconds"].as_int()));
    any = true;
  }
  return any ? seconds : 0;
}

std::string pool_of(const AnyView& driver, const AnyView& pool) { return concat(driver.as_string(), "/", pool.as_string()); }

class DeviceTaintEviction final : public Controller {
 public:
  explicit DeviceTaintEviction(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "device-taint-eviction-controller") {}

  void watch(Watches& watches) override {
    pods_ = &watches.on("", "pods", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object && (*change.object)["spec"]["resourceClaims"].size() > 0) enqueue(key_of(*change.object));
    });
    claims_ = &watches.on("resource.k8s.io", "resourceclaims", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (change.object) enqueue_users(*change.object, enqueue);
    });
    claims_by_pool_ = &claims_->index([](const Object& claim, std::vector<std::string>& keys) {
      for (AnyView result : each(claim["status"]["allocation"]["devices"]["results"])) keys.push_back(pool_of(result["driver"], result["pool"]));
    });
    slices_ = &watches.on("resource.k8s.io", "resourceslices", [this](const Change& change, const Watches::Enqueue& enqueue) {
      AnyView spec = change.any()["spec"];
      for (auto& claim : claims_by_pool_->find(pool_of(spec["driver"], spec["pool"]["name"]))) enqueue_users(*claim, enqueue);
    });
    slices_by_pool_ = &slices_->index([](const Object& slice, std::vector<std::string>& keys) {
      keys.push_back(pool_of(slice["spec"]["driver"], slice["spec"]["pool"]["name"]));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto pod = pods_->find(key.name_space, key.name);
    if (!pod || is_deleting(*pod) || (*pod)["spec"]["nodeName"].as_string().empty()) return Again::never();
    auto text = key_of(*pod);
    auto about = client::Reference::of(pods_->resource(), *pod);
    auto due = due_seconds(*pod);
    if (!due) {
      if (forget(text)) events_.tell(about, client::kNormal, "DeviceTaintManagerEviction", "Cancelling deletion");
      return Again::never();
    }
    int64_t now_us = environment_.clock.now_us(), due_us = microseconds_of(*due);
    if (due_us > now_us) {
      std::lock_guard lock(mutex_);
      waiting_.insert(text);
      return Again::in(due_us - now_us);
    }
    events_.tell(about, client::kNormal, "DeviceTaintManagerEviction", "Marking for deletion");
    TRY(end_pod(environment_.api, *pod, {"DeletionByDeviceTaintManager", "Device Taint manager: deleting due to NoExecute taint"}, environment_.now_seconds()));
    forget(text);
    return Again::never();
  }

 private:
  static void enqueue_users(const Object& claim, const Watches::Enqueue& enqueue) {
    for (AnyView consumer : each(claim["status"]["reservedFor"]))
      if (consumer["apiGroup"].as_string().empty() && consumer["resource"].as_string() == "pods")
        enqueue(concat(namespace_of(claim), "/", consumer["name"].as_string()));
  }

  bool forget(const std::string& key) {
    std::lock_guard lock(mutex_);
    return waiting_.erase(key) > 0;
  }

  // When the pod has to go, for the first of all taints of its devices. No value: it may stay.
  std::optional<int64_t> due_seconds(const Object& pod) const {
    std::optional<int64_t> due;
    for (AnyView wanted : each(pod["spec"]["resourceClaims"])) {
      auto name = wanted["resourceClaimName"].as_string();
      bool is_made = name.empty();
      for (AnyView status : each(pod["status"]["resourceClaimStatuses"]))
        if (is_made && status["name"].as_string() == wanted["name"].as_string()) name = status["resourceClaimName"].as_string();
      auto claim = name.empty() ? ObjectRef() : claims_->find(namespace_of(pod), name);
      if (!claim || (is_made && controlling_owner(*claim)["uid"].as_string() != uid_of(pod)) || !is_user(*claim, pod)) continue;
      for (AnyView result : each((*claim)["status"]["allocation"]["devices"]["results"])) earliest(due, result);
    }
    return due;
  }

  static bool is_user(const Object& claim, const Object& pod) {
    for (AnyView consumer : each(claim["status"]["reservedFor"]))
      if (consumer["uid"].as_string() == uid_of(pod)) return true;
    return false;
  }

  void earliest(std::optional<int64_t>& due, const AnyView& result) const {
    auto slices = slices_by_pool_->find(pool_of(result["driver"], result["pool"]));
    auto generation = [](const ObjectRef& slice) {
      AnyView number = (*slice)["spec"]["pool"]["generation"];
      return number.present() ? number.as_int() : 0;
    };
    int64_t newest = 0;
    for (auto& slice : slices) newest = std::max(newest, generation(slice));
    for (auto& slice : slices) {
      if (generation(slice) != newest) continue;  // out of date
      for (AnyView device : each((*slice)["spec"]["devices"])) {
        if (device["name"].as_string() != result["device"].as_string()) continue;
        for (AnyView taint : each(device["taints"])) {
          if (taint["effect"].as_string() != "NoExecute" || !taint["timeAdded"].present()) continue;
          auto seconds = seconds_borne(taint, result["tolerations"]);
          if (!seconds) continue;
          int64_t when = add_held(taint["timeAdded"].as_int(), *seconds);
          if (!due || when < *due) due = when;
        }
      }
    }
  }

  Environment& environment_;
  client::Events events_;
  Informer *pods_ = nullptr, *claims_ = nullptr, *slices_ = nullptr;
  Index *claims_by_pool_ = nullptr, *slices_by_pool_ = nullptr;
  std::mutex mutex_;
  std::set<std::string> waiting_;  // pods that will have to go
};

}  // namespace

std::unique_ptr<Controller> make_device_taint_eviction(Environment& environment) { return std::make_unique<DeviceTaintEviction>(environment); }

}  // namespace sampan::controllers
