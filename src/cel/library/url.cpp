// URLs as Go's net/url package takes them apart.
#include "cel/library/url.h"

#include "base/text.h"
#include "cel/library/network_address.h"

namespace sampan::cel::library {

namespace {

enum class Part { Path, UserPassword, Host, Zone, Query, Fragment };
using Text = std::expected<std::string, std::string>;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Whether the character stands for itself in that part of a URL.
bool is_plain(char c, Part part) {
  if (is_alphanumeric(c)) return true;
  auto is_one_of = [&](std::string_view some) { return some.find(c) != some.npos; };
  if (is_one_of("-_.~")) return true;
  switch (part) {
    case Part::Host:
    case Part::Zone: return is_one_of("!$&'()*+,;=:[]<>\"");
    case Part::Path: return is_one_of("$&+,/:;=@");
    case Part::UserPassword: return is_one_of("$&+,;=");
    case Part::Query: return false;
    case Part::Fragment: return is_one_of("$&+,/:;=?@!()*");
  }
  return false;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Text unescaped(std::string_view text, Part part) {
  auto bad_escape = [](std::string_view escape) { return std::unexpected(concat("invalid URL escape ", quoted(escape.substr(0, 3)))); };
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (c == '%') {
      auto escape = text.substr(i, 3);
      if (escape.size() < 3 || hex_digit(escape[1]) < 0 || hex_digit(escape[2]) < 0) return bad_escape(escape);
      char byte = static_cast<char>(hex_digit(escape[1]) << 4 | hex_digit(escape[2]));
      // Of a host only what is not ASCII may be escaped; of a zone also what could stand there plainly, and a space.
      if (part == Part::Host && hex_digit(escape[1]) < 8 && escape != "%25") return bad_escape(escape);
      if (part == Part::Zone && escape != "%25" && byte != ' ' && !is_plain(byte, Part::Host)) return bad_escape(escape);
      out += byte;
      i += 2;
    } else if ((part == Part::Host || part == Part::Zone) && static_cast<unsigned char>(c) < 0x80 && !is_plain(c, part)) {
      return std::unexpected(concat("invalid character ", quoted(text.substr(i, 1)), " in host name"));
    } else {
      out += c == '+' && part == Part::Query ? ' ' : c;
    }
  }
  return out;
}

std::string escaped(std::string_view text, Part part) {
  std::string out;
  for (char c : text) {
    if (is_plain(c, part)) {
      out += c;
    } else {
      auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

// Whether somebody has escaped it well enough to keep it as it is.
bool is_escaped(std::string_view text, Part part) {
  constexpr std::string_view kAlso = "!$&'()*+,;=:@[]%";
  return std::all_of(text.begin(), text.end(), [&](char c) { return kAlso.find(c) != kAlso.npos || is_plain(c, part); });
}

bool is_optional_port(std::string_view text) {
  return text.empty() || (text[0] == ':' && text.find_first_not_of("0123456789", 1) == text.npos);
}

bool is_user_info(std::string_view text) {
  constexpr std::string_view kAlso = "-._:~!$&'()*+,;=%@";
  return std::all_of(text.begin(), text.end(), [&](char c) { return is_alphanumeric(c) || kAlso.find(c) != kAlso.npos; });
}

// "https" of "https://..."; no scheme is no error.
std::expected<std::string_view, std::string> scheme_of(std::string_view text) {
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) continue;
    if ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.') {
      if (i == 0) return "";
      continue;
    }
    if (c != ':') return "";
    if (i == 0) return std::unexpected("missing protocol scheme");
    return text.substr(0, i);
  }
  return "";
}

}  // namespace

std::expected<Url, std::string> Url::parse(std::string_view text, bool for_request) {
  Url url;
  auto failure = [](std::string_view of, std::string_view why) { return std::unexpected(concat("parse ", quoted(of), ": ", why)); };
  size_t hash = for_request ? text.npos : text.find('#');
  auto before = text.substr(0, hash);
  if (auto parsed = url.parse_parts(before, for_request); !parsed) return failure(before, parsed.error());
  if (hash == text.npos || hash + 1 == text.size()) return url;
  auto fragment = text.substr(hash + 1);
  auto plain = unescaped(fragment, Part::Fragment);
  if (!plain) return failure(text, plain.error());
  url.fragment_ = *std::move(plain);
  if (fragment != escaped(url.fragment_, Part::Fragment)) url.raw_fragment_ = fragment;
  return url;
}

Url::Parsed Url::parse_parts(std::string_view text, bool for_request) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return std::unexpected("net/url: invalid control character in URL");
  if (text.empty() && for_request) return std::unexpected("empty url");
  if (text == "*") {
    path_ = "*";
    return {};
  }
  auto scheme = scheme_of(text);
  if (!scheme) return std::unexpected(scheme.error());
  scheme_ = to_lower(*scheme);
  auto rest = scheme->empty() ? text : text.substr(scheme->size() + 1);
  if (rest.ends_with('?') && std::count(rest.begin(), rest.end(), '?') == 1) {
    forced_query_ = true;
    rest.remove_suffix(1);
  } else if (size_t mark = rest.find('?'); mark != rest.npos) {
    raw_query_ = rest.substr(mark + 1);
    rest = rest.substr(0, mark);
  }
  if (!rest.starts_with('/')) {
    if (!scheme_.empty()) {
      opaque_ = rest;
      return {};
    }
    if (for_request) return std::unexpected("invalid URI for request");
    if (rest.substr(0, rest.find('/')).find(':') != rest.npos) return std::unexpected("first path segment in URL cannot contain colon");
  }
  if ((!scheme_.empty() || (!for_request && !rest.starts_with("///"))) && rest.starts_with("//")) {
    auto authority = rest.substr(2);
    rest = {};
    if (size_t slash = authority.find('/'); slash != authority.npos) {
      rest = authority.substr(slash);
      authority = authority.substr(0, slash);
    }
    if (auto parsed = parse_authority(authority); !parsed) return parsed;
  } else if (!scheme_.empty() && rest.starts_with('/')) {
    omits_host_ = true;
  }
  auto path = unescaped(rest, Part::Path);
  if (!path) return std::unexpected(path.error());
  path_ = *std::move(path);
  if (rest != escaped(path_, Part::Path)) raw_path_ = rest;
  return {};
}

