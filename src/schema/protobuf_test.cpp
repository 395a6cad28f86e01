#include "schema/protobuf.h"

#include "base/encoding.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"

namespace sampan::schema {

namespace {

std::string from_hex(std::string_view text) {
  std::string out;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
    out += static_cast<char>(value);
  }
  return out;
}

ObjectRef object_of(std::string_view type, std::string_view json) {
  Arena arena;
  auto value = parse_json(json, arena);
  if (!value) return {};
  const Type& of = *builtin_type(concat("io.k8s.api.", type));
  Conformance found;
  if (!conform(*value, of, found)) return {};
  auto object = freeze(*value, of);
  return object ? *object : ObjectRef();
}

std::string json_of(const Object& object) {
  std::string out;
  write_json(out, object, "", "");
  return out;
}

}  // namespace

#include "schema/protobuf_fixtures.inc"

// The bytes are those of upstream's generated code for the same objects.
TEST(Protobuf, MatchesUpstream) {
  for (const Fixture& fixture : kFixtures) {
    SCOPED_TRACE(fixture.type);
    ObjectRef object = object_of(fixture.type, fixture.json);
    ASSERT_TRUE(object);
    std::string bytes;
    encode_protobuf(bytes, *object);
    EXPECT_EQ(hex(bytes), fixture.hex);
    auto decoded = decode_protobuf(from_hex(fixture.hex), object->type());
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(json_of(**decoded), json_of(*object));
    EXPECT_EQ((*decoded)->revision(), object->revision());
    EXPECT_TRUE((*decoded)->view().equals(object->view()));
  }
}

TEST(Protobuf, TakesFieldsInAnyOrder) {
  // A ConfigMap: data {b:2}, an unknown field 15, metadata {name: x}, data {a:1}, data {b:3}, metadata of the wrong field skipped.
  std::string bytes = from_hex(
      "12060a01621201"
      "32"
      "780a"
      "0a030a0178"
      "12060a0161120131"
      "12060a0162120133");
  auto object = decode_protobuf(bytes, *builtin_type("io.k8s.api.core.v1.ConfigMap"));
  ASSERT_TRUE(object) << object.error().message();
  EXPECT_EQ(json_of(**object), R"({"metadata":{"name":"x"},"data":{"a":"1","b":"3"}})");
  // Packed numbers: PodSecurityContext.supplementalGroups.
  auto packed = decode_protobuf(from_hex("2203010203"), *builtin_type("io.k8s.api.core.v1.PodSecurityContext"));
  ASSERT_TRUE(packed);
  EXPECT_EQ(json_of(**packed), R"({"supplementalGroups":[1,2,3]})");
}

TEST(Protobuf, RefusesBadBytes) {
  struct Case {
    std::string_view hex, want;
  };
  const Case cases[] = {
      {"0a", "unexpected EOF"},
      {"0a05", "unexpected EOF"},
      {"0800", "proto: wrong wireType = 0 for field Metadata"},
      {"00", "proto: Pod: illegal tag 0 (wire type 0)"},
      {"0b", "proto: illegal wireType 3"},
      {"0c", "proto: Pod: wiretype end group for non-group"},
      {"ffffffffffffffffffffff", "unexpected EOF"},
      {"12021080", "proto: wrong wireType = 0 for field Containers"},
      {"12022880", "unexpected EOF"},
  };
  for (const Case& c : cases) {
    auto object = decode_protobuf(from_hex(c.hex), *builtin_type("io.k8s.api.core.v1.Pod"));
    ASSERT_FALSE(object) << c.hex;
    EXPECT_EQ(object.error().message(), c.want) << c.hex;
  }
  // JSON schemas hold each other: not: {not: {...}}
  std::string deep;
  for (int i = 0; i < 300; i++) {
    std::string tagged = from_hex("e201");  // JSONSchemaProps.not = 28
    size_t size = deep.size();
    for (; size >= 0x80; size >>= 7) tagged += static_cast<char>(size | 0x80);
    tagged += static_cast<char>(size);
    deep = tagged + deep;
  }
  auto object = decode_protobuf(deep, *builtin_type("io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"));
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().message(), "proto: messages are nested too deeply");
}

TEST(Protobuf, Envelope) {
  ObjectRef object = object_of("core.v1.ConfigMap", R"({"metadata":{"name":"x"}})");
  std::string bytes, raw, again;
  encode_envelope(bytes, *object, "v1", "ConfigMap");
  EXPECT_EQ(hex(bytes), hex(from_hex("6b387300" "0a0f0a0276311209436f6e6669674d6170" "12130a110a017812001a0022002a00320038004200" "1a002200")));
  encode_protobuf(raw, *object);
  append_envelope(again, raw, "v1", "ConfigMap");
  EXPECT_EQ(again, bytes);
  auto envelope = open_envelope(bytes);
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->api_version, "v1");
  EXPECT_EQ(envelope->kind, "ConfigMap");
  EXPECT_EQ(envelope->raw, raw);
  EXPECT_EQ(open_envelope(std::string_view("\0\1", 2)).error().message(),
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  EXPECT_FALSE(open_envelope(std::string_view(bytes).substr(0, 10)));
}

}  // namespace sampan::schema
