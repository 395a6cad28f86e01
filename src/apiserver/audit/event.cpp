#include "apiserver/audit/event.h"

#include <arpa/inet.h>

#include "base/encoding.h"
#include "base/text.h"
#include "schema/json.h"

namespace sampan::apiserver {

using schema::Value;
using schema::write_json_string;

namespace {

constexpr size_t kUserAgentBytesMax = 1024;

// Writes the members of an object; empty ones are left out, as Go's omitempty does.
class Members {
 public:
  explicit Members(std::string& out) : out_(out) { out_ += '{'; }
  void end() { out_ += '}'; }

  std::string& name(std::string_view name) {
    append(out_, first_ ? "\"" : ",\"", name, "\":");
    first_ = false;
    return out_;
  }
  void text(std::string_view member, std::string_view value) { write_json_string(name(member), value); }
  void text_unless_empty(std::string_view member, std::string_view value) {
    if (!value.empty()) text(member, value);
  }
  void raw(std::string_view member, std::string_view json) { name(member) += json; }
  void texts_unless_empty(std::string_view member, const std::vector<std::string>& values) {
    if (!values.empty()) texts(name(member), values);
  }
  void time(std::string_view member, int64_t microseconds) {
    name(member) += '"';
    append_micro_time(out_, microseconds);
    out_ += '"';
  }

  static void texts(std::string& out, const std::vector<std::string>& values) {
    out += '[';
    for (size_t i = 0; i < values.size(); i++) {
      if (i) out += ',';
      write_json_string(out, values[i]);
    }
    out += ']';
  }

 private:
  std::string& out_;
  bool first_ = true;
};

void write_user(std::string& out, const User& user) {
  Members members(out);
  members.text_unless_empty("username", user.name);
  members.text_unless_empty("uid", user.uid);
  members.texts_unless_empty("groups", user.groups);
  if (!user.extra.empty()) {
    Members extra(members.name("extra"));
    for (const auto& [key, values] : user.extra) {
      std::string quoted_key;
      write_json_string(quoted_key, key);
      Members::texts(extra.name(std::string_view(quoted_key).substr(1, quoted_key.size() - 2)), values);
    }
    extra.end();
  }
  members.end();
}

void write_object(std::string& out, const AuditEvent::ObjectReference& object) {
  Members members(out);
  members.text_unless_empty("resource", object.resource);
  members.text_unless_empty("namespace", object.name_space);
  members.text_unless_empty("name", object.name);
  members.text_unless_empty("uid", object.uid);
  members.text_unless_empty("apiGroup", object.group);
  members.text_unless_empty("apiVersion", object.version);
  members.text_unless_empty("resourceVersion", object.resource_version);
  members.text_unless_empty("subresource", object.subresource);
  members.end();
}

void write_status(std::string& out, const AuditEvent::Status& status) {
  Members members(out);
  members.raw("metadata", "{}");
  members.text_unless_empty("status", status.status);
  members.text_unless_empty("message", status.message);
  members.text_unless_empty("reason", status.reason);
  if (!status.details.empty()) members.raw("details", status.details);
  if (status.code) members.raw("code", concat(status.code));
  members.end();
}

// RFC 3339 with as many digits of the fraction as there are to say.
std::string short_time(int64_t microseconds) {
  std::string text;
  append_micro_time(text, microseconds);
  text.pop_back();  // the Z
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text + "Z";
}

std::string quoted_texts(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) append(out, out.empty() ? "" : ",", quoted(text));
  return out;
}

// As Go writes the address, "" for what is none.
std::string canonical_ip(std::string_view text) {
  std::string name(trim(text));
  in6_addr address;
  char out[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET, name.c_str(), &address) == 1) return inet_ntop(AF_INET, &address, out, sizeof out);
  if (inet_pton(AF_INET6, name.c_str(), &address) != 1) return {};
  if (IN6_IS_ADDR_V4MAPPED(&address)) return inet_ntop(AF_INET, address.s6_addr + 12, out, sizeof out);
  return inet_ntop(AF_INET6, &address, out, sizeof out);
}

void drop_managed_fields(Value object) {
  if (Value metadata = object["metadata"]; metadata.is_object()) metadata.remove("managedFields");
}

}  // namespace

