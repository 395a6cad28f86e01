// See payload.h.
#include "kubelet/volumes/payload.h"

#include "base/text.h"
#include "kubelet/downward.h"

namespace sampan::kubelet {

namespace {

constexpr int64_t kTokenSeconds = 3600;
constexpr char kNoMode[] = "no defaultMode used, not even the default value for it";

// As upstream joins what went wrong: one as it is, several in brackets, none twice.
class Complaints {
 public:
  void add(const Result<void>& result) {
    if (!result && std::ranges::find(texts_, result.error().message()) == texts_.end()) texts_.push_back(result.error().message());
  }
  Result<void> result() const {
    if (texts_.empty()) return {};
    return fail(failure(texts_.size() == 1 ? texts_[0] : concat("[", join(texts_, ", "), "]")));
  }

 private:
  std::vector<std::string> texts_;
};

}  // namespace

bool is_projection(const core_v1::Volume& volume) {
  return volume.has_config_map() || volume.has_secret() || volume.has_downward_api() || volume.has_projected();
}

std::optional<int64_t> common_user(const core_v1::Pod& pod) {
  auto of_pod = pod.spec().security_context().run_as_user();
  std::optional<int64_t> common;
  for (auto& spec : containers_of(pod)) {
    auto user = spec.container.security_context().run_as_user();
    if (!user) user = of_pod;
    if (!user || (common && *common != *user)) return {};
    common = user;
  }
  return common;
}

Collector::Collector(Cluster& cluster, Tokens& tokens, const core_v1::Pod& pod, const Quantities& allocatable)
    : cluster_(cluster), tokens_(tokens), pod_(pod), allocatable_(allocatable) {}

Result<Collected> Collector::collect(const core_v1::Volume& volume) {
  Collected out;
  auto mode = volume.has_config_map()     ? volume.config_map().default_mode()
              : volume.has_secret()       ? volume.secret().default_mode()
              : volume.has_downward_api() ? volume.downward_api().default_mode()
                                          : volume.projected().default_mode();
  if (!mode) return fail(failure(kNoMode));
  auto default_mode = static_cast<mode_t>(*mode);
  if (volume.has_config_map()) {
    auto from = volume.config_map();
    TRY(config_map(from.name(), from.items(), from.optional().value_or(false), default_mode, out.files));
  } else if (volume.has_secret()) {
    auto from = volume.secret();
    TRY(secret(from.secret_name(), from.items(), from.optional().value_or(false), default_mode, out.files));
  } else if (volume.has_downward_api()) {
    TRY(downward(volume.downward_api().items(), default_mode, out.files));
  } else {
    Complaints complaints;
    for (auto each : volume.projected().sources()) complaints.add(source(each, default_mode, out));
    TRY(complaints.result());
  }
  return out;
}

Result<void> Collector::config_map(std::string_view name, const Items& items, bool optional, mode_t mode, Payload& out) {
  auto object = cluster_.get("v1", "configmaps", pod_.metadata().namespace_(), name);
  if (!object && !(object.error().is(Reason::NotFound) && optional))
    return fail(object.error().is(Reason::NotFound) ? not_found("", "configmap", name) : std::move(object).error());
  core_v1::ConfigMap map;
  if (object) map = (*object)->as<core_v1::ConfigMap>();
  if (items.empty()) {
    for (auto entry : map.data()) out[std::string(entry.key)] = {std::string(entry.value), mode, {}};
    for (auto entry : map.binary_data()) out[std::string(entry.key)] = {std::string(entry.value), mode, {}};
  }
  for (auto item : items) {
    auto value = map.data().get(item.key());
    if (!value) value = map.binary_data().get(item.key());
    if (value)
      out[std::string(item.path())] = {std::string(*value), item.mode() ? static_cast<mode_t>(*item.mode()) : mode, {}};
    else if (!optional)
      return fail(failure(concat("configmap references non-existent config key: ", item.key())));
  }
  return {};
}

Result<void> Collector::secret(std::string_view name, const Items& items, bool optional, mode_t mode, Payload& out) {
  auto object = cluster_.get("v1", "secrets", pod_.metadata().namespace_(), name);
  if (!object && !(object.error().is(Reason::NotFound) && optional))
    return fail(object.error().is(Reason::NotFound) ? not_found("", "secret", name) : std::move(object).error());
  core_v1::Secret from;
  if (object) from = (*object)->as<core_v1::Secret>();
  if (items.empty())
    for (auto entry : from.data()) out[std::string(entry.key)] = {std::string(entry.value), mode, {}};
  for (auto item : items) {
    if (auto value = from.data().get(item.key()))
      out[std::string(item.path())] = {std::string(*value), item.mode() ? static_cast<mode_t>(*item.mode()) : mode, {}};
    else if (!optional)
      return fail(failure(concat("references non-existent secret key: ", item.key())));
  }
  return {};
}

Result<void> Collector::downward(const schema::ListView<core_v1::DownwardAPIVolumeFile>& items, mode_t mode, Payload& out) {
  Complaints complaints;
  for (auto item : items) {
    ProjectedFile file{{}, item.mode() ? static_cast<mode_t>(*item.mode()) : mode, {}};
    auto text = item.has_field_ref()            ? field_value(pod_, item.field_ref(), {})
                : item.has_resource_field_ref() ? resource_value(pod_, {}, item.resource_field_ref(), allocatable_)
                                                : Result<std::string>();
    if (text)
      file.content = std::move(*text);
    else
      complaints.add(fail(std::move(text).error()));
    out[std::string(item.path())] = std::move(file);
  }
  return complaints.result();
}

Result<void> Collector::token(const core_v1::ServiceAccountTokenProjection& source, mode_t mode, Collected& out) {
  TokenRequest request;
  request.namespace_ = pod_.metadata().namespace_();
  request.service_account = pod_.spec().service_account_name();
  request.audience = source.audience();
  request.expiration_seconds = source.expiration_seconds().value_or(kTokenSeconds);
  request.pod_name = pod_.metadata().name();
  request.pod_uid = pod_.metadata().uid();
  auto token = TRY(tokens_.get(request));
  auto user = common_user(pod_);
  // A group gets its read permission with the ownership of the whole volume.
  if (user || pod_.spec().security_context().fs_group()) mode = 0600;
  out.files[std::string(source.path())] = {std::move(token.text), mode, user};
  out.next = std::min(out.next.value_or(INT64_MAX), token.renew_at);
  return {};
}

Result<void> Collector::source(const core_v1::VolumeProjection& source, mode_t mode, Collected& out) {
  // What an error leaves half done does not matter: nothing is written then.
  if (source.has_secret()) return secret(source.secret().name(), source.secret().items(), source.secret().optional().value_or(false), mode, out.files);
  if (source.has_config_map()) return config_map(source.config_map().name(), source.config_map().items(), source.config_map().optional().value_or(false), mode, out.files);
  if (source.has_downward_api()) return downward(source.downward_api().items(), mode, out.files);
  if (source.has_service_account_token()) return token(source.service_account_token(), mode, out);
  if (source.has_cluster_trust_bundle()) return fail(failure("ClusterTrustBundle projection is not supported on this node"));
  if (source.has_pod_certificate()) return fail(failure("pod certificate projection is not supported on this node"));
  return {};
}

}  // namespace sampan::kubelet
