#include "schema/conform.h"

#include "base/text.h"
#include "schema/json.h"
#include "schema/object.h"

namespace sampan::schema {

namespace {
// What comes out, or the error, and then the unknown fields.
std::string conformed(std::string_view kind, std::string_view text, TreeOf origin = TreeOf::Text) {
  Arena arena;
  Value value = *parse_json(text, arena);
  Conformance found;
  auto result = conform(value, *builtin_type(concat("io.k8s.api.", kind)), found, origin);
  if (!result) return result.error().message();
  std::string out;
  write_json(out, value);
  for (const std::string& unknown : found.unknown_fields) append(out, " ", unknown);
  return out;
}
}  // namespace

TEST(Conform, Mismatches) {
  struct Case {
    std::string_view kind, text, want;
  };
  const Case cases[] = {
      {"core.v1.ConfigMap", R"({"data":"text"})", "json: cannot unmarshal string into Go struct field ConfigMap.data of type map[string]string"},
      {"core.v1.ConfigMap", R"({"data":{"a":{}}})", "json: cannot unmarshal object into Go struct field ConfigMap.data of type string"},
      {"core.v1.ConfigMap", R"({"binaryData":[]})", "json: cannot unmarshal array into Go struct field ConfigMap.binaryData of type map[string][]uint8"},
      {"core.v1.ConfigMap", R"({"binaryData":{"a":3}})", "json: cannot unmarshal number into Go struct field ConfigMap.binaryData of type []uint8"},
      {"core.v1.ConfigMap", R"({"binaryData":{"a":"AA=A"}})", "illegal base64 data at input byte 2"},
      {"core.v1.ConfigMap", R"({"immutable":{"a":"b"}})", "json: cannot unmarshal object into Go struct field ConfigMap.immutable of type bool"},
      {"core.v1.ConfigMap", R"([])", "json: cannot unmarshal array into Go value of type v1.ConfigMap"},
      {"core.v1.ConfigMap", R"({"metadata":{"labels":{"v":1.1}}})", "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string"},
      {"core.v1.Service", R"({"spec":[]})", "json: cannot unmarshal array into Go struct field Service.spec of type v1.ServiceSpec"},
      {"core.v1.Service", R"({"spec":{"type":3}})", "json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType"},
      {"core.v1.Service", R"({"spec":{"ports":[{"targetPort":{}}]}})", "json: cannot unmarshal object into Go struct field ServicePort.spec.ports.targetPort of type int32"},
      {"core.v1.Service", R"({"spec":{"ports":[1]}})", "json: cannot unmarshal number into Go struct field ServiceSpec.spec.ports of type v1.ServicePort"},
      {"core.v1.Service", R"({"spec":{"ports":{}}})", "json: cannot unmarshal object into Go struct field ServiceSpec.spec.ports of type []v1.ServicePort"},
      {"admissionregistration.v1.MutatingAdmissionPolicy", R"({"spec":{"matchConstraints":{"resourceRules":[{"apiVersions":[{}]}]}}})",
       "json: cannot unmarshal object into Go struct field NamedRuleWithOperations.spec.matchConstraints.resourceRules.RuleWithOperations.Rule.apiVersions of type string"},
      {"admissionregistration.v1.MutatingAdmissionPolicy", R"({"spec":{"matchConstraints":{"resourceRules":[{"operations":[{}]}]}}})",
       "json: cannot unmarshal object into Go struct field NamedRuleWithOperations.spec.matchConstraints.resourceRules.RuleWithOperations.operations of type v1.OperationType"},
      {"scheduling.v1.PriorityClass", R"({"value":2147483648})", "json: cannot unmarshal number 2147483648 into Go struct field PriorityClass.value of type int32"},
      {"scheduling.v1.PriorityClass", R"({"value":1.5})", "json: cannot unmarshal number 1.5 into Go struct field PriorityClass.value of type int32"},
      {"scheduling.v1.PriorityClass", R"({"value":"7"})", "json: cannot unmarshal string into Go struct field PriorityClass.value of type int32"},
      {"core.v1.Pod", R"({"spec":{"containers":[{"resources":{"limits":[]}}]}})",
       "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList"},
      {"core.v1.Pod", R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"x"}}}]}})",
       "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"},
      {"core.v1.Pod", R"({"spec":3,"metadata":{"creationTimestamp":"x"}})", "parsing time \"x\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"x\" as \"2006\""},
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":5}})", "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string"},
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":"2024-13-01T00:00:00Z"}})", "parsing time \"2024-13-01T00:00:00Z\": month out of range"},
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":"2024-02-30T00:00:00Z"}})", "parsing time \"2024-02-30T00:00:00Z\": day out of range"},
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":"2024-02-20T00:00:00Zx"}})", "parsing time \"2024-02-20T00:00:00Zx\": extra text: \"x\""},
      {"coordination.v1.Lease", R"({"spec":{"renewTime":"2024-02-20T00:00:00Z"}})",
       "parsing time \"2024-02-20T00:00:00Z\" as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse \"Z\" as \".000000\""},
  };
  for (const Case& c : cases) EXPECT_EQ(conformed(c.kind, c.text), c.want) << c.text;
}

