// See image_names.h.
#include "kubelet/image_names.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "images/reference.h"
#include "schema/json.h"

namespace sampan::kubelet {

namespace {

bool host_matches(std::string_view pattern, std::string_view host) {
  auto pattern_port = pattern.rfind(':'), host_port = host.rfind(':');
  if ((pattern_port == std::string_view::npos) != (host_port == std::string_view::npos)) return false;
  if (pattern_port != std::string_view::npos && pattern.substr(pattern_port) != host.substr(host_port)) return false;
  auto a = split(pattern.substr(0, pattern_port), '.'), b = split(host.substr(0, host_port), '.');
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++) {
    auto star = a[i].find('*');
    if (star == std::string_view::npos ? a[i] != b[i]
                                       : !b[i].starts_with(a[i].substr(0, star)) || !b[i].ends_with(a[i].substr(star + 1)) || b[i].size() + 1 < a[i].size())
      return false;
  }
  return true;
}

}  // namespace

Result<std::string> full_image_name(std::string_view name) {
  auto parsed = images::parse_reference(name);
  if (!parsed) return fail(failure(concat("couldn't parse image name ", quoted(name), ": ", parsed.error().message())));
  return parsed->tag.empty() && parsed->digest.empty() ? concat(name, ":latest") : std::string(name);
}

void Keyring::add_entry(std::string_view registry, const schema::Value& entry) {
  auto rest = registry;
  for (std::string_view scheme : {"https://", "http://"})
    if (rest.starts_with(scheme)) rest = rest.substr(scheme.size());
  auto slash = rest.find('/');
  Entry out;
  out.host = rest.substr(0, slash);
  auto path = slash == std::string_view::npos ? std::string_view() : rest.substr(slash);
  for (std::string_view version : {"/v1/", "/v2/", "/v1", "/v2"})
    if (path == version) path = {};
  while (path.ends_with("/")) path.remove_suffix(1);
  out.path = path;
  if (out.host == "docker.io" || out.host == "registry-1.docker.io") out.host = "index.docker.io";
  out.credentials.username = entry["username"].as_string();
  out.credentials.password = entry["password"].as_string();
  out.credentials.identity_token = entry["identitytoken"].as_string();
  out.credentials.registry_token = entry["registrytoken"].as_string();
  std::string decoded;
  if (auto auth = entry["auth"].as_string(); !auth.empty() && decode_base64(auth, decoded)) {
    auto colon = decoded.find(':');
    if (colon != std::string::npos) {
      out.credentials.username = decoded.substr(0, colon);
      out.credentials.password = decoded.substr(colon + 1);
    }
  }
  entries_.push_back(std::move(out));
  std::stable_sort(entries_.begin(), entries_.end(), [](auto& a, auto& b) { return a.host.size() + a.path.size() > b.host.size() + b.path.size(); });
}

void Keyring::add(std::string_view json, bool is_old) {
  Arena arena;
  auto tree = schema::parse_json(json, arena);
  if (!tree) return;
  for (auto& [registry, entry] : (is_old ? *tree : (*tree)["auths"]).members()) add_entry(registry, entry);
}

std::vector<RegistryCredentials> Keyring::find(std::string_view image) const {
  auto registry = images::registry_of(image);
  auto host = registry.empty() || registry == "docker.io" ? std::string_view("index.docker.io") : registry;
  auto path = concat("/", registry.empty() ? image : image.substr(registry.size() + 1));
  std::vector<RegistryCredentials> out;
  for (auto& entry : entries_) {
    bool below = entry.path.empty() || (path.starts_with(entry.path) && (path.size() == entry.path.size() || std::string_view("/:@").find(path[entry.path.size()]) != std::string_view::npos));
    if (below && host_matches(entry.host, host)) out.push_back(entry.credentials);
  }
  return out;
}

}  // namespace sampan::kubelet
