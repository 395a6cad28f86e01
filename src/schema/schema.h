// The description of every value of the API: what JSON, protobuf, tables, patches, apply, validation and OpenAPI are written over.
//
// A Type is a shape. Built-in types are constant tables made from the files of src/api/ at build time (no start-up cost);
// custom resources make the same structures at run time.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

namespace sampan::schema {

enum class Kind : uint8_t {
  String,
  Bool,
  Int32,
  Int64,
  Double,
  Bytes,        // base64 in JSON, raw in an Object
  Time,         // RFC 3339, whole seconds; int64 seconds in an Object
  MicroTime,    // RFC 3339, six fraction digits; int64 microseconds in an Object
  Duration,     // Go's "1m30s" in JSON; int64 nanoseconds in an Object
  Quantity,     // canonical text
  IntOrString,  // int32 or text
  Raw,          // any JSON value, kept as compact JSON text (FieldsV1, RawExtension, apiextensions' JSON)
  Struct,
  List,
  Map,  // keys are strings
};

enum class ListType : uint8_t { Atomic, Set, Map };

// How protobuf carries a scalar-like type that is a message there.
enum class Wire : uint8_t {
  Plain,
  RawMessage,  // message { bytes raw = 1 }: RawExtension, FieldsV1, JSON
  Items,       // a list that is a message of its own: message { repeated T items = 1 }
  // The unions of apiextensions' JSONSchemaProps, which are Raw in JSON; `element` is JSONSchemaProps.
  SchemaOrBool,     // message { bool allows = 1; S schema = 2 }
  SchemaOrArray,    // message { S schema = 1; repeated S schemas = 2 }
  SchemaOrStrings,  // message { S schema = 1; repeated string property = 2 }
};

struct Field;

struct Type {
  Kind kind = Kind::String;
  std::string_view name;  // "io.k8s.api.core.v1.Pod"; "" for lists, maps and plain scalars
  // Struct
  std::span<const Field> fields;
  std::span<const uint16_t> hash;  // open addressing over field names: index + 1, or 0 (see field_hash)
  uint32_t id = 0;                 // struct types: dense number, the same as in the generated views
  // List and Map (and the Schema... wires)
  const Type* element = nullptr;
  ListType list_type = ListType::Atomic;
  std::span<const std::string_view> list_keys;
  bool patch_merge = false;         // strategic merge patch: merge (by merge_key, or as a set of scalars), else replace
  std::string_view merge_key;
  bool retain_keys = false;         // strategic merge patch: retainKeys
  bool atomic = false;              // struct or map: apply takes it as a whole; list: OpenAPI says "atomic" in so many words
  Wire wire = Wire::Plain;
  std::string_view format;          // OpenAPI "format" beyond what kind says
  std::string_view description;

  const Field* find(std::string_view field_name) const;
  int index_of(const Field* field) const;
};

struct Field {
  enum Flag : uint16_t {
    Required = 1,     // OpenAPI required
    Nullable = 2,     // a pointer in Go: present-and-zero differs from absent
    Always = 4,       // printed even when it is zero (no omitempty in Go, or a struct by value with plain omitempty)
    Inline = 8,       // protobuf: lives inside message `proto_outer` of the parent
    Immutable = 16,   // an update may not change it
    Sensitive = 32,   // never in logs
    AtomicHere = 64,  // this use of a struct or map is atomic for apply
    ProtoAlways = 128,  // gogo/protobuf writes it even when it is zero (a non-pointer scalar or struct)
    GranularHere = 256,  // this use of an atomic struct is not atomic
    PatchReplace = 512,  // strategic merge patch replaces this struct instead of merging it
  };
  std::string_view name;
  const Type* type = nullptr;
  uint16_t flags = 0;
  uint16_t proto = 0;        // 0: not in protobuf (apiVersion, kind)
  uint16_t proto_outer = 0;  // for Inline: the number of the message around it, always written; | the next one inwards << 8
  std::string_view default_json;  // the schema's default, as JSON; "" = none
  std::string_view enumeration;   // allowed values, separated by '|'; "" = any
  std::string_view format;        // a named check of registry/ (dns1123-label, port, ...); "" = none
  int64_t minimum = INT64_MIN, maximum = INT64_MAX;
  std::string_view description;

  bool is(Flag flag) const { return flags & flag; }
};

// One scalar Type of each kind, for tables and tests.
extern const Type scalar_types[12];  // by Kind, up to Raw
const Type& scalar(Kind kind);

constexpr uint32_t field_hash(std::string_view name) {
  uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash ^ (hash >> 15);
}

// ---- resources: what is served under a group and version ----

enum Verb : uint16_t {
  Create = 1, Get = 2, List_ = 4, Watch = 8, Update = 16, Patch = 32, Delete = 64, DeleteCollection = 128,
};

struct Subresource {
  std::string_view name;     // "status"
  std::string_view kind;     // "Pod", "Scale", "Eviction", "Binding" ...
  std::string_view group, version;  // of that kind, where not the parent's
  uint16_t verbs = 0;
};

struct Resource {
  std::string_view group, version, resource, kind, singular;
  bool namespaced = true;
  uint16_t verbs = 0;
  std::span<const std::string_view> short_names, categories;
  std::span<const Subresource> subresources;
  const Type* type = nullptr;       // of the kind
  const Type* list_type = nullptr;  // of its list; null if it has none
  std::string_view stored_as;       // "apps/v1": the version it is stored in
  bool enabled_by_default = true;   // GA: yes; alpha and beta: no
  uint16_t group_priority = 0, version_priority = 0;  // of the APIService
};

std::span<const Resource> builtin_resources();
const Type* builtin_type(std::string_view name);                                             // by Type::name
const Type* builtin_kind(std::string_view group, std::string_view version, std::string_view kind);  // null if unknown

}  // namespace sampan::schema
