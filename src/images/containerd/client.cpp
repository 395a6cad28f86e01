// The calls over gRPC: the only file here that includes it.
#include "images/containerd/client.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/environment.h"
#include "base/text.h"
#include "images/containerd/content.grpc.pb.h"
#include "images/containerd/diff.grpc.pb.h"
#include "images/containerd/images.grpc.pb.h"
#include "images/containerd/leases.grpc.pb.h"
#include "images/containerd/snapshots.grpc.pb.h"

namespace sampan::images {

namespace {

namespace pb = ::containerd::types;
namespace content_pb = ::containerd::services::content::v1;
namespace images_pb = ::containerd::services::images::v1;
namespace snapshots_pb = ::containerd::services::snapshots::v1;
namespace diff_pb = ::containerd::services::diff::v1;
namespace leases_pb = ::containerd::services::leases::v1;

constexpr char kNamespace[] = "k8s.io";
constexpr int64_t kCallTimeoutMs = 120'000, kUnpackTimeoutMs = 3'600'000;
constexpr int64_t kLeaseSeconds = 24 * 3600;  // of an import that was killed: after this its leavings are collected
constexpr uint64_t kChunk = 1 << 20;          // containerd takes messages of up to 16 MiB
constexpr int kChunksAhead = 4;               // that were sent before the answer to the first came
constexpr int kLockedTries = 600, kLockedWaitUs = 200'000;

gpr_timespec deadline_after(int64_t ms) { return gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_millis(ms, GPR_TIMESPAN)); }

Error error_of(std::string_view doing, const grpc::Status& status) {
  auto text = concat("containerd: ", doing, ": ", status.error_message());
  switch (status.error_code()) {
    case grpc::StatusCode::NOT_FOUND: return Error(Reason::NotFound, std::move(text));
    case grpc::StatusCode::ALREADY_EXISTS: return Error(Reason::AlreadyExists, std::move(text));
    case grpc::StatusCode::UNAVAILABLE: return Error(Reason::ServiceUnavailable, std::move(text));
    case grpc::StatusCode::DEADLINE_EXCEEDED: return Error(Reason::Timeout, std::move(text));
    default: return Error(Reason::InternalError, std::move(text));
  }
}

void fill(pb::Descriptor* out, const Descriptor& descriptor) {
  out->set_media_type(descriptor.media_type);
  out->set_digest(descriptor.digest);
  out->set_size(descriptor.size);
  for (const auto& [name, value] : descriptor.annotations) (*out->mutable_annotations())[name] = value;
}

class Client : public Containerd {
 public:
  explicit Client(const std::string& socket)
      : channel_(grpc::CreateCustomChannel(concat("unix:", socket), grpc::InsecureChannelCredentials(), arguments())),
        content_(content_pb::Content::NewStub(channel_)),
        images_(images_pb::Images::NewStub(channel_)),
        snapshots_(snapshots_pb::Snapshots::NewStub(channel_)),
        diff_(diff_pb::Diff::NewStub(channel_)),
        leases_(leases_pb::Leases::NewStub(channel_)) {}

  Result<void> begin_lease() override {
    auto id = concat("sampan-import-", getpid(), "-", secure_random().next());
    leases_pb::CreateRequest request;
    request.set_id(id);
    std::string until;
    append_time(until, real_clock().now_us() / 1'000'000 + kLeaseSeconds);
    (*request.mutable_labels())["containerd.io/gc.expire"] = until;
    leases_pb::CreateResponse answer;
    TRY(call("make a lease", [&](auto& context) { return leases_->Create(&context, request, &answer); }));
    lease_ = id;
    return {};
  }

  Result<void> lease(std::string_view type, const std::string& id) override {
    leases_pb::AddResourceRequest request;
    request.set_id(lease_);
    request.mutable_resource()->set_type(std::string(type));
    request.mutable_resource()->set_id(id);
    pb::Nothing answer;
    return call(concat("keep ", id), [&](auto& context) { return leases_->AddResource(&context, request, &answer); });
  }

  Result<void> end_lease(bool clean) override {
    leases_pb::DeleteRequest request;
    request.set_id(std::exchange(lease_, {}));
    request.set_sync(clean);
    pb::Nothing answer;
    return call("end a lease", [&](auto& context) { return leases_->Delete(&context, request, &answer); });
  }

  Result<std::optional<Labels>> content_labels(const std::string& digest) override {
    content_pb::InfoRequest request;
    request.set_digest(digest);
    content_pb::InfoResponse answer;
    auto result = call(concat("look for ", digest), [&](auto& context) { return content_->Info(&context, request, &answer); });
    if (!result && result.error().is(Reason::NotFound)) return std::nullopt;
    TRY(std::move(result));
    return Labels(answer.info().labels().begin(), answer.info().labels().end());
  }