TEST(Conform, WhatAPatchMade) {
  struct Case {
    std::string_view kind, text, want;
  };
  const Case cases[] = {
      {"core.v1.ConfigMap", R"({"metadata":{"labels":true}})", "cannot restore map from bool"},
      {"core.v1.ConfigMap", R"({"metadata":{"labels":{"a":true}}})", "unrecognized type: string"},
      {"core.v1.ConfigMap", R"({"metadata":{"labels":{"a":1}}})", "cannot convert int64 to string"},
      {"core.v1.ConfigMap", R"({"binaryData":{"a":"?"}})", "error decoding from json: illegal base64 data at input byte 0"},
      {"core.v1.Pod", R"({"spec":{"restartPolicy":1}})", "cannot convert int64 to v1.RestartPolicy"},
      {"core.v1.Pod", R"({"spec":1})", "cannot restore struct from: int64"},
      {"core.v1.Pod", R"({"spec":{"containers":true}})", "cannot restore slice from bool"},
      {"core.v1.Pod", R"({"spec":{"hostNetwork":"a","volumes":1}})", "cannot restore slice from int64"},  // the first of the struct's fields
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":5}})", "json: cannot unmarshal number into Go value of type string"},
      {"scheduling.v1.PriorityClass", R"({"value":"7"})", "unrecognized type: int32"},
      {"scheduling.v1.PriorityClass", R"({"value":1.5})", "cannot convert float64 to int32"},
      {"scheduling.v1.PriorityClass", R"({"value":2147483648})", R"({"value":-2147483648})"},
      {"scheduling.v1.PriorityClass", R"({"value":7.0})", R"({"value":7})"},
  };
  for (const Case& c : cases) EXPECT_EQ(conformed(c.kind, c.text, TreeOf::Patch), c.want) << c.text;
}

// Members of a patch's result are put in order, and a large object must still find them.
TEST(Conform, LargeStructsFindTheirMembersInOrder) {
  Arena arena;
  const Type& type = *builtin_type("io.k8s.api.core.v1.PodSpec");
  Value spec = Value::object(arena);
  for (auto field = type.fields.rbegin(); field != type.fields.rend(); ++field)
    if (field->type->kind == Kind::String) spec.set(field->name, field->name);
    else if (field->type->kind == Kind::Bool) spec.set(field->name, true);
    else if (field->type->kind == Kind::List) spec.set(field->name, Value::list(arena));
    else if (field->type->kind == Kind::Map || field->type->kind == Kind::Struct) spec.set(field->name, Value::object(arena));
  ASSERT_GT(spec.size(), 30u);
  EXPECT_EQ(spec["dnsPolicy"].as_string(), "dnsPolicy");  // makes the index
  Conformance found;
  ASSERT_TRUE(conform(spec, type, found, TreeOf::Patch));
  for (const Field& field : type.fields)
    if (field.type->kind == Kind::String) {
      EXPECT_EQ(spec[field.name].as_string(), field.name);
    }
}

