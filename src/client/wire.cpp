#include "client/wire.h"

#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/protobuf.h"

namespace sampan::client {

namespace {

constexpr uint32_t kFrameMax = 64u << 20;

bool is_protobuf(std::string_view content_type) { return content_type.starts_with("application/vnd.kubernetes.protobuf"); }

Error garbled(std::string_view what) { return Error(Reason::InternalError, concat("the server's answer cannot be read: ", what)); }

// The next field of a protobuf message, as far as this file needs them: numbers and bytes.
struct Field {
  uint32_t number = 0;
  std::string_view bytes;  // empty for numbers
};

bool read_varint(std::string_view& in, uint64_t& out) {
  out = 0;
  for (unsigned shift = 0; shift < 64 && !in.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    out |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (!(byte & 0x80)) return true;
  }
  return false;
}

bool next_field(std::string_view& in, Field& field) {
  uint64_t tag, size;
  if (in.empty() || !read_varint(in, tag)) return false;
  field.number = static_cast<uint32_t>(tag >> 3);
  field.bytes = {};
  switch (tag & 7) {
    case 0: return read_varint(in, size);
    case 1: size = 8; break;
    case 5: size = 4; break;
    case 2:
      if (!read_varint(in, size)) return false;
      break;
    default: return false;
  }
  if (size > in.size()) return false;
  field.bytes = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

const schema::Type* type_of(const schema::Envelope& envelope) {
  auto slash = envelope.api_version.find('/');
  bool core = slash == std::string_view::npos;
  return schema::builtin_kind(core ? "" : envelope.api_version.substr(0, slash), core ? envelope.api_version : envelope.api_version.substr(slash + 1),
                              envelope.kind);
}

Result<ObjectRef> object_in_envelope(std::string_view bytes) {
  auto envelope = schema::open_envelope(bytes);
  if (!envelope) return fail(garbled(envelope.error().message()));
  const auto* type = type_of(*envelope);
  if (!type) return fail(garbled(concat("it is a ", envelope->kind, " of ", envelope->api_version)));
  return schema::decode_protobuf(envelope->raw, *type);
}

Result<ObjectRef> object_of_json(Value tree, const schema::Type& type) {
  schema::Conformance found;
  TRY(schema::conform(tree, type, found));
  return schema::freeze(tree, type);
}

Error error_of_status(schema::AnyView status) {
  auto code = static_cast<int>(status["code"].as_int());
  Error error(code ? code : 500, reason_named(status["reason"].as_string()), std::string(status["message"].as_string()));
  auto details = status["details"];
  auto& data = error.edit();
  data.has_details = details.present();
  data.name = details["name"].as_string();
  data.group = details["group"].as_string();
  data.kind = details["kind"].as_string();
  data.uid = details["uid"].as_string();
  data.retry_after_seconds = static_cast<int>(details["retryAfterSeconds"].as_int());
  auto causes = details["causes"];
  for (uint32_t i = 0; i < causes.size(); i++) {
    auto cause = causes.item(i);
    data.causes.push_back({std::string(cause["reason"].as_string()), std::string(cause["message"].as_string()), std::string(cause["field"].as_string())});
  }
  return error;
}

const schema::Type& status_type() {
  static const schema::Type* type = schema::builtin_type("io.k8s.apimachinery.pkg.apis.meta.v1.Status");
  return *type;
}

Result<ObjectRef> status_of(const net::Answer& answer) {
  if (is_protobuf(answer.header("content-type"))) return object_in_envelope(answer.body);
  Arena arena;
  Value tree = TRY(schema::parse_json(answer.body, arena));
  if (tree["kind"].as_string() != "Status") return fail(garbled("it is no Status"));
  tree.remove("apiVersion");
  tree.remove("kind");
  return object_of_json(tree, status_type());
}

}  // namespace

Result<ObjectRef> read_object(const net::Answer& answer, const Resource& resource) {
  if (is_protobuf(answer.header("content-type"))) return object_in_envelope(answer.body);
  Arena arena;
  auto tree = schema::parse_json(answer.body, arena);
  if (!tree) return fail(garbled(tree.error().message()));
  return object_of_json(*tree, *resource.type);
}

Result<ObjectList> read_list(const net::Answer& answer, const Resource& resource) {
  ObjectList list;
  if (!is_protobuf(answer.header("content-type"))) {
    Arena arena;
    auto tree = schema::parse_json(answer.body, arena);
    if (!tree) return fail(garbled(tree.error().message()));
    parse_int((*tree)["metadata"]["resourceVersion"].as_string(), list.revision);
    for (Value item : (*tree)["items"].items()) list.items.push_back(TRY(object_of_json(item, *resource.type)));
    return list;
  }
  auto envelope = schema::open_envelope(answer.body);
  if (!envelope) return fail(garbled(envelope.error().message()));
  // ListMeta is field 1 (with resourceVersion as 2), the items are field 2: each is decoded by itself and needs no list around it.
  std::string_view rest = envelope->raw;
  Field field;
  while (next_field(rest, field)) {
    if (field.number == 2) list.items.push_back(TRY(schema::decode_protobuf(field.bytes, *resource.type)));
    if (field.number != 1) continue;
    std::string_view metadata = field.bytes;
    Field inner;
    while (next_field(metadata, inner))
      if (inner.number == 2) parse_int(inner.bytes, list.revision);
  }
  if (!rest.empty()) return fail(garbled("the list is cut off"));
  return list;
}

Result<Value> read_tree(const net::Answer& answer, Arena& arena) {
  if (!is_protobuf(answer.header("content-type"))) {
    auto tree = schema::parse_json(arena.copy(answer.body), arena);
    if (!tree) return fail(garbled(tree.error().message()));
    return *tree;
  }
  auto object = TRY(object_in_envelope(answer.body));
  return schema::thaw(*object, arena).clone(arena);
}

Error refusal(const net::Answer& answer) {
  auto status = status_of(answer);
  if (status) return error_of_status((*status)->view());
  Reason reason = Reason::Unknown;
  for (int i = 1; i <= static_cast<int>(Reason::ServiceUnavailable); i++)
    if (code_of(static_cast<Reason>(i)) == answer.status) {
      reason = static_cast<Reason>(i);
      break;
    }
  return Error(answer.status, reason, concat("the server answered ", answer.status, ": ", trim(std::string_view(answer.body).substr(0, 300))));
}

WatchReader::WatchReader(const Resource& resource, std::string_view content_type) : resource_(resource), protobuf_(is_protobuf(content_type)) {}

Result<std::optional<WatchFrame>> WatchReader::next() {
  std::string_view rest = std::string_view(buffer_).substr(at_);
  std::string_view frame;
  size_t used = 0;
  if (protobuf_) {
    if (rest.size() >= 4) {
      uint32_t size = 0;
      for (int i = 0; i < 4; i++) size = size << 8 | static_cast<unsigned char>(rest[static_cast<size_t>(i)]);
      if (size > kFrameMax) return fail(garbled("an event is too large"));
      if (rest.size() - 4 >= size) {
        frame = rest.substr(4, size);
        used = 4 + size;
      }
    }
  } else if (auto end = rest.find('\n'); end != std::string_view::npos) {
    frame = rest.substr(0, end);
    used = end + 1;
  }
  if (!used) {
    buffer_.erase(0, at_);
    at_ = 0;
    return std::optional<WatchFrame>();
  }
  at_ += used;
  return std::optional<WatchFrame>(TRY(frame_of(frame)));
}

Result<WatchFrame> WatchReader::frame_of(std::string_view bytes) {
  WatchFrame frame;
  if (!protobuf_) {
    Arena arena;
    auto tree = schema::parse_json(bytes, arena);
    if (!tree) return fail(garbled(tree.error().message()));
    frame.type = (*tree)["type"].as_string();
    Value object = (*tree)["object"];
    if (frame.type == "ERROR") {
      object.remove("apiVersion");
      object.remove("kind");
      frame.error = error_of_status(TRY(object_of_json(object, status_type()))->view());
    } else {
      frame.object = TRY(object_of_json(object, *resource_.type));
    }
    return frame;
  }
  // WatchEvent: type is field 1, object (a RawExtension, whose raw is field 1) field 2.
  std::string_view raw;
  Field field;
  while (next_field(bytes, field)) {
    if (field.number == 1) frame.type = field.bytes;
    if (field.number != 2) continue;
    std::string_view extension = field.bytes;
    Field inner;
    while (next_field(extension, inner))
      if (inner.number == 1) raw = inner.bytes;
  }
  auto object = TRY(object_in_envelope(raw));
  if (frame.type == "ERROR")
    frame.error = error_of_status(object->view());
  else
    frame.object = std::move(object);
  return frame;
}

}  // namespace sampan::client
