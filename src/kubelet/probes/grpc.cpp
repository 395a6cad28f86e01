// The health service of gRPC, asked as a probe asks it.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include "base/encoding.h"
#include "base/text.h"
#include "kubelet/probes/health.grpc.pb.h"
#include "kubelet/probes/http.h"

namespace sampan::kubelet {

namespace health = ::grpc::health::v1;

Result<void> grpc_check(const std::string& host, int port, const std::string& service, int64_t timeout_ms) {
  auto address = host.find(':') == std::string::npos ? concat(host, ":", port) : concat("[", host, "]:", port);
  std::string limit;
  append_duration(limit, timeout_ms * 1'000'000);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  auto channel = grpc::CreateCustomChannel(concat(host.find(':') == std::string::npos ? "ipv4:" : "ipv6:", address), grpc::InsecureChannelCredentials(), arguments);
  auto deadline = gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(timeout_ms, GPR_TIMESPAN));
  if (!channel->WaitForConnected(deadline))
    return fail(failure(concat("timeout: failed to connect service ", quoted(address), " within ", limit, ": context deadline exceeded")));
  grpc::ClientContext context;
  context.set_deadline(deadline);
  health::HealthCheckRequest request;
  request.set_service(service);
  health::HealthCheckResponse answer;
  auto status = health::Health::NewStub(channel)->Check(&context, request, &answer);
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED)
    return fail(failure(concat("error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ", status.error_message())));
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) return fail(failure(concat("timeout: health rpc did not complete within ", limit)));
  if (!status.ok()) return fail(failure(concat("error: health rpc probe failed: ", status.error_message())));
  static constexpr std::string_view names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
  if (answer.status() == 1) return {};
  return fail(failure(concat("service unhealthy (responded with ", quoted(names[answer.status() >= 0 && answer.status() < 4 ? answer.status() : 0]), ")")));
}

}  // namespace sampan::kubelet
