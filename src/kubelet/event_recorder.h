// Recorder on the API's events.
#pragma once
#include "client/events.h"
#include "kubelet/recorder.h"

namespace sampan::kubelet {

class EventRecorder : public Recorder {
 public:
  EventRecorder(client::Api& api, Clock& clock, Executor& executor, std::string node)
      : events_(api, clock, executor, "kubelet", node), node_(std::move(node)) {}
  void pod(const core_v1::Pod& pod, EventType type, std::string_view reason, std::string message) override;
  void container(const core_v1::Pod& pod, const ContainerSpec& spec, EventType type, std::string_view reason, std::string message) override;
  void node(EventType type, std::string_view reason, std::string message) override;

 private:
  void tell(const core_v1::Pod& pod, std::string field_path, EventType type, std::string_view reason, std::string message);
  client::Events events_;
  const std::string node_;
};

}  // namespace sampan::kubelet
