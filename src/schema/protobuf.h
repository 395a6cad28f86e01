// Protobuf, wire-compatible with Kubernetes' own encoding, straight between bytes and objects.
#pragma once
#include <string>
#include <string_view>

#include "schema/object.h"

namespace sampan::schema {

// The message alone. The object's resourceVersion is written if revision() is set.
void encode_protobuf(std::string& out, const Object& object);
void encode_protobuf(std::string& out, const AnyView& view);
// Unknown fields are skipped; bad bytes are a BadRequest.
Result<ObjectRef> decode_protobuf(std::string_view bytes, const Type& type);

// Upstream's envelope: "k8s\0" and runtime.Unknown { typeMeta {apiVersion, kind}, raw, contentEncoding, contentType }.
void encode_envelope(std::string& out, const Object& object, std::string_view api_version, std::string_view kind);
void append_envelope(std::string& out, std::string_view raw, std::string_view api_version, std::string_view kind);
struct Envelope {
  std::string_view api_version, kind, raw, content_encoding, content_type;
};
Result<Envelope> open_envelope(std::string_view bytes);

}  // namespace sampan::schema
