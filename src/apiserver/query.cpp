#include "apiserver/query.h"

#include "base/text.h"

namespace sampan::apiserver {

namespace {
int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Go leaves out what it cannot take apart: a broken escape, or a semicolon, which once separated as well.
bool is_well_formed(std::string_view part) {
  for (size_t i = 0; i < part.size(); i++) {
    if (part[i] == ';') return false;
    if (part[i] == '%' && (i + 2 >= part.size() || hex_digit(part[i + 1]) < 0 || hex_digit(part[i + 2]) < 0)) return false;
  }
  return true;
}

}  // namespace

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '%' && i + 2 < text.size() + 0 && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Query::Query(std::string_view raw) {
  while (!raw.empty()) {
    auto end = raw.find('&');
    auto part = raw.substr(0, end);
    raw.remove_prefix(end == std::string_view::npos ? raw.size() : end + 1);
    if (part.empty() || !is_well_formed(part)) continue;
    auto equals = part.find('=');
    auto value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
    entries_.emplace_back(percent_decode(part.substr(0, equals), true), percent_decode(value, true));
  }
}

std::string_view Query::get(std::string_view name) const {
  for (const auto& [key, value] : entries_)
    if (key == name) return value;
  return {};
}

bool Query::has(std::string_view name) const {
  for (const auto& entry : entries_)
    if (entry.first == name) return true;
  return false;
}

std::vector<std::string_view> Query::all(std::string_view name) const {
  std::vector<std::string_view> out;
  for (const auto& [key, value] : entries_)
    if (key == name) out.push_back(value);
  return out;
}

bool Query::is_true(std::string_view name) const {
  if (!has(name)) return false;
  auto value = get(name);
  return value != "0" && to_lower(value) != "false";
}

}  // namespace sampan::apiserver
