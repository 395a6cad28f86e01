// Volumes of a test that has none, or that fail as the test says.
#pragma once
#include <atomic>

#include "kubelet/containers.h"
#include "kubelet/volumes/volumes.h"

namespace sampan::kubelet {

class NoVolumes : public Volumes {
 public:
  std::function<MountOutcome(const core_v1::Pod&)> on_mount = [](const core_v1::Pod&) { return MountOutcome{}; };
  std::atomic<int> unmounted{0};
  MountOutcome mount(const api::core_v1::Pod& pod) override { return on_mount(pod); }
  std::optional<int64_t> refresh(const api::core_v1::Pod&) override { return {}; }
  Result<void> unmount(std::string_view) override { return unmounted++, Result<void>(); }
  void clean_up(const std::vector<std::string>&) override {}
  std::optional<Usage> usage(const api::core_v1::Pod&, std::string_view) override { return {}; }
};

}  // namespace sampan::kubelet