std::string AuditEvent::json() const {
  std::string out;
  out.reserve(1024 + (request_object ? request_object->size() : 0) + (response_object ? response_object->size() : 0));
  Members members(out);
  members.text("kind", "Event");
  members.text("apiVersion", "audit.k8s.io/v1");
  members.text("level", name_of(level));
  members.text("auditID", id);
  members.text("stage", name_of(stage));
  members.text("requestURI", uri);
  members.text("verb", verb);
  write_user(members.name("user"), user);
  if (impersonated) write_user(members.name("impersonatedUser"), *impersonated);
  if (!impersonation_constraint.empty()) {
    Members metadata(members.name("authenticationMetadata"));
    metadata.text("impersonationConstraint", impersonation_constraint);
    metadata.end();
  }
  members.texts_unless_empty("sourceIPs", source_ips);
  members.text_unless_empty("userAgent", user_agent);
  if (object) write_object(members.name("objectRef"), *object);
  if (response) write_status(members.name("responseStatus"), *response);
  if (request_object) members.raw("requestObject", *request_object);
  if (response_object) members.raw("responseObject", *response_object);
  members.time("requestReceivedTimestamp", received_us);
  members.time("stageTimestamp", stage_us);
  if (!annotations.empty()) {
    Members texts(members.name("annotations"));
    for (const auto& [key, value] : annotations) texts.text(key, value);
    texts.end();
  }
  members.end();
  return out;
}

std::string AuditEvent::legacy() const {
  bool known = !user.name.empty();
  auto groups = known && !user.groups.empty() ? quoted_texts(user.groups) : "<none>";
  auto as_groups = impersonated && !impersonated->groups.empty() ? quoted_texts(impersonated->groups) : "<lookup>";
  return concat(short_time(received_us), " AUDIT: id=", quoted(id), " stage=", quoted(name_of(stage)),
                " ip=", quoted(source_ips.empty() ? "<unknown>" : std::string_view(source_ips.front())), " method=", quoted(verb),
                " user=", quoted(known ? user.name : "<none>"), " groups=", quoted(groups), " as=", quoted(impersonated ? impersonated->name : "<self>"),
                " asgroups=", quoted(as_groups), " user-agent=", quoted(user_agent),
                " namespace=", quoted(object && !object->name_space.empty() ? std::string_view(object->name_space) : "<none>"), " uri=", quoted(uri),
                " response=\"", response ? concat(response->code) : std::string("<deferred>"), "\"");
}

std::vector<std::string> source_ips_of(const net::Request& request) {
  std::vector<std::string> ips;
  for (auto part : split(request.header("x-forwarded-for"), ','))
    if (auto ip = canonical_ip(part); !ip.empty()) ips.push_back(std::move(ip));
  if (auto ip = canonical_ip(request.header("x-real-ip")); !ip.empty() && std::find(ips.begin(), ips.end(), ip) == ips.end()) ips.push_back(std::move(ip));
  std::string_view remote = request.remote_address;
  remote = remote.substr(0, remote.rfind(':'));
  if (remote.starts_with('[')) remote = remote.substr(1, remote.size() - 2);
  if (auto ip = canonical_ip(remote); !ip.empty() && (ips.empty() || ips.back() != ip)) ips.push_back(std::move(ip));
  return ips;
}

std::string shown_user_agent(std::string_view agent) {
  if (agent.size() <= kUserAgentBytesMax) return std::string(agent);
  return concat(agent.substr(0, kUserAgentBytesMax), "...TRUNCATED");
}

std::string without_managed_fields(std::string_view json) {
  if (json.find("\"managedFields\"") == std::string_view::npos) return std::string(json);
  Arena arena;
  auto tree = schema::parse_json(json, arena);
  if (!tree) return std::string(json);
  drop_managed_fields(*tree);
  for (Value item : (*tree)["items"].items()) drop_managed_fields(item);
  for (Value row : (*tree)["rows"].items()) drop_managed_fields(row["object"]);
  std::string out;
  schema::write_json(out, *tree);
  return out;
}

}  // namespace sampan::apiserver
