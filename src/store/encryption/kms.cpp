#include "store/encryption/kms.h"

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <map>
#include <mutex>

#include "base/environment.h"
#include "base/log.h"
#include "base/text.h"
#include "base/uuid.h"
#include "base/watchman.h"
#include "store/encryption/kms.grpc.pb.h"

namespace sampan::store {

namespace {

using Steady = std::chrono::steady_clock;
using Annotations = std::map<std::string, std::string>;

constexpr int64_t kWellInterval_us = 60'000'000, kIllInterval_us = 10'000'000;
constexpr auto kWriteLife = std::chrono::minutes(3);  // of a key whose plug-in is not well
constexpr size_t kKeyIdBytesMax = 1024, kSourceBytesMax = 1024, kAnnotationBytesMax = 32 * 1024, kSeedBytes = 32, kSourcesMax = 10'000;
constexpr int kGcmKey = 0, kSeed = 1;

Error grpc_error(std::string_view what, const grpc::Status& status) {
  return internal_error(concat(what, ": rpc error: code = ", static_cast<int>(status.error_code()), " desc = ", status.error_message()));
}

// What the plug-in made of a seed or a key.
struct Source {
  std::string key_id, encrypted;
  Annotations annotations;
  int type = kSeed;
  auto operator<=>(const Source&) const = default;

  Result<void> check() const {
    if (key_id.empty()) return fail(internal_error("keyID is empty"));
    if (key_id.size() > kKeyIdBytesMax) return fail(internal_error(concat("keyID is ", key_id.size(), " bytes, which exceeds the max size of 1024")));
    if (encrypted.empty()) return fail(internal_error("encrypted DEK source is empty"));
    if (encrypted.size() > kSourceBytesMax)
      return fail(internal_error(concat("encrypted DEK source is ", encrypted.size(), " bytes, which exceeds the max size of 1024")));
    size_t bytes = 0;
    for (const auto& [key, value] : annotations) bytes += key.size() + value.size();
    if (bytes > kAnnotationBytesMax) return fail(internal_error(concat("total size of annotations is ", bytes, ", which exceeds the max size of 32768")));
    return {};
  }
};

class Plugin {
 public:
  explicit Plugin(const KmsOptions& options) : timeout_us_(options.timeout_us) {
    grpc::ChannelArguments arguments;
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    stub_ = v2::KeyManagementService::NewStub(
        grpc::CreateCustomChannel("unix:" + options.socket, grpc::InsecureChannelCredentials(), arguments));
  }

  Result<v2::StatusResponse> status() {
    v2::StatusResponse answer;
    grpc::ClientContext context;
    prepare(context);
    auto status = stub_->Status(&context, v2::StatusRequest(), &answer);
    if (!status.ok()) return fail(grpc_error("Status", status));
    return answer;
  }
  Result<Source> encrypt(const std::string& seed) {
    v2::EncryptRequest request;
    request.set_plaintext(seed);
    request.set_uid(new_uuid(secure_random()));
    v2::EncryptResponse answer;
    grpc::ClientContext context;
    prepare(context);
    auto status = stub_->Encrypt(&context, request, &answer);
    if (!status.ok()) return fail(grpc_error("failed to encrypt DEK, error", status));
    return Source{answer.key_id(), answer.ciphertext(), {answer.annotations().begin(), answer.annotations().end()}, kSeed};
  }
  Result<std::string> decrypt(const Source& source) {
    v2::DecryptRequest request;
    request.set_ciphertext(source.encrypted);
    request.set_key_id(source.key_id);
    request.set_uid(new_uuid(secure_random()));
    for (const auto& [key, value] : source.annotations) (*request.mutable_annotations())[key] = value;
    v2::DecryptResponse answer;
    grpc::ClientContext context;
    prepare(context);
    auto status = stub_->Decrypt(&context, request, &answer);
    if (!status.ok()) return fail(grpc_error("failed to decrypt DEK, error", status));
    return answer.plaintext();
  }

 private:
  void prepare(grpc::ClientContext& context) const {
    context.set_wait_for_ready(true);
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::microseconds(timeout_us_));
  }
  const int64_t timeout_us_;
  std::unique_ptr<v2::KeyManagementService::Stub> stub_;
};

class KmsCipher final : public Kms {
 public:
  explicit KmsCipher(const KmsOptions& options)
      : name_(options.name), well_kept_(options.well_kept_us), ill_kept_(options.ill_kept_us), plugin_(options) {
    watchman_.start(ask_now());
  }

