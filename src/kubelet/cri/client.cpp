// The calls over gRPC: channels, deadlines, errors. With events.cpp and probes/grpc.cpp the only files here that include gRPC.
#include "kubelet/cri/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "base/text.h"
#include "kubelet/cri/convert.h"
#include "kubelet/cri/cri.grpc.pb.h"
#include "kubelet/cri/events.h"

namespace sampan::kubelet {

namespace {

using namespace cri;

constexpr int64_t kSecondsMax = 1'000'000'000;  // runtimes count in nanoseconds, and must not count over the end
constexpr int kMessageBytesMax = 16 << 20;  // upstream's limit of what a runtime may answer

// Go's names, since upstream's messages show them.
std::string_view name_of(grpc::StatusCode code) {
  static constexpr std::string_view names[] = {"OK",            "Canceled",          "Unknown",        "InvalidArgument", "DeadlineExceeded", "NotFound",
                                               "AlreadyExists", "PermissionDenied",  "ResourceExhausted", "FailedPrecondition", "Aborted",     "OutOfRange",
                                               "Unimplemented", "Internal",          "Unavailable",    "DataLoss",        "Unauthenticated"};
  return static_cast<size_t>(code) < std::size(names) ? names[code] : "Unknown";
}

Reason reason_of(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::NOT_FOUND: return Reason::NotFound;
    case grpc::StatusCode::DEADLINE_EXCEEDED: return Reason::Timeout;
    case grpc::StatusCode::UNAVAILABLE: return Reason::ServiceUnavailable;
    case grpc::StatusCode::UNIMPLEMENTED: return Reason::MethodNotAllowed;
    case grpc::StatusCode::ALREADY_EXISTS: return Reason::AlreadyExists;
    default: return Reason::InternalError;
  }
}

Error error_of(const grpc::Status& status) {
  return Error(reason_of(status.error_code()),
               concat("rpc error: code = ", name_of(status.error_code()), " desc = ", status.error_message()));
}

std::string target_of(std::string_view endpoint) {
  if (endpoint.starts_with("unix://")) return concat("unix:", endpoint.substr(7));
  if (endpoint.starts_with("/")) return concat("unix:", endpoint);
  return std::string(endpoint);
}

std::shared_ptr<grpc::Channel> channel_to(std::string_view endpoint) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");  // a socket's path is no host
  return grpc::CreateCustomChannel(target_of(endpoint), grpc::InsecureChannelCredentials(), arguments);
}

class CriRuntime : public Runtime {
 public:
  explicit CriRuntime(const CriOptions& options)
      : options_(options),
        channel_(channel_to(options.endpoint)),
        image_channel_(options.image_endpoint.empty() ? channel_ : channel_to(options.image_endpoint)),
        runtime_(pb::RuntimeService::NewStub(channel_)),
        images_(pb::ImageService::NewStub(image_channel_)) {}

  Result<RuntimeVersion> version() override {
    pb::VersionRequest request;
    request.set_version("0.1.0");  // what upstream's agent has always sent
    pb::VersionResponse answer;
    auto result = call([&](auto& context) { return runtime_->Version(&context, request, &answer); });
    if (!result && result.error().is(Reason::MethodNotAllowed))
      return fail(Error(Reason::MethodNotAllowed, "validate CRI v1 runtime API: the container runtime does not implement it; containerd "
                                                  "needs version 1.6 or newer and its \"cri\" plug-in enabled"));
    TRY(std::move(result));
    return RuntimeVersion{answer.runtime_name(), answer.runtime_version(), answer.runtime_api_version()};
  }

  Result<RuntimeStatus> status() override {
    pb::StatusResponse answer;
    TRY(call([&](auto& context) { return runtime_->Status(&context, pb::StatusRequest(), &answer); }));
    RuntimeStatus out;
    for (auto& condition : answer.status().conditions())
      out.conditions.push_back({condition.type(), condition.reason(), condition.message(), condition.status()});
    for (auto& handler : answer.runtime_handlers())
      out.handlers.push_back({handler.name(), handler.features().recursive_read_only_mounts(), handler.features().user_namespaces()});
    out.supplemental_groups_policy = answer.features().supplemental_groups_policy();
    return out;
  }

