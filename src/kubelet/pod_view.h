// Pods for the node's HTTP endpoints, on top of the workers.
#pragma once
#include "kubelet/pod_workers.h"
#include "kubelet/pods.h"
#include "kubelet/stats.h"

namespace sampan::kubelet {

class PodView : public Pods {
 public:
  // `mirror_of` gives the static pod's uid for that of its mirror, or the same.
  PodView(PodWorkers& workers, Stats& stats, std::function<std::shared_ptr<const NodeFacts>()> facts, std::function<std::string(std::string_view)> mirror_of)
      : workers_(workers), stats_(stats), facts_(std::move(facts)), mirror_of_(std::move(mirror_of)) {}

  std::vector<schema::ObjectRef> list() override;
  Result<PodInfo> find(std::string_view namespace_, std::string_view name, std::string_view uid) override;
  Result<ContainerInfo> running(std::string_view namespace_, std::string_view name, std::string_view uid, std::string_view container) override;
  Result<ContainerInfo> log_of(std::string_view namespace_, std::string_view name, std::string_view container, bool previous) override;
  uint64_t when_stopped(const std::string& container_id, std::function<void()> changed) override { return workers_.when_stopped(container_id, std::move(changed)); }
  void forget(uint64_t number) override { workers_.forget(number); }
  std::string stats_summary(bool only_cpu_and_memory) override { return stats_.summary(only_cpu_and_memory); }
  std::string resource_metrics() override { return stats_.resource_metrics(); }

 private:
  std::optional<KnownPod> known(std::string_view namespace_, std::string_view name, std::string_view uid);
  ContainerInfo info(const KnownPod& pod, const Container& container) const;

  PodWorkers& workers_;
  Stats& stats_;
  const std::function<std::shared_ptr<const NodeFacts>()> facts_;
  const std::function<std::string(std::string_view)> mirror_of_;
};

}  // namespace sampan::kubelet
