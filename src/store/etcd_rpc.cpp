// The calls to etcd over gRPC: channels, endpoints, errors. The one file that includes gRPC.
#include "store/etcd_rpc.h"

#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include "base/text.h"
#include "store/etcd.grpc.pb.h"

namespace sampan::store {

namespace {

namespace pb = etcdserverpb;

constexpr int64_t kCallTimeoutMs = 30'000;
constexpr int64_t kLookMs = 20;
constexpr int kKeepaliveMs = 30'000;  // as kube-apiserver asks of its etcd
constexpr int kKeepaliveTimeoutMs = 10'000;

Result<std::string> read_file(const std::string& path) {
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string content;
  char buffer[16384];
  ssize_t got = file < 0 ? -1 : 1;
  while (got > 0) {
    got = ::read(file, buffer, sizeof buffer);
    if (got > 0) content.append(buffer, static_cast<size_t>(got));
  }
  int error = errno;
  if (file >= 0) ::close(file);
  if (got < 0) return fail(Error(Reason::InternalError, concat("etcd: cannot read ", path, ": ", strerror(error))));
  return content;
}

gpr_timespec in_ms(int64_t ms) {
  return gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

struct Target {
  std::string address;
  bool tls;
};

// "https://host:port" -> what gRPC calls a target.
Target target_of(std::string_view endpoint, bool has_ca) {
  if (endpoint.starts_with("https://")) return {std::string(endpoint.substr(8)), true};
  if (endpoint.starts_with("http://")) return {std::string(endpoint.substr(7)), false};
  if (endpoint.starts_with("unixs://")) return {concat("unix:", endpoint.substr(8)), true};
  if (endpoint.starts_with("unix://")) return {concat("unix:", endpoint.substr(7)), false};
  return {std::string(endpoint), has_ca};
}

Error error_of(const grpc::Status& status) {
  auto message = concat("etcd: ", status.error_message());
  switch (status.error_code()) {
    case grpc::StatusCode::OUT_OF_RANGE:
      if (message.find("compacted") != std::string::npos) return Error(Reason::Expired, std::move(message));
      return Error(Reason::Timeout, std::move(message))
          .cause("ResourceVersionTooLarge", "Too large resource version", "");
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:  // the quota is used up, or too many requests
    case grpc::StatusCode::CANCELLED:
      return Error(Reason::ServiceUnavailable, std::move(message));
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Error(Reason::Timeout, std::move(message));
    case grpc::StatusCode::INVALID_ARGUMENT:
      if (message.find("too large") != std::string::npos)
        return Error(Reason::RequestEntityTooLarge, std::move(message));
      return Error(Reason::InternalError, std::move(message));
    default:
      return Error(Reason::InternalError, std::move(message));
  }
}

void set_up(grpc::ClientContext& context) {
  // A member that lost the others must say so rather than serve what may be old, or a watch that stays silent.
  context.AddMetadata("hasleader", "true");
}

class WatchStream : public EtcdWatchStream {
 public:
  explicit WatchStream(const std::shared_ptr<grpc::Channel>& channel) : stub_(pb::Watch::NewStub(channel)) {
    set_up(context_);
    stream_ = stub_->Watch(&context_);
  }
  ~WatchStream() override {
    context_.TryCancel();
    // Also ends a stream that is being read by nobody; its status says nothing that read() has not said.
    pb::WatchResponse rest;
    while (stream_->Read(&rest)) {
    }
    (void)stream_->Finish();
  }
  bool write(const pb::WatchRequest& request) override { return stream_->Write(request); }
  bool read(pb::WatchResponse& response) override { return stream_->Read(&response); }
  void cancel() override { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<pb::Watch::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<pb::WatchRequest, pb::WatchResponse>> stream_;
};

class Rpc : public EtcdRpc {
 public:
  Rpc(std::vector<std::shared_ptr<grpc::Channel>> channels, int64_t connect_timeout_ms)
      : channels_(std::move(channels)), connect_timeout_ms_(connect_timeout_ms) {}

  Result<void> range(const pb::RangeRequest& request, pb::RangeResponse& response) override {
    return read(
        [&](auto& channel, auto& context) { return pb::KV::NewStub(channel)->Range(&context, request, &response); });
  }
  Result<void> txn(const pb::TxnRequest& request, pb::TxnResponse& response) override {
    return call(
        [&](auto& channel, auto& context) { return pb::KV::NewStub(channel)->Txn(&context, request, &response); });
  }
  Result<void> compact(const pb::CompactionRequest& request) override {
    pb::CompactionResponse response;
    return call(
        [&](auto& channel, auto& context) { return pb::KV::NewStub(channel)->Compact(&context, request, &response); });
  }
  Result<void> grant(const pb::LeaseGrantRequest& request, pb::LeaseGrantResponse& response) override {
    return call([&](auto& channel, auto& context) {
      return pb::Lease::NewStub(channel)->LeaseGrant(&context, request, &response);
    });
  }
  Result<void> status(pb::StatusResponse& response) override {
    return read([&](auto& channel, auto& context) {
      return pb::Maintenance::NewStub(channel)->Status(&context, pb::StatusRequest(), &response);
    });
  }
  Result<void> snapshot(const std::function<bool(std::string_view)>& sink) override {
    auto channel = TRY(ready());
    grpc::ClientContext context;
    set_up(context);
    auto stub = pb::Maintenance::NewStub(channel);
    auto reader = stub->Snapshot(&context, pb::SnapshotRequest());
    pb::SnapshotResponse piece;
    bool taken = true;
    while (taken && reader->Read(&piece)) taken = sink(piece.blob());
    if (!taken) context.TryCancel();
    auto status = reader->Finish();
    if (!taken) return fail(Error(Reason::InternalError, "etcd: the snapshot cannot be written"));
    if (!status.ok()) return fail(error_of(status));
    return {};
  }
  Result<std::unique_ptr<EtcdWatchStream>> watch() override {
    auto channel = TRY(ready());
    return std::make_unique<WatchStream>(channel);
  }

 private:
  // A channel that is connected: the one used last, or the first that answers.
  Result<std::shared_ptr<grpc::Channel>> ready() {
    auto deadline = real_clock().monotonic_us() + connect_timeout_ms_ * 1000;
    while (true) {
      auto first = current_.load();
      for (size_t i = 0; i < channels_.size(); i++) {
        auto index = (first + i) % channels_.size();
        if (channels_[index]->GetState(true) != GRPC_CHANNEL_READY) continue;
        current_.compare_exchange_strong(first, index);
        return channels_[index];
      }
      if (real_clock().monotonic_us() >= deadline)
        return fail(Error(Reason::ServiceUnavailable, "etcd: no endpoint can be reached"));
      // Wakes early if this one moves; the others are looked at soon enough.
      auto& channel = channels_[first];
      channel->WaitForStateChange(channel->GetState(true), in_ms(kLookMs));
    }
  }

  template <class F>
  Result<void> call(F&& method) {
    auto channel = TRY(ready());
    auto index = current_.load();
    grpc::ClientContext context;
    set_up(context);
    context.set_deadline(in_ms(kCallTimeoutMs));
    grpc::Status status = method(channel, context);
    if (status.ok()) return {};
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) advance(index);
    return fail(error_of(status));
  }

  template <class F>
  Result<void> read(F&& method) {
    for (size_t tries = 0;; tries++) {
      auto result = call(method);
      if (result || !result.error().is(Reason::ServiceUnavailable) || tries >= channels_.size()) return result;
    }
  }

  void advance(size_t from) { current_.compare_exchange_strong(from, (from + 1) % channels_.size()); }

  const std::vector<std::shared_ptr<grpc::Channel>> channels_;
  const int64_t connect_timeout_ms_;
  std::atomic<size_t> current_ = 0;
};

}  // namespace

Result<std::unique_ptr<EtcdRpc>> EtcdRpc::connect(const EtcdOptions& options) {
  if (options.endpoints.empty()) return fail(Error(Reason::InternalError, "etcd: no endpoint is given"));
  grpc::SslCredentialsOptions tls;
  if (!options.ca_file.empty()) tls.pem_root_certs = TRY(read_file(options.ca_file));
  if (!options.cert_file.empty()) tls.pem_cert_chain = TRY(read_file(options.cert_file));
  if (!options.key_file.empty()) tls.pem_private_key = TRY(read_file(options.key_file));

  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // a list may be large
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (auto& endpoint : options.endpoints) {
    auto target = target_of(endpoint, !options.ca_file.empty());
    auto credentials = target.tls ? grpc::SslCredentials(tls) : grpc::InsecureChannelCredentials();
    channels.push_back(grpc::CreateCustomChannel(target.address, credentials, arguments));
  }
  return std::make_unique<Rpc>(std::move(channels), options.connect_timeout_ms);
}

}  // namespace sampan::store
