#include "registry/storage_form.h"

#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/protobuf.h"

namespace sampan::registry {

namespace {

bool is_kept_in_json(const schema::Resource& resource) {
  return resource.group == "apiextensions.k8s.io" || resource.group == "apiregistration.k8s.io";
}

}  // namespace

std::string stored_form(const schema::Resource& resource, const schema::Object& object) {
  std::string out;
  auto api_version = resource.group.empty() ? std::string(resource.version) : concat(resource.group, "/", resource.version);
  if (!is_kept_in_json(resource)) {
    schema::encode_envelope(out, object, api_version, resource.kind);
    return out;
  }
  schema::write_json(out, object, api_version, resource.kind);
  out += '\n';
  return out;
}

Result<schema::ObjectRef> from_stored_form(const schema::Type& type, std::string_view value) {
  if (!value.starts_with('{')) {
    auto envelope = TRY(schema::open_envelope(value));
    return schema::decode_protobuf(envelope.raw, type);
  }
  Arena arena;
  schema::Value tree = TRY(schema::parse_json(value, arena));
  schema::Conformance unknown_is_dropped;
  TRY(schema::conform(tree, type, unknown_is_dropped));
  return schema::freeze(tree, type);
}

}  // namespace sampan::registry