  Result<void> set_pod_cidr(const std::string& cidr) override {
    pb::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(cidr);
    pb::Empty answer;
    return call([&](auto& context) { return runtime_->UpdateRuntimeConfig(&context, request, &answer); });
  }

  Result<std::string> cgroup_driver() override {
    pb::RuntimeConfigResponse answer;
    TRY(call([&](auto& context) { return runtime_->RuntimeConfig(&context, pb::Empty(), &answer); }));
    return answer.on_linux().cgroup_driver() == 1 ? "cgroupfs" : "systemd";
  }

  Result<std::string> run_sandbox(const SandboxConfig& config, const std::string& handler) override {
    pb::RunPodSandboxRequest request;
    write(*request.mutable_config(), config);
    request.set_runtime_handler(handler);
    pb::SandboxId answer;
    TRY(call([&](auto& context) { return runtime_->RunPodSandbox(&context, request, &answer); }, 2 * options_.timeout_ms));
    if (answer.id().empty()) return fail(failure(concat("PodSandboxId is not set for sandbox \"", config.name, "\"")));
    return answer.id();
  }

  Result<void> stop_sandbox(const std::string& id) override {
    return sandbox_call(id, &pb::RuntimeService::Stub::StopPodSandbox);
  }
  Result<void> remove_sandbox(const std::string& id) override {
    return sandbox_call(id, &pb::RuntimeService::Stub::RemovePodSandbox);
  }

  Result<Sandbox> sandbox_status(const std::string& id) override {
    pb::SandboxId request;
    request.set_id(id);
    pb::PodSandboxStatusResponse answer;
    TRY(call([&](auto& context) { return runtime_->PodSandboxStatus(&context, request, &answer); }));
    return read(answer.status());
  }

