#include "registry/core/image_name.h"

#include <algorithm>

namespace sampan::registry {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool has_upper(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Runs of a-z0-9 with one of ".", "_", "__" or dashes between.
bool is_path_component(std::string_view text) {
  size_t i = 0;
  auto run = [&] {
    size_t start = i;
    while (i < text.size() && (is_lower(text[i]) || is_digit(text[i]))) i++;
    return i > start;
  };
  if (!run()) return false;
  while (i < text.size()) {
    if (text[i] == '.')
      i++;
    else if (text[i] == '_')
      i += text.substr(i, 2) == "__" ? 2 : 1;
    else
      while (i < text.size() && text[i] == '-') i++;
    if (!run()) return false;
  }
  return true;
}

bool is_path(std::string_view text) {
  while (true) {
    size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

bool is_host(std::string_view text) {
  if (text.starts_with('[')) return text.ends_with(']') && text.size() > 2;
  while (true) {
    size_t dot = text.find('.');
    auto label = text.substr(0, dot);
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    for (char c : label)
      if (!is_letter(c) && !is_digit(c) && c != '-') return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_domain(std::string_view text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']')) return is_host(text);
  auto port = text.substr(colon + 1);
  return !port.empty() && std::all_of(port.begin(), port.end(), is_digit) && is_host(text.substr(0, colon));
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  for (size_t i = 0; i < text.size(); i++)
    if (!is_letter(text[i]) && !is_digit(text[i]) && text[i] != '_' && (i == 0 || (text[i] != '.' && text[i] != '-')))
      return false;
  return true;
}

bool is_digest(std::string_view text) {
  size_t length = text.starts_with("sha256:") ? 64 : text.starts_with("sha384:") ? 96 : text.starts_with("sha512:") ? 128 : 0;
  if (!length || text.size() != 7 + length) return false;
  return std::all_of(text.begin() + 7, text.end(), [](char c) { return is_hex(c) && !(c >= 'A' && c <= 'F'); });
}

constexpr size_t kNameMax = 255;

}  // namespace

std::string_view image_tag(std::string_view image) {
  std::string_view rest = image, tag, digest;
  if (rest.size() == 64 && std::all_of(rest.begin(), rest.end(), [](char c) { return is_hex(c) && !has_upper({&c, 1}); }))
    return {};  // would be taken for an image's id
  if (size_t at = rest.find('@'); at != std::string_view::npos) {
    digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(digest)) return {};
  }
  size_t slash = rest.find('/');
  auto first = rest.substr(0, slash);
  bool has_domain = slash != std::string_view::npos && (first.find_first_of(".:") != std::string_view::npos ||
                                                        first == "localhost" || has_upper(first));
  if (has_domain) rest.remove_prefix(slash + 1);
  if (size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(tag)) return {};
  }
  if ((has_domain && !is_domain(first)) || !is_path(rest) || first.size() + rest.size() > kNameMax) return {};
  return tag.empty() && digest.empty() ? "latest" : tag;
}

}  // namespace sampan::registry
