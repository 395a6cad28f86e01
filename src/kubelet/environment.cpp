// See environment.h.
#include "kubelet/environment.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/text.h"

namespace sampan::kubelet {

namespace {

std::string variable_name(std::string_view name) {
  std::string out;
  for (char c : name) out += c == '-' ? '_' : static_cast<char>(toupper(static_cast<unsigned char>(c)));
  return out;
}

// The value of KEY in a file of KEY=VALUE lines; values may be in single quotes.
std::optional<std::string> value_in_file(std::string_view content, std::string_view key) {
  for (auto line : split(content, '\n')) {
    line = trim(line);
    auto equals = line.find('=');
    if (line.empty() || line[0] == '#' || equals == std::string_view::npos || trim(line.substr(0, equals)) != key) continue;
    auto value = trim(line.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'') value = value.substr(1, value.size() - 2);
    return std::string(value);
  }
  return {};
}

class Maker {
 public:
  explicit Maker(const EnvironmentInput& in) : in_(in) {}

  Result<Environment> make() {
    if (!in_.pod.spec().enable_service_links())
      return fail(failure("nil pod.spec.enableServiceLinks encountered, cannot construct envvars"));
    for (auto& service : in_.services) add_service(services_, service->as<core_v1::Service>());
    for (auto source : in_.container.env_from()) TRY(from_map(source));
    for (auto variable : in_.container.env()) TRY(one(variable));
    for (auto& [name, value] : services_)
      if (!find(out_, name)) out_.emplace_back(name, value);
    return std::move(out_);
  }

 private:
  static const std::string* find(const Environment& list, std::string_view name) {
    for (auto& [key, value] : list)
      if (key == name) return &value;
    return nullptr;
  }

  void set(std::string_view name, std::string value) {
    for (auto& [key, old] : out_)
      if (key == name) {
        old = std::move(value);
        return;
      }
    out_.emplace_back(name, std::move(value));
  }

  std::string expanded(std::string_view text) const {
    return expand(text, [&](std::string_view name) -> std::optional<std::string_view> {
      for (auto list : {&out_, &services_})
        if (auto value = find(*list, name)) return *value;
      return {};
    });
  }

  // Null: it is not there, and need not be.
  Result<schema::ObjectRef> object(std::string_view resource, std::string_view name, bool optional) {
    auto got = in_.cluster.get("v1", resource, in_.pod.metadata().namespace_(), name);
    if (got || !got.error().is(Reason::NotFound)) return got;
    if (optional) return schema::ObjectRef();
    return fail(not_found("", resource.substr(0, resource.size() - 1), name));  // the agent says it in the singular
  }

  Result<void> from_map(const core_v1::EnvFromSource& source) {
    if (source.has_config_map_ref()) {
      auto ref = source.config_map_ref();
      auto map = TRY(object("configmaps", ref.name(), ref.optional().value_or(false)));
      if (map)
        for (auto entry : map->as<core_v1::ConfigMap>().data()) set(concat(source.prefix(), entry.key), std::string(entry.value));
    } else if (source.has_secret_ref()) {
      auto ref = source.secret_ref();
      auto secret = TRY(object("secrets", ref.name(), ref.optional().value_or(false)));
      if (secret)
        for (auto entry : secret->as<core_v1::Secret>().data()) set(concat(source.prefix(), entry.key), std::string(entry.value));
    }
    return {};
  }

  Result<void> one(const core_v1::EnvVar& variable) {
    if (!variable.value().empty() || !variable.has_value_from()) {
      set(variable.name(), expanded(variable.value()));
      return {};
    }
    auto value = TRY(value_from(variable.value_from()));
    if (value) set(variable.name(), std::move(*value));
    return {};
  }