  Result<void> label_content(const std::string& digest, const Labels& labels) override {
    content_pb::UpdateRequest request;
    request.mutable_info()->set_digest(digest);
    for (const auto& [name, value] : labels) {
      (*request.mutable_info()->mutable_labels())[name] = value;
      request.mutable_update_mask()->add_paths("labels." + name);
    }
    content_pb::InfoResponse answer;
    return call(concat("label ", digest), [&](auto& context) { return content_->Update(&context, request, &answer); });
  }

  Result<void> write_content(const Descriptor& blob, const Labels& labels, const Bytes& from, uint64_t offset, const std::function<void(uint64_t)>& wrote) override;

  Result<std::optional<std::string>> image_target(const std::string& name) override {
    images_pb::GetImageRequest request;
    request.set_name(name);
    images_pb::ImageResponse answer;
    auto result = call(concat("look for image ", name), [&](auto& context) { return images_->Get(&context, request, &answer); });
    if (!result && result.error().is(Reason::NotFound)) return std::nullopt;
    TRY(std::move(result));
    return answer.image().target().digest();
  }

  Result<void> put_image(const std::string& name, const Descriptor& target) override {
    images_pb::CreateImageRequest create;
    create.mutable_image()->set_name(name);
    fill(create.mutable_image()->mutable_target(), target);
    images_pb::ImageResponse answer;
    auto doing = concat("name image ", name);
    auto created = call(doing, [&](auto& context) { return images_->Create(&context, create, &answer); });
    if (created || !created.error().is(Reason::AlreadyExists)) return created;
    images_pb::UpdateImageRequest update;
    *update.mutable_image() = create.image();
    update.mutable_update_mask()->add_paths("target");  // labels that others gave it stay
    return call(doing, [&](auto& context) { return images_->Update(&context, update, &answer); });
  }

  Result<bool> has_snapshot(const std::string& chain_id) override {
    snapshots_pb::SnapshotRequest request;
    request.set_snapshotter(std::string(kSnapshotter));
    request.set_key(chain_id);
    snapshots_pb::StatSnapshotResponse answer;
    auto result = call(concat("look for snapshot ", chain_id), [&](auto& context) { return snapshots_->Stat(&context, request, &answer); });
    if (!result && result.error().is(Reason::NotFound)) return false;
    TRY(std::move(result));
    return true;
  }

  Result<void> unpack(const Layer& layer) override;

 private:
  static grpc::ChannelArguments arguments() {
    grpc::ChannelArguments arguments;
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");  // Go's gRPC takes no path for one
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    return arguments;
  }

  void prepare(grpc::ClientContext& context, int64_t timeout_ms) const {
    if (timeout_ms > 0) context.set_deadline(deadline_after(timeout_ms));
    context.AddMetadata("containerd-namespace", kNamespace);
    if (!lease_.empty()) context.AddMetadata("containerd-lease", lease_);
  }

  template <class Call>
  Result<void> call(std::string_view doing, Call make, int64_t timeout_ms = kCallTimeoutMs) const {
    grpc::ClientContext context;
    prepare(context, timeout_ms);
    grpc::Status status = make(context);
    if (!status.ok()) return fail(error_of(doing, status));
    return {};
  }

  Result<void> write_once(const Descriptor& blob, const Labels& labels, const Bytes& from, uint64_t offset, const std::function<void(uint64_t)>& wrote);
  Result<void> apply(const Layer& layer, const snapshots_pb::PrepareSnapshotResponse& mounts);

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<content_pb::Content::Stub> content_;
  std::unique_ptr<images_pb::Images::Stub> images_;
  std::unique_ptr<snapshots_pb::Snapshots::Stub> snapshots_;
  std::unique_ptr<diff_pb::Diff::Stub> diff_;
  std::unique_ptr<leases_pb::Leases::Stub> leases_;
  std::string lease_;
};

// One blob on its way. Messages go out ahead of their answers; the answers are counted.
class BlobStream {
 public:
  using Messages = grpc::ClientReaderWriter<content_pb::WriteContentRequest, content_pb::WriteContentResponse>;
  explicit BlobStream(std::unique_ptr<Messages> messages) : messages_(std::move(messages)) {}

  // False: the other end has hung up, and finish() says why.
  bool send(const content_pb::WriteContentRequest& request) {
    if (unanswered_ >= kChunksAhead && !receive()) return false;
    if (!messages_->Write(request)) return false;
    unanswered_++;
    return true;
  }
  bool receive() {
    if (!messages_->Read(&answer_)) return false;
    unanswered_--;
    return true;
  }
  bool receive_rest() {
    while (unanswered_ > 0)
      if (!receive()) return false;
    return true;
  }
  uint64_t offset() const { return static_cast<uint64_t>(answer_.offset()); }
  grpc::Status finish() {
    messages_->WritesDone();
    while (messages_->Read(&answer_)) {
    }
    return messages_->Finish();
  }