  Result<std::vector<Sandbox>> sandboxes(const TextMap& labels) override {
    pb::ListPodSandboxRequest request;
    write_map(*request.mutable_filter()->mutable_label_selector(), labels);
    pb::ListPodSandboxResponse answer;
    TRY(call([&](auto& context) { return runtime_->ListPodSandbox(&context, request, &answer); }));
    std::vector<Sandbox> out;
    for (auto& sandbox : answer.items()) out.push_back(read(sandbox));
    std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.created_at > b.created_at; });
    return out;
  }

  Result<std::string> create_container(const std::string& sandbox, const ContainerConfig& config,
                                       const SandboxConfig& sandbox_config) override {
    pb::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox);
    write(*request.mutable_config(), config);
    write(*request.mutable_sandbox_config(), sandbox_config);
    pb::ContainerId answer;
    TRY(call([&](auto& context) { return runtime_->CreateContainer(&context, request, &answer); }));
    if (answer.id().empty()) return fail(failure(concat("ContainerId is not set for container \"", config.name, "\"")));
    return answer.id();
  }

  Result<void> start_container(const std::string& id) override {
    return container_call(id, &pb::RuntimeService::Stub::StartContainer);
  }

  Result<void> stop_container(const std::string& id, int64_t timeout_seconds) override {
    timeout_seconds = std::min(timeout_seconds, kSecondsMax);
    pb::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(timeout_seconds);
    pb::Empty answer;
    return call([&](auto& context) { return runtime_->StopContainer(&context, request, &answer); },
                options_.timeout_ms + timeout_seconds * 1000);
  }

  Result<void> remove_container(const std::string& id) override {
    return container_call(id, &pb::RuntimeService::Stub::RemoveContainer);
  }

  Result<Container> container_status(const std::string& id) override {
    pb::ContainerId request;
    request.set_id(id);
    pb::ContainerStatusResponse answer;
    TRY(call([&](auto& context) { return runtime_->ContainerStatus(&context, request, &answer); }));
    return read(answer.status());
  }

  Result<std::vector<Container>> containers(const TextMap& labels) override {
    pb::ListContainersRequest request;
    write_map(*request.mutable_filter()->mutable_label_selector(), labels);
    pb::ListContainersResponse answer;
    TRY(call([&](auto& context) { return runtime_->ListContainers(&context, request, &answer); }));
    std::vector<Container> out;
    for (auto& container : answer.containers()) out.push_back(read(container));
    std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.created_at > b.created_at; });
    return out;
  }

  Result<void> update_resources(const std::string& id, const Resources& resources) override {
    pb::UpdateContainerResourcesRequest request;
    request.set_container_id(id);
    write(*request.mutable_on_linux(), resources);
    pb::Empty answer;
    return call([&](auto& context) { return runtime_->UpdateContainerResources(&context, request, &answer); });
  }

  Result<void> reopen_log(const std::string& id) override {
    return container_call(id, &pb::RuntimeService::Stub::ReopenContainerLog);
  }

  Result<ExecResult> exec_sync(const std::string& id, const std::vector<std::string>& command, int64_t timeout_seconds) override {
    timeout_seconds = std::min(timeout_seconds, kSecondsMax);
    pb::ExecSyncRequest request;
    request.set_container_id(id);
    for (auto& word : command) request.add_cmd(word);
    request.set_timeout(timeout_seconds);
    pb::ExecSyncResponse answer;
    // The runtime ends the command when its time is over and says so; the call itself may take a little longer.
    TRY(call([&](auto& context) { return runtime_->ExecSync(&context, request, &answer); },
             timeout_seconds == 0 ? kNoLimit : timeout_seconds * 1000 + options_.timeout_ms));
    return ExecResult{answer.stdout() + answer.stderr(), answer.exit_code()};
  }

  Result<std::string> exec_url(const std::string& id, const std::vector<std::string>& command, const ExecOptions& options) override {
    pb::ExecRequest request;
    request.set_container_id(id);
    for (auto& word : command) request.add_cmd(word);
    set_streams(request, options);
    pb::Url answer;
    TRY(call([&](auto& context) { return runtime_->Exec(&context, request, &answer); }));
    return address_of(answer);
  }

  Result<std::string> attach_url(const std::string& id, const ExecOptions& options) override {
    pb::AttachRequest request;
    request.set_container_id(id);
    set_streams(request, options);
    pb::Url answer;
    TRY(call([&](auto& context) { return runtime_->Attach(&context, request, &answer); }));
    return address_of(answer);
  }

  Result<std::string> port_forward_url(const std::string& sandbox, const std::vector<int32_t>& ports) override {
    pb::PortForwardRequest request;
    request.set_pod_sandbox_id(sandbox);
    for (auto port : ports) request.add_port(port);
    pb::Url answer;
    TRY(call([&](auto& context) { return runtime_->PortForward(&context, request, &answer); }));
    return address_of(answer);
  }

  Result<std::vector<Image>> images() override {
    pb::ListImagesResponse answer;
    TRY(call([&](auto& context) { return images_->ListImages(&context, pb::Empty(), &answer); }));
    std::vector<Image> out;
    for (auto& image : answer.images()) out.push_back(read(image));
    return out;
  }

  Result<std::optional<Image>> image(const std::string& name) override {
    pb::ImageRequest request;
    request.mutable_image()->set_image(name);
    pb::ImageStatusResponse answer;
    TRY(call([&](auto& context) { return images_->ImageStatus(&context, request, &answer); }));
    if (!answer.has_image()) return std::nullopt;
    return read(answer.image());
  }

  Result<std::string> pull(const std::string& name, const std::optional<RegistryCredentials>& credentials,
                           const SandboxConfig& sandbox) override {
    pb::PullImageRequest request;
    request.mutable_image()->set_image(name);
    if (credentials) {
      auto& auth = *request.mutable_auth();
      auth.set_username(credentials->username);
      auth.set_password(credentials->password);
      auth.set_auth(credentials->auth);
      auth.set_server_address(credentials->server_address);
      auth.set_identity_token(credentials->identity_token);
      auth.set_registry_token(credentials->registry_token);
    }
    write(*request.mutable_sandbox_config(), sandbox);
    pb::PullImageResponse answer;
    // The runtime itself gives up a pull that makes no progress; how long one may take depends on the image.
    auto result = call([&](auto& context) { return images_->PullImage(&context, request, &answer); }, kNoLimit);
    if (!result) {
      auto& message = result.error().message();
      if (message.starts_with("rpc error: code = Unknown"))
        return fail(Error(result.error().reason(), std::string(description_of(result.error()))));
      return fail(std::move(result).error());
    }
    if (answer.image_ref().empty()) return fail(failure(concat("imageRef of image \"", name, "\" is not set")));
    return answer.image_ref();
  }

  Result<void> remove_image(const std::string& name) override {
    pb::ImageRequest request;
    request.mutable_image()->set_image(name);
    pb::Empty answer;
    return call([&](auto& context) { return images_->RemoveImage(&context, request, &answer); });
  }

  Result<std::vector<FilesystemUsage>> image_filesystems() override {
    pb::ImageFsInfoResponse answer;
    TRY(call([&](auto& context) { return images_->ImageFsInfo(&context, pb::Empty(), &answer); }));
    std::vector<FilesystemUsage> out;
    for (auto& usage : answer.image_filesystems()) out.push_back(read(usage));
    return out;
  }

  Result<std::vector<ContainerStats>> container_stats() override {
    pb::ListContainerStatsResponse answer;
    TRY(call([&](auto& context) { return runtime_->ListContainerStats(&context, pb::Empty(), &answer); }));
    std::vector<ContainerStats> out;
    for (auto& stats : answer.stats()) out.push_back(read(stats));
    return out;
  }

  Result<std::unique_ptr<RuntimeEvents>> events() override {
    TRY(reachable());
    return open_events(channel_);
  }

 private:
  static constexpr int64_t kNoLimit = 0;

  // That somebody listens, so that a runtime which is away is told apart at once from one that has no events.
  Result<void> reachable() {
    auto deadline = gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(options_.connect_timeout_ms, GPR_TIMESPAN));
    if (channel_->WaitForConnected(deadline)) return {};
    return fail(Error(Reason::ServiceUnavailable, concat("no container runtime listens at ", options_.endpoint)));
  }

  template <class F>
  Result<void> call(F&& method, std::optional<int64_t> timeout_ms = {}) {
    grpc::ClientContext context;
    auto limit = timeout_ms.value_or(options_.timeout_ms);
    if (limit != kNoLimit)
      context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(limit, GPR_TIMESPAN)));
    grpc::Status status = method(context);
    if (status.ok()) return {};
    return fail(error_of(status));
  }

  template <class Method>
  Result<void> sandbox_call(const std::string& id, Method method) {
    pb::SandboxId request;
    request.set_id(id);
    pb::Empty answer;
    return call([&](auto& context) { return (runtime_.get()->*method)(&context, request, &answer); });
  }

  template <class Method>
  Result<void> container_call(const std::string& id, Method method) {
    pb::ContainerId request;
    request.set_id(id);
    pb::Empty answer;
    return call([&](auto& context) { return (runtime_.get()->*method)(&context, request, &answer); });
  }

  template <class Request>
  static void set_streams(Request& request, const ExecOptions& options) {
    request.set_tty(options.tty);
    request.set_stdin(options.stdin);
    request.set_stdout(options.stdout);
    request.set_stderr(options.stderr);
  }

  static Result<std::string> address_of(const pb::Url& answer) {
    if (answer.url().empty()) return fail(failure("URL is not set"));
    return answer.url();
  }

  const CriOptions options_;
  const std::shared_ptr<grpc::Channel> channel_, image_channel_;
  const std::unique_ptr<pb::RuntimeService::Stub> runtime_;
  const std::unique_ptr<pb::ImageService::Stub> images_;
};

}  // namespace

Result<std::unique_ptr<Runtime>> connect_cri(const CriOptions& options) {
  for (std::string_view endpoint : {std::string_view(options.endpoint), std::string_view(options.image_endpoint)})
    if (!endpoint.empty() && !endpoint.starts_with("unix://") && !endpoint.starts_with("/"))
      return fail(bad_request(concat("container runtime endpoint \"", endpoint, "\" must be unix:///path")));
  return std::make_unique<CriRuntime>(options);
}

std::string_view description_of(const Error& error) {
  std::string_view message = error.message();
  constexpr std::string_view mark = " desc = ";
  auto at = message.find(mark);
  if (!message.starts_with("rpc error: code = ") || at == std::string_view::npos) return message;
  return message.substr(at + mark.size());
}

}  // namespace sampan::kubelet
