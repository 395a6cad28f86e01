// Any bytes: what decodes encodes to bytes that decode to the same object.
#include "base/check.h"
#include "schema/json.h"
#include "schema/protobuf.h"

using namespace sampan;
using namespace sampan::schema;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr std::string_view types[] = {
      "io.k8s.api.core.v1.Pod", "io.k8s.api.core.v1.PersistentVolume", "io.k8s.api.authorization.v1.SubjectAccessReview",
      "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition", "io.k8s.api.coordination.v1.Lease"};
  if (size == 0) return 0;
  const Type& type = *builtin_type(types[data[0] % std::size(types)]);
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  (void)open_envelope(bytes).has_value();
  auto object = decode_protobuf(bytes, type);
  if (!object) return 0;
  std::string encoded, again, json;
  write_json(json, **object, "v1", "K");
  Arena arena;
  check(parse_json(json, arena, nullptr, {.depth_max = 10000}).has_value());
  encode_protobuf(encoded, **object);
  auto second = decode_protobuf(encoded, type);
  check(second.has_value());
  encode_protobuf(again, **second);
  check(again == encoded);
  return 0;
}