TEST(Conform, Normalises) {
  struct Case {
    std::string_view kind, text, want;
  };
  const Case cases[] = {
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":"2024-02-20T01:00:00.5+02:00","deletionTimestamp":null,"labels":{"a":null}}})",
       R"({"metadata":{"creationTimestamp":"2024-02-19T23:00:00Z","labels":{"a":""}}})"},
      {"core.v1.Pod", R"({"metadata":{"creationTimestamp":"0001-01-01T00:00:00Z"}})", R"({"metadata":{}})"},
      {"core.v1.Pod", R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"1000m","memory":1073741824,"x":0.5,"y":"1.5Gi"}}}]}})",
       R"({"spec":{"containers":[{"resources":{"limits":{"cpu":"1","memory":"1073741824","x":"500m","y":"1536Mi"}}}]}})"},
      {"core.v1.Pod", R"({"spec":{"containers":[null,{"args":[null]}],"volumes":null}})", R"({"spec":{"containers":[{},{"args":[""]}]}})"},
      {"core.v1.Pod", R"({"metadata":{"nope":1,"name":"a"},"spec":{"containers":[{"x":{}},{"x":[]}],"nodeSelector":{"a":"b"}},"Spec":1})",
       R"({"metadata":{"name":"a"},"spec":{"containers":[{},{}],"nodeSelector":{"a":"b"}}} unknown field "metadata.nope" unknown field "spec.containers[0].x" unknown field "spec.containers[1].x" unknown field "Spec")"},
      {"core.v1.Secret", R"({"data":{"a":[65,66]}})", R"({"data":{"a":"QUI="}})"},
      {"coordination.v1.Lease", R"({"spec":{"renewTime":"2024-02-20T00:00:00.000001+00:00"}})", R"({"spec":{"renewTime":"2024-02-20T00:00:00.000001Z"}})"},
  };
  for (const Case& c : cases) EXPECT_EQ(conformed(c.kind, c.text), c.want) << c.text;
}

TEST(Conform, StrictErrors) {
  Arena arena;
  RepeatedKeys repeated;
  Conformance found;
  constexpr std::string_view kText = R"({"kind":"Pod","kind":"Pod","x":{"a":1,"a":2},"x":1,"\u0079":2,"metadata":{"name":"a"},"z":1,"metadata":{"q":1,"name":"a","name":"b"}})";
  Value value = *parse_json(kText, arena, &repeated.keys);
  ASSERT_TRUE(conform(value, *builtin_type("io.k8s.api.core.v1.Pod"), found));
  EXPECT_EQ(join(strict_errors(repeated, found), ", "),
            R"(duplicate field "kind", duplicate field "metadata", duplicate field "metadata.name", unknown field "x", unknown field "y", unknown field "metadata.q", unknown field "z")");
  repeated.text = kText;
  EXPECT_EQ(join(strict_errors(repeated, found), ", "),
            R"(duplicate field "kind", unknown field "x", unknown field "y", unknown field "z", duplicate field "metadata", unknown field "metadata.q", duplicate field "metadata.name")");
  EXPECT_EQ(join(strict_errors({.keys = {}, .lines = {"line 1", "line 2"}, .text = {}}, found), ", "),
            "yaml: unmarshal errors:\n  line 1\n  line 2, unknown field \"x\", unknown field \"y\", unknown field \"metadata.q\", unknown field \"z\"");
}

TEST(Conform, ManyFields) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; i++) names.push_back(concat("field", i));
  std::vector<Field> fields;
  std::vector<uint16_t> hash(1024);
  for (size_t i = 0; i < names.size(); i++) {
    fields.push_back({.name = names[i], .type = &scalar(Kind::Int64)});
    size_t at = field_hash(names[i]) & (hash.size() - 1);
    while (hash[at]) at = (at + 1) & (hash.size() - 1);
    hash[at] = static_cast<uint16_t>(i + 1);
  }
  Type type{.kind = Kind::Struct, .name = "Wide", .fields = fields, .hash = hash};
  Arena arena;
  auto object = freeze(*parse_json(R"({"field299":7,"field0":1,"field130":5})", arena), type);
  ASSERT_TRUE(object);
  std::string out;
  write_json(out, **object, "", "");
  EXPECT_EQ(out, R"({"field0":1,"field130":5,"field299":7})");
}

}  // namespace sampan::schema