Url::Parsed Url::parse_authority(std::string_view text) {
  size_t at = text.rfind('@');
  if (auto parsed = parse_host(at == text.npos ? text : text.substr(at + 1)); !parsed) return parsed;
  if (at == text.npos) return {};
  auto info = text.substr(0, at);
  if (!is_user_info(info)) return std::unexpected("net/url: invalid userinfo");
  size_t colon = info.find(':');
  auto user = unescaped(info.substr(0, colon), Part::UserPassword);
  if (!user) return std::unexpected(user.error());
  has_user_ = true;
  user_ = *std::move(user);
  if (colon == info.npos) return {};
  auto password = unescaped(info.substr(colon + 1), Part::UserPassword);
  if (!password) return std::unexpected(password.error());
  has_password_ = true;
  password_ = *std::move(password);
  return {};
}

Url::Parsed Url::parse_host(std::string_view text) {
  if (size_t bracket = text.rfind('['); bracket == 0) return parse_bracketed_host(text);
  else if (bracket != text.npos) return std::unexpected("invalid IP-literal");
  if (size_t colon = text.find(':'); colon != text.npos) {
    // Of http a host has one colon; others may hold more.
    auto port = text.substr(scheme_ == "http" || scheme_ == "https" ? colon : text.rfind(':'));
    if (!is_optional_port(port)) return std::unexpected(concat("invalid port ", quoted(port), " after host"));
  }
  auto host = unescaped(text, Part::Host);
  if (!host) return std::unexpected(host.error());
  host_ = *std::move(host);
  return {};
}

Url::Parsed Url::parse_bracketed_host(std::string_view text) {
  size_t end = text.rfind(']');
  if (end == text.npos) return std::unexpected("missing ']' in host");
  auto port = text.substr(end + 1);
  if (!is_optional_port(port)) return std::unexpected(concat("invalid port ", quoted(port), " after host"));
  auto name = text.substr(1, end - 1);
  size_t zone = std::min(name.find("%25"), name.size());
  auto host = unescaped(name.substr(0, zone), Part::Host);
  if (!host) return std::unexpected(host.error());
  auto zone_name = unescaped(name.substr(zone), Part::Zone);
  if (!zone_name) return std::unexpected(zone_name.error());
  std::string whole = *host + *zone_name;
  auto address = parse_address(whole);
  if (!address) return std::unexpected(concat("invalid host: ", address.error()));
  if (!address->is_v6) return std::unexpected("invalid IP-literal");
  host_ = concat("[", whole, "]", port);
  return {};
}

std::pair<std::string_view, std::string_view> Url::host_and_port() const {
  std::string_view host = host_, port;
  if (size_t colon = host.rfind(':'); colon != host.npos && is_optional_port(host.substr(colon))) {
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return {host, port};
}
std::string_view Url::host_name() const { return host_and_port().first; }
std::string_view Url::port() const { return host_and_port().second; }

std::string Url::escaped_path() const {
  if (!raw_path_.empty() && is_escaped(raw_path_, Part::Path)) return raw_path_;
  return path_ == "*" ? path_ : escaped(path_, Part::Path);
}

std::vector<Url::Parameter> Url::query() const {
  std::vector<Parameter> out;
  constexpr ptrdiff_t kMost = 10'000;
  if (raw_query_.empty() || std::count(raw_query_.begin(), raw_query_.end(), '&') >= kMost) return out;
  for (auto pair : split(raw_query_, '&')) {
    if (pair.empty() || pair.find(';') != pair.npos) continue;
    size_t equals = pair.find('=');
    auto name = unescaped(pair.substr(0, equals), Part::Query);
    auto value = unescaped(equals == pair.npos ? "" : pair.substr(equals + 1), Part::Query);
    if (!name || !value) continue;
    auto known = std::find_if(out.begin(), out.end(), [&](const Parameter& parameter) { return parameter.name == *name; });
    if (known == out.end()) known = out.insert(out.end(), {*std::move(name), {}});
    known->values.push_back(*std::move(value));
  }
  return out;
}

std::string Url::text() const {
  std::string out;
  if (!scheme_.empty()) append(out, scheme_, ":");
  if (!opaque_.empty()) {
    out += opaque_;
  } else {
    if ((!scheme_.empty() || !host_.empty() || has_user_) && !(omits_host_ && host_.empty() && !has_user_)) {
      if (!host_.empty() || !path_.empty() || has_user_) out += "//";
      if (has_user_) append(out, escaped(user_, Part::UserPassword), has_password_ ? ":" : "", escaped(password_, Part::UserPassword), "@");
      out += escaped(host_, Part::Host);
    }
    std::string path = escaped_path();
    if (!path.empty() && path[0] != '/' && !host_.empty()) out += '/';
    out += path;
  }
  if (forced_query_ || !raw_query_.empty()) append(out, "?", raw_query_);
  if (!fragment_.empty())
    append(out, "#", !raw_fragment_.empty() && is_escaped(raw_fragment_, Part::Fragment) ? raw_fragment_ : escaped(fragment_, Part::Fragment));
  return out;
}

}  // namespace sampan::cel::library
