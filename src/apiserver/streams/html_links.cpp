#include "apiserver/streams/html_links.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {

struct TagLinks {
  std::string_view tag;
  std::string_view attributes;  // separated by spaces
};
constexpr TagLinks kLinks[] = {
    {"a", "href"},         {"applet", "codebase"},       {"area", "href"},
    {"audio", "src"},      {"base", "href"},             {"blockquote", "cite"},
    {"body", "background"}, {"button", "formaction"},    {"command", "icon"},
    {"del", "cite"},       {"embed", "src"},             {"form", "action"},
    {"frame", "longdesc src"}, {"head", "profile"},      {"html", "manifest"},
    {"iframe", "longdesc src"}, {"img", "longdesc src usemap"}, {"input", "src usemap formaction"},
    {"ins", "cite"},       {"link", "href"},             {"object", "classid codebase data usemap"},
    {"q", "cite"},         {"script", "src"},            {"source", "src"},
    {"video", "poster src"},
};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool holds_url(std::string_view tag, std::string_view attribute) {
  for (const auto& entry : kLinks) {
    if (entry.tag != tag) continue;
    for (auto name : split(entry.attributes, ' '))
      if (name == attribute) return true;
  }
  return false;
}

// Copies a tag from `at` (behind "<") to its end, rewriting as it goes.
size_t copy_tag(const ProxiedPage& page, std::string_view html, size_t at, std::string& out) {
  size_t begin = at;
  auto take_while = [&](auto&& wanted) {
    size_t from = at;
    while (at < html.size() && wanted(html[at])) at++;
    return html.substr(from, at - from);
  };
  auto tag = to_lower(take_while([](char c) { return !is_space(c) && c != '>' && c != '/'; }));
  size_t copied = begin;
  while (at < html.size() && html[at] != '>') {
    take_while([](char c) { return is_space(c) || c == '/'; });
    auto name = to_lower(take_while([](char c) { return !is_space(c) && c != '>' && c != '/' && c != '='; }));
    take_while(is_space);
    if (at >= html.size() || html[at] != '=') {
      if (name.empty() && at < html.size() && html[at] != '>') at++;
      continue;
    }
    at++;
    take_while(is_space);
    if (at >= html.size()) break;
    char quote = html[at] == '"' || html[at] == '\'' ? html[at++] : '\0';
    size_t value_at = at;
    auto value = take_while([quote](char c) { return quote ? c != quote : !is_space(c) && c != '>'; });
    if (quote && at < html.size()) at++;
    if (!holds_url(tag, name)) continue;
    out.append(html.substr(copied, value_at - copied)).append(rewrite_url(page, value));
    copied = value_at + value.size();
  }
  if (at < html.size()) at++;
  out.append(html.substr(copied, at - copied));
  return at;
}

}  // namespace

std::string rewrite_url(const ProxiedPage& page, std::string_view url) {
  auto scheme = url.find("://");
  std::string_view host, rest = url;
  bool has_scheme = scheme != std::string_view::npos && url.substr(0, scheme).find_first_of("/?#") == std::string_view::npos;
  if (has_scheme || url.starts_with("//")) {
    rest = url.substr(has_scheme ? scheme + 3 : 2);
    host = rest.substr(0, rest.find_first_of("/?#"));
    rest.remove_prefix(host.size());
    if (host != page.backend_host && host != page.client_host) return std::string(url);
  }
  if (!rest.starts_with('/')) return std::string(url);  // relative to the page, which is below the prefix
  auto before = host == page.client_host ? url.substr(0, url.size() - rest.size()) : std::string_view();
  if (rest.starts_with(page.prefix)) return concat(before, rest);
  return concat(before, page.prefix, rest);
}

std::string rewrite_links(const ProxiedPage& page, std::string_view html) {
  std::string out;
  out.reserve(html.size() + html.size() / 8);
  for (size_t at = 0; at < html.size();) {
    auto tag = html.find('<', at);
    if (tag == std::string_view::npos) return out.append(html.substr(at));
    out.append(html.substr(at, tag + 1 - at));
    at = tag + 1;
    if (html.substr(at).starts_with("!--")) {
      auto end = html.find("-->", at);
      size_t size = end == std::string_view::npos ? html.size() - at : end + 3 - at;
      out.append(html.substr(at, size));
      at += size;
    } else if (at < html.size() && ((html[at] | 0x20) >= 'a' && (html[at] | 0x20) <= 'z')) {
      at = copy_tag(page, html, at, out);
    }
  }
  return out;
}

}  // namespace sampan::apiserver
