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

// kube-apiserver keeps definitions as v1beta1, where what all versions share stands beside them instead of in each.
void from_v1beta1_definition(schema::Value spec, Arena& arena) {
  constexpr std::pair<std::string_view, std::string_view> shared[] = {
      {"validation", "schema"}, {"subresources", "subresources"}, {"additionalPrinterColumns", "additionalPrinterColumns"}};
  schema::Value versions = spec["versions"];
  for (uint32_t i = 0; i < versions.size(); i++) {
    schema::Value version = versions.at(i);
    for (auto [beside, within] : shared)
      if (schema::Value value = spec[beside]; !value.is_missing() && version[within].is_missing()) version.set(within, value.clone(arena));
    schema::Value columns = version["additionalPrinterColumns"];
    for (uint32_t c = 0; c < columns.size(); c++)
      if (schema::Value path = columns.at(c)["JSONPath"]; !path.is_missing()) columns.at(c).set("jsonPath", path);
  }
  schema::Value conversion = spec["conversion"];
  for (auto [beside, within] : {std::pair<std::string_view, std::string_view>{"webhookClientConfig", "clientConfig"},
                                {"conversionReviewVersions", "conversionReviewVersions"}})
    if (schema::Value value = conversion[beside]; !value.is_missing()) conversion.ensure_object("webhook").set(within, value);
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
  if (value.starts_with("k8s:enc:")) return fail(internal_error("the value is encrypted, and with none of the keys that are known"));
  if (!value.starts_with('{')) {
    auto envelope = TRY(schema::open_envelope(value));
    return schema::decode_protobuf(envelope.raw, type);
  }
  Arena arena;
  schema::Value tree = TRY(schema::parse_json(value, arena));
  if (tree["apiVersion"].as_string() == "apiextensions.k8s.io/v1beta1") from_v1beta1_definition(tree["spec"], arena);
  schema::Conformance unknown_is_dropped;
  TRY(schema::conform(tree, type, unknown_is_dropped));
  return schema::freeze(tree, type);
}

}  // namespace sampan::registry
