#include "images/reference.h"

#include "base/text.h"

namespace sampan::images {

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

}  // namespace

std::string_view registry_of(std::string_view name) {
  auto slash = name.find('/');
  if (slash == std::string_view::npos) return {};
  auto first = name.substr(0, slash);
  bool is_registry = first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
                     std::ranges::any_of(first, [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_registry ? first : std::string_view();
}

Result<Reference> parse_reference(std::string_view name) {
  auto refuse = [&](std::string why) { return fail(bad_request(std::move(why))); };
  constexpr const char* kInvalid = "invalid reference format";
  Reference out;
  auto rest = name;
  if (auto at = rest.find('@'); at != std::string_view::npos) {
    out.digest = rest.substr(at + 1);
    auto colon = out.digest.find(':');
    if (colon == std::string_view::npos || out.digest.size() - colon - 1 < 32) return refuse(kInvalid);
    for (char c : out.digest.substr(colon + 1))
      if (!isxdigit(static_cast<unsigned char>(c))) return refuse(kInvalid);
    rest = rest.substr(0, at);
  }
  auto slash = rest.rfind('/');
  auto colon = rest.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = rest.substr(colon + 1);
    bool fine = !out.tag.empty() && out.tag.size() <= 128 && is_word(out.tag[0]);
    for (char c : out.tag) fine &= is_word(c) || c == '.' || c == '-';
    if (!fine) return refuse(kInvalid);
    rest = rest.substr(0, colon);
  }
  out.registry = registry_of(rest);
  if (!out.registry.empty() && !is_host(out.registry)) return refuse(kInvalid);
  out.path = out.registry.empty() ? rest : rest.substr(out.registry.size() + 1);
  for (auto part : split(out.path, '/'))
    if (!is_component(part)) {
      auto lower = to_lower(out.path);
      bool only_case = std::ranges::all_of(split(lower, '/'), is_component);
      bool is_official = out.registry.empty() && out.path.find('/') == std::string_view::npos;
      return refuse(only_case ? concat(kInvalid, ": repository name (", is_official ? "library/" : "", out.path, ") must be lowercase") : std::string(kInvalid));
    }
  return out;
}

Result<std::string> canonical_name(std::string_view name) {
  auto parsed = parse_reference(name);
  if (!parsed) return fail(std::move(parsed.error()).context(concat(quoted(name), " is no name of an image")));
  auto registry = parsed->registry.empty() || parsed->registry == "index.docker.io" ? std::string_view("docker.io") : parsed->registry;
  bool is_official = registry == "docker.io" && parsed->path.find('/') == std::string_view::npos;
  auto out = concat(registry, "/", is_official ? "library/" : "", parsed->path);
  auto tag = parsed->tag.empty() && parsed->digest.empty() ? std::string_view("latest") : parsed->tag;
  if (!tag.empty()) append(out, ":", tag);
  if (!parsed->digest.empty()) append(out, "@", parsed->digest);
  return out;
}

}  // namespace sampan::images
