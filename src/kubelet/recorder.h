// Events about pods and the node, told without waiting.
#pragma once
#include "kubelet/containers.h"

namespace sampan::kubelet {

enum class EventType : uint8_t { Normal, Warning };

class Recorder {
 public:
  virtual ~Recorder() = default;
  virtual void pod(const core_v1::Pod& pod, EventType type, std::string_view reason, std::string message) = 0;
  // About one of its containers.
  virtual void container(const core_v1::Pod& pod, const ContainerSpec& spec, EventType type, std::string_view reason, std::string message) = 0;
  virtual void node(EventType type, std::string_view reason, std::string message) = 0;
};

}  // namespace sampan::kubelet
