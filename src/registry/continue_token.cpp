// Continue tokens, to the letter of apiserver's storage/continue.go: a client may carry one over from a real kube-apiserver.
#include "base/text.h"
#include "registry/list_options.h"
#include "schema/json.h"

namespace sampan::registry {

namespace {

constexpr std::string_view kVersion = "meta.k8s.io/v1";
constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (unsigned char c : bytes) {
    bits = bits << 8 | c;
    for (count += 8; count >= 6; count -= 6) out += kAlphabet[bits >> (count - 6) & 63];
  }
  if (count) out += kAlphabet[bits << (6 - count) & 63];
  return out;
}

// As Go's RawURLEncoding: line ends are skipped, bits that are left over are not looked at. Gives the place of what is wrong, or -1.
int64_t decode(std::string_view text, std::string& out) {
  uint32_t bits = 0;
  size_t digits = 0;
  int count = 0;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\n' || text[i] == '\r') continue;
    auto digit = kAlphabet.find(text[i]);
    if (digit == std::string_view::npos) return static_cast<int64_t>(i);
    digits++;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    if ((count += 6) < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count);
  }
  return digits % 4 == 1 ? static_cast<int64_t>(text.size()) - 1 : -1;
}

Error invalid(std::string_view why) { return bad_request(concat("continue key is not valid: ", why)); }

std::string_view go_kind(schema::Value value) {
  switch (value.type()) {
    case schema::Value::Type::Bool: return "bool";
    case schema::Value::Type::Int: case schema::Value::Type::Double: return "number";
    case schema::Value::Type::String: return "string";
    case schema::Value::Type::List: return "array";
    case schema::Value::Type::Object: return "object";
    case schema::Value::Type::Absent: case schema::Value::Type::Null: break;
  }
  return "null";
}

Error mistyped(schema::Value value, std::string_view field, std::string_view type) {
  std::string shown(go_kind(value));
  if (shown == "number" && type == "int64") {
    shown += ' ';
    schema::write_json(shown, value);
  }
  return invalid(concat("json: cannot unmarshal ", shown, " into Go struct field continueToken.", field, " of type ", type));
}

// Nothing that would lead out of the list's prefix: no empty, "." or ".." segment.
bool is_clean(std::string_view key) {
  if (key.starts_with('/')) key.remove_prefix(1);
  if (key.empty()) return true;
  for (auto segment : split(key, '/'))
    if (segment.empty() || segment == "." || segment == "..") return false;
  return true;
}

}  // namespace

std::string make_continue_token(Revision revision, std::string_view start) {
  auto json = concat("{\"v\":\"", kVersion, "\",\"rv\":", revision, ",\"start\":");
  schema::write_json_string(json, start);
  json += '}';
  return encode(json);
}

Result<ContinueToken> parse_continue_token(std::string_view token) {
  std::string json;
  int64_t wrong = decode(token, json);
  if (wrong >= 0) return fail(invalid(concat("illegal base64 data at input byte ", wrong)));
  Arena arena;
  auto parsed = schema::parse_json(json, arena);
  if (!parsed) return fail(invalid(parsed.error().message()));
  if (!parsed->is_object() && !parsed->is_null())
    return fail(invalid(concat("json: cannot unmarshal ", go_kind(*parsed), " into Go value of type storage.continueToken")));
  auto version = (*parsed)["v"], revision = (*parsed)["rv"], start = (*parsed)["start"];
  if (!version.is_missing() && !version.is_string()) return fail(mistyped(version, "v", "string"));
  if (!revision.is_missing() && !revision.is_int()) return fail(mistyped(revision, "rv", "int64"));
  if (!start.is_missing() && !start.is_string()) return fail(mistyped(start, "start", "string"));
  if (version.as_string() != kVersion)
    return fail(bad_request(concat("continue key is not valid: server does not recognize this encoded version ", version.as_string())));
  if (revision.as_int() == 0) return fail(invalid("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
  auto key = start.as_string();
  if (key.empty()) return fail(invalid("encoded start key empty (version meta.k8s.io/v1)"));
  if (!is_clean(key)) return fail(invalid(key));
  if (key.starts_with('/')) key.remove_prefix(1);
  return ContinueToken{revision.as_int(), std::string(key)};
}

}  // namespace sampan::registry
