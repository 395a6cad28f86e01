// Removes pods that nobody else will: those of nodes that no longer exist or are out of service, those that never got a node, and the oldest of too
// many that have ended.
#include <algorithm>
#include <map>

#include "controllers/controllers.h"
#include "controllers/pod_ends.h"
#include "controllers/taints.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr int64_t kPeriodUs = 20'000'000, kQuarantineUs = 40'000'000;
constexpr size_t kEndedMax = 12'500;

bool has_ended(const Object& pod) {
  auto phase = pod["status"]["phase"].as_string();
  return phase != "Pending" && phase != "Running" && phase != "Unknown";
}

bool was_evicted(const Object& pod) {
  return pod["status"]["phase"].as_string() == "Failed" && pod["status"]["reason"].as_string() == "Evicted";
}

void sort_for_removal(std::vector<ObjectRef>& pods) {
  std::sort(pods.begin(), pods.end(), [](const ObjectRef& a, const ObjectRef& b) {
    if (was_evicted(*a) != was_evicted(*b)) return was_evicted(*a);
    int64_t a_made = (*a)["metadata"]["creationTimestamp"].as_int(), b_made = (*b)["metadata"]["creationTimestamp"].as_int();
    return a_made != b_made ? a_made < b_made : name_of(*a) < name_of(*b);
  });
}

class PodGc final : public Controller {
 public:
  explicit PodGc(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    pods_ = &watches.read("", "pods");
    nodes_ = &watches.read("", "nodes");
    watches.every(kPeriodUs, "all");
  }

  Result<Again> reconcile(const Key&) override {
    std::vector<ObjectRef> ended, out_of_service, nowhere;
    std::map<std::string, std::vector<ObjectRef>> of_missing_nodes;
    for (auto& pod : pods_->all()) {
      if (has_ended(*pod)) ended.push_back(pod);
      std::string node_name((*pod)["spec"]["nodeName"].as_string());
      if (node_name.empty()) {
        if (is_deleting(*pod)) nowhere.push_back(pod);
        continue;
      }
      auto node = nodes_->find({}, node_name);
      if (!node) {
        of_missing_nodes[node_name].push_back(pod);
      } else if (is_deleting(*pod) && !is_true((*node)["status"]["conditions"], "Ready") &&
                 has_taint(*node, "node.kubernetes.io/out-of-service", {})) {
        out_of_service.push_back(pod);
      }
    }
    Result<void> result;
    auto end_all = [&](const std::vector<ObjectRef>& pods, PodEnd end) {
      end.by_force = true;
      for (const auto& pod : pods)
        if (auto done = end_pod(environment_.api, *pod, end, environment_.now_seconds()); !done) result = std::move(done);
    };
    sort_for_removal(ended);
    ended.resize(ended.size() > kEndedMax ? ended.size() - kEndedMax : 0);
    end_all(ended, {});
    sort_for_removal(out_of_service);
    end_all(out_of_service, {});
    end_all(pods_of_gone(of_missing_nodes), {"DeletionByPodGC", "PodGC: node no longer exists"});
    end_all(nowhere, {});
    if (!result) return fail(std::move(result).error());
    return Again::never();
  }

 private:
  // A node may be seen later than its pods: only what is missing for a while, and then truly not there, is gone.
  std::vector<ObjectRef> pods_of_gone(const std::map<std::string, std::vector<ObjectRef>>& of_missing_nodes) {
    int64_t now_us = environment_.clock.now_us();
    std::erase_if(missing_since_, [&](const auto& entry) { return !of_missing_nodes.contains(entry.first); });
    std::vector<ObjectRef> gone;
    for (const auto& [name, pods] : of_missing_nodes) {
      int64_t since = missing_since_.try_emplace(name, now_us).first->second;
      if (now_us - since < kQuarantineUs) continue;
      auto node = environment_.api.get(nodes_->resource(), {}, name);
      if (!node && node.error().is(Reason::NotFound)) gone.insert(gone.end(), pods.begin(), pods.end());
    }
    return gone;
  }

  Environment& environment_;
  Informer *pods_ = nullptr, *nodes_ = nullptr;
  std::map<std::string, int64_t> missing_since_;
};

}  // namespace

std::unique_ptr<Controller> make_pod_gc(Environment& environment) { return std::make_unique<PodGc>(environment); }

}  // namespace sampan::controllers
