#include "registry/webhook_client.h"

#include "base/text.h"

namespace sampan::registry {

namespace {

struct Url {
  std::string_view scheme, user, host, query, fragment;
  bool has_user = false;
  std::string problem;  // why it is none
};

bool is_scheme(std::string_view text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && letter(text[0]) && std::all_of(text.begin(), text.end(), [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
}

std::string_view cut_behind(std::string_view& text, char mark) {
  auto at = text.find(mark);
  if (at == std::string_view::npos) return {};
  auto tail = text.substr(at + 1);
  text = text.substr(0, at);
  return tail;
}

// As far as the parts are looked at below.
Url parse_url(std::string_view text) {
  Url url;
  auto whole = text;
  auto bad = [&](std::string_view why) { url.problem = concat("parse ", quoted(whole), ": ", why); };
  for (unsigned char c : text)
    if (c < 0x20 || c == 0x7f) return bad("net/url: invalid control character in URL"), url;
  url.fragment = cut_behind(text, '#');
  if (auto colon = text.find(':'); colon != std::string_view::npos) {
    auto before = text.substr(0, colon);
    if (before.empty()) return bad("missing protocol scheme"), url;
    if (is_scheme(before)) {
      url.scheme = before;
      text.remove_prefix(colon + 1);
    } else if (before.find_first_of("/?") == std::string_view::npos) {
      return bad("first path segment in URL cannot contain colon"), url;
    }
  }
  url.query = cut_behind(text, '?');
  if (!text.starts_with("//")) return url;
  url.host = text.substr(2, text.find('/', 2) - 2);
  if (auto at = url.host.rfind('@'); at != std::string_view::npos) {
    url.has_user = true;
    url.user = url.host.substr(0, at);
    url.host = url.host.substr(at + 1);
  }
  auto bracket = url.host.rfind(']');
  if (auto colon = url.host.find(':', bracket == std::string_view::npos ? 0 : bracket); colon != std::string_view::npos) {
    auto port = url.host.substr(colon + 1);
    if (!std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; }))
      bad(concat("invalid port ", quoted(url.host.substr(colon)), " after host"));
  }
  return url;
}

void validate_url(const At& at) {
  constexpr std::string_view kForm = "; desired format: https://host[/path]";
  auto url = parse_url(at.text());
  if (!url.problem.empty()) return at.required(concat("url must be a valid URL: ", url.problem, kForm));
  if (to_lower(url.scheme) != "https") at.invalid(Shown(to_lower(url.scheme)), concat("'https' is the only allowed URL scheme", kForm));
  if (url.host.empty()) at.invalid(Shown(""), concat("host must be specified", kForm));
  if (url.has_user) at.invalid(Shown(url.user), "user information is not permitted in the URL");
  if (!url.fragment.empty()) at.invalid(Shown(url.fragment), "fragments are not permitted in the URL");
  if (!url.query.empty()) at.invalid(Shown(url.query), "query parameters are not permitted in the URL");
}

void validate_path(const At& at) {
  auto path = at.text();
  if (path.empty() || path == "/") return;
  if (path == "//") return at.invalid("segment[0] may not be empty");
  if (path[0] != '/') at.invalid("must start with a '/'");
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  size_t i = 0;
  for (auto segment : split(path, '/')) {
    auto here = concat("segment[", i++, "]");
    if (segment.empty()) {
      at.invalid(concat(here, " may not be empty"));
      continue;
    }
    Complaints complaints;
    check_dns1123_subdomain(segment, complaints);
    for (const auto& complaint : complaints) at.invalid(concat(here, ": ", complaint));
  }
}

void validate_service(const At& service) {
  // Upstream takes one for the other: a missing name is complained about at the namespace.
  if (service["namespace"].empty()) service["name"].required();
  if (service["name"].empty()) service["namespace"].required();
  Complaints complaints;
  int64_t port = service["port"].present() ? service["port"].number() : 0;
  check_port_number(port, complaints);
  if (!complaints.empty()) service["port"].invalid(Shown(port), concat("port is not valid: ", join(complaints, ", ")));
  if (service["path"].present()) validate_path(service["path"]);
}

}  // namespace

void default_webhook_service(Value service) {
  constexpr int64_t kHttpsPort = 443;
  if (service.is_object() && service["port"].is_missing()) service.set("port", kHttpsPort);
}

void validate_webhook_client(const At& config) {
  At url = config["url"], service = config["service"];
  if (url.present() == service.present())
    config.required("exactly one of url or service is required");
  else if (url.present())
    validate_url(url);
  else
    validate_service(service);
}

}  // namespace sampan::registry
