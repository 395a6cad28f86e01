// See events.h.
#include "kubelet/cri/events.h"

#include <grpcpp/client_context.h>

#include "base/text.h"
#include "kubelet/cri/containerd_events.grpc.pb.h"
#include "kubelet/cri/cri.grpc.pb.h"

namespace sampan::kubelet::cri {

namespace {

namespace containerd = ::containerd::services::events::v1;

// A stream of messages that become events one by one.
template <class Message>
class Stream : public RuntimeEvents {
 public:
  ~Stream() override {
    context_.TryCancel();
    Message rest;
    while (reader_->Read(&rest)) {
    }
    (void)reader_->Finish();
  }
  bool next(RuntimeEvent& event) override {
    Message message;
    while (reader_->Read(&message))
      if (translate(message, event)) return true;
    return false;
  }
  void cancel() override { context_.TryCancel(); }
  grpc::Status finish() { return reader_->Finish(); }

 protected:
  virtual bool translate(const Message& message, RuntimeEvent& event) = 0;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<Message>> reader_;
};

class CriStream : public Stream<runtime::v1::ContainerEvent> {
 public:
  explicit CriStream(const std::shared_ptr<grpc::Channel>& channel) : stub_(runtime::v1::RuntimeService::NewStub(channel)) {
    reader_ = stub_->GetContainerEvents(&context_, runtime::v1::Empty());
  }

 private:
  bool translate(const runtime::v1::ContainerEvent& message, RuntimeEvent& event) override {
    auto type = message.container_event_type();
    if (type < 0 || type > 3) return false;
    event = {static_cast<RuntimeEvent::Type>(type), message.container_id()};
    return true;
  }
  std::unique_ptr<runtime::v1::RuntimeService::Stub> stub_;
};

class ContainerdStream : public Stream<containerd::Envelope> {
 public:
  explicit ContainerdStream(const std::shared_ptr<grpc::Channel>& channel) : stub_(containerd::Events::NewStub(channel)) {
    containerd::SubscribeRequest request;
    request.add_filters("namespace==k8s.io,topic==\"/tasks/start\"");
    request.add_filters("namespace==k8s.io,topic==\"/tasks/exit\"");
    reader_ = stub_->Subscribe(&context_, request);
  }

 private:
  bool translate(const containerd::Envelope& message, RuntimeEvent& event) override {
    containerd::TaskEvent task;
    if (!task.ParseFromString(message.event().value())) return false;
    bool started = message.topic() == "/tasks/start";
    // A command that was run in a container has an id of its own; its end is no news.
    if (!started && task.id() != task.container_id()) return false;
    event = {started ? RuntimeEvent::Type::Started : RuntimeEvent::Type::Stopped, task.container_id()};
    return true;
  }
  std::unique_ptr<containerd::Events::Stub> stub_;
};

// Whether the runtime knows the call, found out by making it without waiting for its events.
bool has_cri_events(const std::shared_ptr<grpc::Channel>& channel) {
  auto stub = runtime::v1::RuntimeService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(200, GPR_TIMESPAN)));
  auto reader = stub->GetContainerEvents(&context, runtime::v1::Empty());
  runtime::v1::ContainerEvent event;
  if (reader->Read(&event)) {
    context.TryCancel();
    while (reader->Read(&event)) {
    }
  }
  auto status = reader->Finish();
  return status.error_code() != grpc::StatusCode::UNIMPLEMENTED && status.error_code() != grpc::StatusCode::UNKNOWN;
}

bool has_containerd_events(const std::shared_ptr<grpc::Channel>& channel) {
  auto stub = containerd::Events::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(50, GPR_TIMESPAN)));
  containerd::SubscribeRequest request;
  request.add_filters("topic==\"/none\"");
  auto reader = stub->Subscribe(&context, request);
  containerd::Envelope envelope;
  while (reader->Read(&envelope)) {
  }
  return reader->Finish().error_code() != grpc::StatusCode::UNIMPLEMENTED;
}

}  // namespace

Result<std::unique_ptr<RuntimeEvents>> open_events(const std::shared_ptr<grpc::Channel>& channel) {
  if (has_cri_events(channel)) return std::make_unique<CriStream>(channel);
  if (has_containerd_events(channel)) return std::make_unique<ContainerdStream>(channel);
  return fail(Error(Reason::MethodNotAllowed, "the container runtime tells no events"));
}

}  // namespace sampan::kubelet::cri
