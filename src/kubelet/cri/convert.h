// Between our words for what a runtime does and CRI's messages.
#pragma once
#include "kubelet/cri/cri.pb.h"
#include "kubelet/runtime.h"

namespace sampan::kubelet::cri {

namespace pb = runtime::v1;

void write(pb::PodSandboxConfig& out, const SandboxConfig& config);
void write(pb::ContainerConfig& out, const ContainerConfig& config);
void write(pb::LinuxContainerResources& out, const Resources& resources);

template <class Map>
void write_map(Map& out, const TextMap& map) {
  for (auto& [key, value] : map) out[key] = value;
}

Sandbox read(const pb::PodSandbox& sandbox);
Sandbox read(const pb::PodSandboxStatus& status);
Container read(const pb::Container& container);
Container read(const pb::ContainerStatus& status);
Image read(const pb::Image& image);
FilesystemUsage read(const pb::FilesystemUsage& usage);
ContainerStats read(const pb::ContainerStats& stats);

// CRI's number of a signal's name; 0, the image's own, for one it does not know.
int signal_number(std::string_view name);

}  // namespace sampan::kubelet::cri