 private:
  std::unique_ptr<Messages> messages_;
  content_pb::WriteContentResponse answer_;
  int unanswered_ = 0;
};

Result<void> Client::write_once(const Descriptor& blob, const Labels& labels, const Bytes& from, uint64_t offset, const std::function<void(uint64_t)>& wrote) {
  grpc::ClientContext context;
  prepare(context, 0);
  BlobStream stream(content_->Write(&context));
  auto size = static_cast<uint64_t>(blob.size);
  content_pb::WriteContentRequest request;
  request.set_ref(concat("sampan-", blob.digest));
  request.set_total(blob.size);
  request.set_expected(blob.digest);
  bool alive = true;
  uint64_t at = 0;
  // What fits into one message needs no question before; of the rest, an earlier import may have left a part.
  if (size > kChunk) {
    request.set_action(content_pb::STAT);
    alive = stream.send(request) && stream.receive();
    if (alive) at = std::min(stream.offset(), size);
    request.clear_expected();
    if (at > 0) wrote(at);
  }
  while (alive) {
    auto some = std::min(kChunk, size - at);
    if (some > 0) {
      auto bytes = read_all(from, offset + at, some);
      if (!bytes) {
        (void)stream.receive_rest();
        (void)stream.finish();
        return fail(std::move(bytes.error()));
      }
      request.set_data(*std::move(bytes));
    }
    request.set_offset(static_cast<int64_t>(at));
    bool last = at + some == size;
    request.set_action(last ? content_pb::COMMIT : content_pb::WRITE);
    if (last) {
      request.set_expected(blob.digest);
      for (const auto& [name, value] : labels) (*request.mutable_labels())[name] = value;
    }
    alive = stream.send(request);
    request.clear_data();
    at += some;
    if (alive) wrote(some);
    if (last) break;
  }
  if (alive) stream.receive_rest();
  auto status = stream.finish();
  if (!status.ok()) return fail(error_of(concat("write ", blob.digest), status));
  return {};
}

Result<void> Client::write_content(const Descriptor& blob, const Labels& labels, const Bytes& from, uint64_t offset, const std::function<void(uint64_t)>& wrote) {
  for (int tried = 0;; tried++) {
    auto result = write_once(blob, labels, from, offset, wrote);
    if (result) return {};
    const auto& why = result.error();
    if (why.is(Reason::AlreadyExists)) return labels.empty() ? Result<void>() : label_content(blob.digest, labels);
    bool is_locked = why.is(Reason::ServiceUnavailable) && why.message().find(" locked for ") != std::string::npos;
    if (is_locked && tried < kLockedTries) {  // somebody else writes the very same blob
      usleep(kLockedWaitUs);
      continue;
    }
    // What has another digest than it should would be found again by the next import.
    if (!why.is(Reason::ServiceUnavailable)) {
      content_pb::AbortRequest request;
      request.set_ref(concat("sampan-", blob.digest));
      pb::Nothing answer;
      (void)call("give up a write", [&](auto& context) { return content_->Abort(&context, request, &answer); });
    }
    return result;
  }
}

Result<void> Client::apply(const Layer& layer, const snapshots_pb::PrepareSnapshotResponse& prepared) {
  diff_pb::ApplyRequest request;
  fill(request.mutable_diff(), layer.blob);
  *request.mutable_mounts() = prepared.mounts();
  diff_pb::ApplyResponse answer;
  TRY(call(concat("unpack layer ", layer.blob.digest), [&](auto& context) { return diff_->Apply(&context, request, &answer); }, kUnpackTimeoutMs));
  if (answer.applied().digest() == layer.diff_id) return {};
  return fail(bad_request(concat("layer ", layer.blob.digest, " unpacks to ", answer.applied().digest(), ", and the image's config says ", layer.diff_id)));
}

Result<void> Client::unpack(const Layer& layer) {
  auto key = concat("extract-", secure_random().next(), " ", layer.chain_id);
  snapshots_pb::PrepareSnapshotRequest prepare;
  prepare.set_snapshotter(std::string(kSnapshotter));
  prepare.set_key(key);
  prepare.set_parent(layer.parent);
  snapshots_pb::PrepareSnapshotResponse prepared;
  auto doing = concat("unpack layer ", layer.blob.digest);
  TRY(call(doing, [&](auto& context) { return snapshots_->Prepare(&context, prepare, &prepared); }));
  auto result = apply(layer, prepared);
  pb::Nothing answer;
  if (result) {
    snapshots_pb::CommitSnapshotRequest commit;
    commit.set_snapshotter(std::string(kSnapshotter));
    commit.set_name(layer.chain_id);
    commit.set_key(key);
    result = call(doing, [&](auto& context) { return snapshots_->Commit(&context, commit, &answer); });
    if (result) return {};
  }
  snapshots_pb::SnapshotRequest remove;
  remove.set_snapshotter(std::string(kSnapshotter));
  remove.set_key(key);
  (void)call(doing, [&](auto& context) { return snapshots_->Remove(&context, remove, &answer); });
  if (result.error().is(Reason::AlreadyExists)) return {};  // somebody else has unpacked it meanwhile
  return result;
}

}  // namespace

std::unique_ptr<Containerd> connect_containerd(const std::string& socket) { return std::make_unique<Client>(socket); }

}  // namespace sampan::images
