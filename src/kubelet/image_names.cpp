// See image_names.h.
#include "kubelet/image_names.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::kubelet {

namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

// Lower-case letters and digits, with '.', one or two '_' or any number of '-' between.
bool is_component(std::string_view text) {
  if (text.empty() || !is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (is_lower_or_digit(text[i])) {
      i++;
      continue;
    }
    auto end = text.find_first_not_of(text[i], i);
    auto size = end - i;
    bool fine = (text[i] == '.' && size == 1) || (text[i] == '_' && size <= 2) || text[i] == '-';
    if (!fine) return false;
    i = end;
  }
  return true;
}

bool is_host(std::string_view text) {
  auto colon = text.rfind(':');
  if (text.starts_with("[")) return text.find(']') != std::string_view::npos;
  auto host = text.substr(0, colon);
  if (colon != std::string_view::npos)
    for (char c : text.substr(colon + 1))
      if (c < '0' || c > '9') return false;
  for (auto part : split(host, '.')) {
    if (part.empty() || part.front() == '-' || part.back() == '-') return false;
    for (char c : part)
      if (!is_word(c) && c != '-') return false;
  }
  return true;
}

// The registry's part of the name, "" if it has none.
std::string_view registry_of(std::string_view name) {
  auto slash = name.find('/');
  if (slash == std::string_view::npos) return {};
  auto first = name.substr(0, slash);
  bool is_registry = first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
                     std::ranges::any_of(first, [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_registry ? first : std::string_view();
}

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
  auto refuse = [&](std::string_view why) { return fail(failure(concat("couldn't parse image name ", quoted(name), ": ", why))); };
  auto rest = name;
  bool has_digest = false, has_tag = false;
  if (auto at = rest.find('@'); at != std::string_view::npos) {
    auto digest = rest.substr(at + 1);
    auto colon = digest.find(':');
    if (colon == std::string_view::npos || digest.size() - colon - 1 < 32) return refuse("invalid reference format");
    for (char c : digest.substr(colon + 1))
      if (!isxdigit(static_cast<unsigned char>(c))) return refuse("invalid reference format");
    rest = rest.substr(0, at);
    has_digest = true;
  }
  auto slash = rest.rfind('/');
  auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    auto tag = rest.substr(colon + 1);
    bool fine = !tag.empty() && tag.size() <= 128 && is_word(tag[0]);
    for (char c : tag) fine &= is_word(c) || c == '.' || c == '-';
    if (!fine) return refuse("invalid reference format");
    rest = rest.substr(0, colon);
    has_tag = true;
  }
  auto registry = registry_of(rest);
  if (!registry.empty() && !is_host(registry)) return refuse("invalid reference format");
  auto path = registry.empty() ? rest : rest.substr(registry.size() + 1);
  for (auto part : split(path, '/'))
    if (!is_component(part)) {
      auto lower = to_lower(path);
      bool only_case = std::ranges::all_of(split(lower, '/'), is_component);
      return refuse(only_case ? concat("invalid reference format: repository name (", registry.empty() && path.find('/') == std::string_view::npos ? "library/" : "", path, ") must be lowercase")
                              : std::string("invalid reference format"));
    }
  return has_digest || has_tag ? std::string(name) : concat(name, ":latest");
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
  auto registry = registry_of(image);
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