  Result<std::string> seal(std::string_view plain, std::string_view key) const override {
    auto now = writer();
    if (!now.cipher) return fail(internal_error(concat("KMS provider ", name_, " has not given a key yet")));
    if (Steady::now() > now.expires) return fail(internal_error(concat("the key of KMS provider ", name_, " is out of date: the plug-in is not well")));
    v2::EncryptedObject object;
    object.set_encrypted_data(TRY(now.cipher->seal(plain, key)));
    object.set_key_id(now.source.key_id);
    object.set_encrypted_source(now.source.encrypted);
    object.set_source_type(now.source.type);
    for (const auto& [name, value] : now.source.annotations) (*object.mutable_annotations())[name] = value;
    return object.SerializeAsString();
  }

  Result<std::string> open(std::string_view sealed, std::string_view key, bool& stale) const override {
    v2::EncryptedObject object;
    if (!object.ParseFromArray(sealed.data(), static_cast<int>(sealed.size())) || object.encrypted_data().empty())
      return fail(internal_error("the stored data is no encrypted object"));
    Source source{object.key_id(), object.encrypted_source(), {object.annotations().begin(), object.annotations().end()}, object.source_type()};
    TRY(source.check());
    auto cipher = TRY(cipher_of(source));
    auto plain = TRY(cipher->open(object.encrypted_data(), key, stale));
    auto now = writer();
    stale |= source.key_id != now.source.key_id || source.type != now.source.type;
    return plain;
  }

  Result<void> check() override {
    std::lock_guard lock(health_mutex_);
    if (Steady::now() > good_until_) watchman_.wake();
    if (problem_.empty()) return {};
    return fail(Error(Reason::InternalError, problem_));
  }

 private:
  struct Writer {
    std::shared_ptr<const Cipher> cipher;
    Source source;
    Steady::time_point expires;
  };

  Writer writer() const {
    std::lock_guard lock(mutex_);
    return writer_;
  }

  Result<void> ask() {
    auto status = plugin_.status();
    if (!status) return fail(std::move(status).error().context(concat("failed to perform status section of the healthz check for KMS Provider ", name_)));
    auto ill = [&](std::string_view why) { return fail(internal_error(concat("kmsv2 Provider ", name_, " is not healthy, error: ", why))); };
    if (status->healthz() != "ok") return ill(concat("got unexpected healthz status: ", status->healthz()));
    if (status->version() != "v2" && status->version() != "v2beta1") return ill(concat("expected KMSv2 API version v2, got ", status->version()));
    if (auto good = keep_key(status->key_id()); !good) return ill(good.error().message());
    return {};
  }

  // A key of the plug-in's that is still its own lives on; for a new one there is a new seed.
  Result<void> keep_key(const std::string& key_id) {
    auto expires = Steady::now() + kWriteLife;
    {
      std::lock_guard lock(mutex_);
      if (writer_.cipher && writer_.source.key_id == key_id) {
        writer_.expires = expires;
        return {};
      }
    }
    auto seed = random_bytes(kSeedBytes);
    auto made = plugin_.encrypt(seed);
    if (!made) return fail(std::move(made).error());
    Source& source = *made;
    TRY(source.check());
    if (source.key_id != key_id) return fail(internal_error("the plug-in encrypts with another key than it says"));
    std::shared_ptr<const Cipher> cipher = TRY(seeded_gcm_cipher(seed));
    std::lock_guard lock(mutex_);
    by_source_[source] = cipher;
    writer_ = {std::move(cipher), std::move(source), expires};
    return {};
  }

  Result<std::shared_ptr<const Cipher>> cipher_of(const Source& source) const {
    {
      std::lock_guard lock(mutex_);
      if (auto known = by_source_.find(source); known != by_source_.end()) return known->second;
    }
    auto secret = TRY(plugin_.decrypt(source));
    std::shared_ptr<const Cipher> cipher = TRY(source.type == kGcmKey ? aes_gcm_cipher(secret) : seeded_gcm_cipher(secret));
    std::lock_guard lock(mutex_);
    if (by_source_.size() >= kSourcesMax) by_source_.clear();
    by_source_[source] = cipher;
    return cipher;
  }

  // When to ask again.
  int64_t ask_now() {
    auto well = ask();
    if (!well) LOG_ERROR(well.error().message());
    std::lock_guard lock(health_mutex_);
    problem_ = well ? std::string() : well.error().message();
    good_until_ = Steady::now() + (well ? well_kept_ : ill_kept_);
    return well ? kWellInterval_us : kIllInterval_us;
  }

  const std::string name_;
  const std::chrono::microseconds well_kept_, ill_kept_;
  mutable Plugin plugin_;
  mutable std::mutex mutex_;  // guards the writer and the sources
  Writer writer_;
  mutable std::map<Source, std::shared_ptr<const Cipher>> by_source_;

  std::mutex health_mutex_;  // guards the two that follow
  std::string problem_;
  Steady::time_point good_until_;
  Watchman watchman_{[this](bool) { return ask_now(); }};
};

}  // namespace

std::shared_ptr<Kms> open_kms(const KmsOptions& options) { return std::make_shared<KmsCipher>(options); }

}  // namespace sampan::store
