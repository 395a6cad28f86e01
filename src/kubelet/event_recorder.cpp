// See event_recorder.h.
#include "kubelet/event_recorder.h"

namespace sampan::kubelet {

void EventRecorder::tell(const core_v1::Pod& pod, std::string field_path, EventType type, std::string_view reason, std::string message) {
  auto meta = pod.metadata();
  client::Reference about;
  about.api_version = "v1", about.kind = "Pod";
  about.name_space = meta.namespace_(), about.name = meta.name();
  // What the API server shows of a static pod has another uid; the events are to be seen there, as upstream's are, under the pod's own.
  about.uid = meta.uid();
  about.field_path = std::move(field_path);
  events_.tell(about, type == EventType::Normal ? client::kNormal : client::kWarning, reason, std::move(message));
}

void EventRecorder::pod(const core_v1::Pod& pod, EventType type, std::string_view reason, std::string message) {
  tell(pod, "", type, reason, std::move(message));
}

void EventRecorder::container(const core_v1::Pod& pod, const ContainerSpec& spec, EventType type, std::string_view reason, std::string message) {
  tell(pod, field_path_of(spec), type, reason, std::move(message));
}

void EventRecorder::node(EventType type, std::string_view reason, std::string message) {
  client::Reference about;
  about.api_version = "v1", about.kind = "Node", about.name = node_, about.uid = node_;
  events_.tell(about, type == EventType::Normal ? client::kNormal : client::kWarning, reason, std::move(message));
}

}  // namespace sampan::kubelet