  // None: optional, and not there.
  Result<std::optional<std::string>> value_from(const core_v1::EnvVarSource& from) {
    if (from.has_field_ref()) return TRY(field_value(in_.pod, from.field_ref(), in_.addresses));
    if (from.has_resource_field_ref()) return TRY(resource_value(in_.pod, in_.container, from.resource_field_ref(), in_.allocatable));
    if (from.has_config_map_key_ref()) {
      auto ref = from.config_map_key_ref();
      auto map = TRY(object("configmaps", ref.name(), ref.optional().value_or(false)));
      if (!map) return std::nullopt;
      return key_of(map->as<core_v1::ConfigMap>().data().get(ref.key()), ref.key(), "ConfigMap", ref.name(), ref.optional().value_or(false));
    }
    if (from.has_secret_key_ref()) {
      auto ref = from.secret_key_ref();
      auto secret = TRY(object("secrets", ref.name(), ref.optional().value_or(false)));
      if (!secret) return std::nullopt;
      return key_of(secret->as<core_v1::Secret>().data().get(ref.key()), ref.key(), "Secret", ref.name(), ref.optional().value_or(false));
    }
    if (from.has_file_key_ref()) return file_value(from.file_key_ref());
    return std::string();
  }

  Result<std::optional<std::string>> key_of(std::optional<std::string_view> value, std::string_view key, std::string_view kind,
                                            std::string_view name, bool optional) {
    if (value) return std::string(*value);
    if (optional) return std::nullopt;
    return fail(failure(concat("couldn't find key ", key, " in ", kind, " ", in_.pod.metadata().namespace_(), "/", name)));
  }

  Result<std::optional<std::string>> file_value(const core_v1::FileKeySelector& ref) {
    auto volume = in_.volumes.find(std::string(ref.volume_name()));
    if (volume == in_.volumes.end()) return fail(failure(concat("cannot find the volume ", quoted(ref.volume_name()), " referenced by FileKeyRef")));
    // The pod's containers write there: never follow a link out of the volume.
    int folder = ::open(volume->second.host_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    open_how how = {.flags = O_RDONLY | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_BENEATH};
    auto path = std::string(ref.path());
    int file = folder < 0 ? -1 : static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how));
    if (folder >= 0) ::close(folder);
    std::string content(64 << 10, '\0');
    auto got = file < 0 ? -1 : ::read(file, content.data(), content.size());
    if (file >= 0) ::close(file);
    if (got < 0 && !ref.optional().value_or(false)) return fail(failure("couldn't parse env file"));
    content.resize(got < 0 ? 0 : static_cast<size_t>(got));
    auto value = value_in_file(content, ref.key());
    if (value && !value->empty()) return value;
    if (ref.optional().value_or(false)) return std::nullopt;
    return fail(failure(concat("environment variable key ", quoted(ref.key()), " not found in file ", quoted(concat(volume->second.host_path, "/", path)))));
  }

  const EnvironmentInput& in_;
  Environment out_, services_;
};

}  // namespace

void add_service(Environment& out, const core_v1::Service& service) {
  auto ip = service.spec().cluster_ip();
  if (ip.empty() || ip == "None" || service.spec().ports().empty()) return;
  auto prefix = variable_name(service.metadata().name());
  out.emplace_back(concat(prefix, "_SERVICE_HOST"), ip);
  out.emplace_back(concat(prefix, "_SERVICE_PORT"), concat(service.spec().ports()[0].port()));
  for (auto port : service.spec().ports())
    if (!port.name().empty()) out.emplace_back(concat(prefix, "_SERVICE_PORT_", variable_name(port.name())), concat(port.port()));
  bool is_first = true;
  for (auto port : service.spec().ports()) {
    auto protocol = port.protocol().empty() ? std::string_view("TCP") : port.protocol();
    auto address = concat(to_lower(protocol), "://", ip.find(':') == std::string_view::npos ? std::string(ip) : concat("[", ip, "]"), ":", port.port());
    if (is_first) out.emplace_back(concat(prefix, "_PORT"), address);
    is_first = false;
    auto name = concat(prefix, "_PORT_", port.port(), "_", protocol);
    out.emplace_back(name, address);
    out.emplace_back(concat(name, "_PROTO"), to_lower(protocol));
    out.emplace_back(concat(name, "_PORT"), concat(port.port()));
    out.emplace_back(concat(name, "_ADDR"), ip);
  }
}

Result<Environment> make_environment(const EnvironmentInput& input) { return Maker(input).make(); }

}  // namespace sampan::kubelet
