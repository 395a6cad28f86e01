#include "schema/patch/patch.h"

#include <gtest/gtest.h>

#include "schema/json.h"

namespace sampan::schema {
namespace {

Value parse(std::string_view text, Arena& arena) {
  auto value = parse_json(text, arena);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

// The outcome as text: the document, or the error's code and message.
std::string outcome(const Result<Value>& result) {
  std::string text;
  if (result)
    write_json(text, *result);
  else
    text = std::to_string(result.error().code()) + " " + result.error().message();
  return text;
}

struct Case {
  std::string_view document, patch, expected;
};

constexpr std::string_view kMisfit = "422 the server rejected our request due to an error in our request";

TEST(Patch, Json) {
  const Case cases[] = {
      {R"({"a":1})", R"([{"op":"add","path":"/b","value":{"c":2}},{"op":"add","path":"/b/d","value":3}])",
       R"({"a":1,"b":{"c":2,"d":3}})"},
      {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/-","value":3},{"op":"add","path":"/a/0","value":0}])",
       R"({"a":[0,1,2,3]})"},
      {R"({"a":[1,2]})", R"([{"op":"add","path":"/a/-1","value":3}])", R"({"a":[1,2,3]})"},
      {R"({"a":[1,2]})", R"([{"op":"replace","path":"/a/-1","value":3}])", R"({"a":[1,3]})"},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/2","value":3}])", kMisfit},
      {R"({"a":[1]})", R"([{"op":"add","path":"/a/x","value":3}])", kMisfit},
      {R"({"a":1})", R"([{"op":"replace","path":"/b","value":2}])", R"({"a":1,"b":2})"},
      {R"({"a":1})", R"([{"op":"replace","path":"","value":{"z":1}}])", R"({"z":1})"},
      {R"({"a":1})", R"([{"op":"replace","path":"","value":3}])", kMisfit},
      {R"({"a":1})", R"([{"op":"add","path":"","value":{}}])", kMisfit},
      {R"({"a":1})", R"([{"op":"remove","path":"/b"}])", kMisfit},
      {R"({"a":1})", R"([{"op":"remove","path":"/b/c"}])", kMisfit},
      {R"({"a":1})", R"([{"op":"jump","path":"/a"}])", kMisfit},
      {R"({"a":1})", R"([null])", kMisfit},
      {R"({"a":1})", "null", R"({"a":1})"},
      {R"({"a":1})", R"([{"op":"add","path":"noslash","value":1}])", kMisfit},
      {R"({"a/b":1,"m~n":2})", R"([{"op":"remove","path":"/a~1b"},{"op":"replace","path":"/m~0n","value":3}])",
       R"({"m~n":3})"},
      {R"({"a":{"b":1},"c":{}})", R"([{"op":"move","from":"/a/b","path":"/c/d"}])", R"({"a":{},"c":{"d":1}})"},
      {R"({"a":{"b":1}})", R"([{"op":"move","from":"/a","path":"/a/b"}])", kMisfit},
      {R"({"a":{"b":1}})", R"([{"op":"copy","from":"/a","path":"/c"},{"op":"add","path":"/c/b","value":2}])",
       R"({"a":{"b":1},"c":{"b":2}})"},
      {R"({"a":1})", R"([{"op":"copy","from":"/b","path":"/c"}])", R"({"a":1,"c":null})"},
      {R"({"a":{"x":[1,null]}})", R"([{"op":"test","path":"/a","value":{"x":[1,null]}}])", R"({"a":{"x":[1,null]}})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":1.0}])", kMisfit},
      {R"({"a":1})", R"([{"op":"test","path":"/b","value":null}])", R"({"a":1})"},
      {R"({"a":1})", R"([{"op":"test","path":"/a","value":"1"}])", kMisfit},
      {R"({"b":{"z":1,"a":2},"a":{"z":1,"a":2}})", R"([{"op":"add","path":"/b/c","value":3}])",
       R"({"a":{"z":1,"a":2},"b":{"a":2,"c":3,"z":1}})"},  // what was touched is sorted
      {"{}", R"({"op":"add"})",
       "400 error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"},
      {"{}", R"([{"op":5}])",
       "400 error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string"},
  };
  for (const Case& c : cases) {
    Arena arena;
    Value document = parse(c.document, arena), patch = parse(c.patch, arena);
    EXPECT_EQ(outcome(json_patch(document, patch, arena)), c.expected) << c.document << " " << c.patch;
    EXPECT_TRUE(document.equals(parse(c.document, arena))) << "the input was changed by " << c.patch;
    EXPECT_TRUE(patch.equals(parse(c.patch, arena))) << "the patch was changed: " << c.patch;
  }
}

TEST(Patch, JsonLimits) {
  Arena arena;
  Value patch = Value::list(arena);
  for (int i = 0; i <= 10000; i++) patch.push(parse(R"({"op":"test","path":"/a","value":1})", arena));
  EXPECT_EQ(outcome(json_patch(parse(R"({"a":1})", arena), patch, arena)),
            "413 Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001");
  // Every copy doubles: the sum of what was copied is limited.
  patch.clear();
  for (int i = 0; i < 40; i++) patch.push(parse(R"({"op":"copy","from":"/a","path":"/a/-"})", arena));
  EXPECT_EQ(outcome(json_patch(parse(R"({"a":["xxxxxxxxxxxxxxxx"]})", arena), patch, arena)), kMisfit);
}

TEST(Patch, Merge) {
  const Case cases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {"{}", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {"{}", R"({"a":[{"b":null},null]})", R"({"a":[{},null]})"},
      {R"({"a":{"x":1}})", R"({"a":[{"b":null}]})", R"({"a":[{"b":null}]})"},
      {R"({"a":1})", "null", "400 Invalid JSON Patch"},
      {R"({"a":1})", "[1]",
       "400 error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"},
  };
  for (const Case& c : cases) {
    Arena arena;
    Value document = parse(c.document, arena), patch = parse(c.patch, arena);
    EXPECT_EQ(outcome(merge_patch(document, patch, arena)), c.expected) << c.document << " " << c.patch;
    EXPECT_TRUE(document.equals(parse(c.document, arena))) << "the input was changed by " << c.patch;
  }
}

// A part of a pod's spec.
const Type& pod_spec() {
  static uint16_t affinity_hash[4] = {}, container_hash[8] = {}, hash[16] = {};
  auto fill = [](std::span<const Field> fields, std::span<uint16_t> table) {
    for (size_t i = 0; i < fields.size(); i++) {
      size_t at = field_hash(fields[i].name) & (table.size() - 1);
      while (table[at]) at = (at + 1) & (table.size() - 1);
      table[at] = static_cast<uint16_t>(i + 1);
    }
  };
  static const Type strings{.kind = Kind::Map, .element = &scalar(Kind::String)};
  static const Field affinity_fields[] = {{.name = "nodeAffinity", .type = &strings}};
  static const Type affinity{
      .kind = Kind::Struct, .name = "io.k8s.api.core.v1.Affinity", .fields = affinity_fields, .hash = affinity_hash};
  static const Field container_fields[] = {{.name = "name", .type = &scalar(Kind::String)},
                                           {.name = "image", .type = &scalar(Kind::String)}};
  static const Type container{
      .kind = Kind::Struct, .name = "Container", .fields = container_fields, .hash = container_hash};
  static const Type containers{
      .kind = Kind::List, .element = &container, .list_type = ListType::Map, .patch_merge = true, .merge_key = "name"};
  static const Type tolerations{.kind = Kind::List, .element = &container};
  static const Type finalizers{.kind = Kind::List, .element = &scalar(Kind::String), .patch_merge = true};
  static const Field fields[] = {{.name = "containers", .type = &containers},
                                 {.name = "tolerations", .type = &tolerations},
                                 {.name = "nodeSelector", .type = &strings},
                                 {.name = "affinity", .type = &affinity},
                                 {.name = "finalizers", .type = &finalizers}};
  static const Type type{.kind = Kind::Struct, .name = "io.k8s.api.core.v1.PodSpec", .fields = fields, .hash = hash};
  if (hash[field_hash("containers") & 15] == 0) {
    fill(affinity_fields, affinity_hash);
    fill(container_fields, container_hash);
    fill(fields, hash);
  }
  return type;
}

TEST(Patch, Strategic) {
  const Case cases[] = {
      // lists merged by a key: changed in place, the others keep their place
      {R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"}]})",
       R"({"containers":[{"name":"b","image":"3"}]})",
       R"({"containers":[{"name":"a","image":"1"},{"name":"b","image":"3"}]})"},
      {R"({"containers":[{"name":"a"},{"name":"b"}]})", R"({"containers":[{"name":"c"}]})",
       R"({"containers":[{"name":"c"},{"name":"a"},{"name":"b"}]})"},
      {R"({"containers":[{"name":"a"},{"name":"b"}]})", R"({"containers":[{"name":"a","$patch":"delete"}]})",
       R"({"containers":[{"name":"b"}]})"},
      {R"({"containers":[{"name":"a"}]})", R"({"containers":[{"$patch":"replace"},{"name":"c"}]})",
       R"({"containers":[{"name":"c"}]})"},
      {R"({"containers":[{"name":"a"}]})", R"({"containers":[{"image":"x"}]})",
       "500 map: map[image:x] does not contain declared merge key: name"},
      {R"({"containers":[{"name":"a"}]})", R"({"containers":[{"name":"a","$patch":"merge"}]})",
       "500 merging lists cannot yet be specified in the patch"},
      {R"({"containers":[{"name":"a"}]})", R"({"containers":["a"]})",
       "500 list element types are not identical: [[map[name:a]] [a]]"},
      {R"({"containers":[{"name":"a"}]})", R"({"containers":[["a"]]})", kMisfit},
      {R"({"containers":[{"name":"a"},{"name":"b"}]})",
       R"({"$setElementOrder/containers":[{"name":"b"},{"name":"c"},{"name":"a"}],"containers":[{"name":"c"}]})",
       R"({"containers":[{"name":"b"},{"name":"c"},{"name":"a"}]})"},
      {R"({"containers":[{"name":"a"}]})",
       R"({"$setElementOrder/containers":[{"name":"a"}],"containers":[{"name":"c"}]})",
       "500 The order in patch list:\n[map[name:c]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n"},
      {R"({"containers":[{"name":"a"}]})", R"({"$setElementOrder/containers":"a"})",
       "500 expected a []interface {}, but received a string"},
      // a replaced list
      {R"({"tolerations":[{"key":"a"}]})", R"({"tolerations":[{"key":"b"}]})", R"({"tolerations":[{"key":"b"}]})"},
      // objects
      {R"({"nodeSelector":{"a":"1","b":"2"}})", R"({"nodeSelector":{"a":null,"c":"3"}})",
       R"({"nodeSelector":{"b":"2","c":"3"}})"},
      {R"({"nodeSelector":{"a":"1"}})", R"({"nodeSelector":{"$patch":"replace","c":"3"}})",
       R"({"nodeSelector":{"c":"3"}})"},
      {R"({"nodeSelector":{"a":"1"}})", R"({"nodeSelector":{"$patch":"delete"}})", R"({"nodeSelector":{}})"},
      {R"({"nodeSelector":{"a":"1"}})", R"({"nodeSelector":{"$patch":"bogus"}})",
       "500 unknown patch type: bogus in map: map[$patch:bogus]"},
      {R"({"nodeSelector":{"a":"1","b":"2"}})", R"({"nodeSelector":{"$retainKeys":["b","c"],"c":"3"}})",
       R"({"nodeSelector":{"b":"2","c":"3"}})"},
      {R"({"nodeSelector":{"a":"1"}})", R"({"nodeSelector":{"$retainKeys":["b"],"c":"3"}})",
       "400 invalid patch format of retainKeys"},
      {R"({"affinity":{"x":{"a":1}}})", R"({"affinity":{"x":{"b":1}}})",
       "500 unable to find api field in struct Affinity for the json field \"x\""},
      {R"({})", R"({"affinity":{"nodeAffinity":{"a":null,"b":[null]}}})",
       R"({"affinity":{"nodeAffinity":{"b":[null]}}})"},
      // scalars as a set
      {R"({"finalizers":["a","b","c"]})", R"({"$deleteFromPrimitiveList/finalizers":["b"]})",
       R"({"finalizers":["a","c"]})"},
      {R"({"finalizers":["a","b"]})", R"({"finalizers":["b","c"]})", R"({"finalizers":["a","b","c"]})"},
      {R"({"finalizers":["a"]})", R"({"$deleteFromPrimitiveList":["b"]})",
       "400 invalid patch format of primitive list"},
      {R"({"a":1})", "5", "400 json: cannot unmarshal number into Go value of type map[string]interface {}"},
  };
  for (const Case& c : cases) {
    Arena arena;
    Value document = parse(c.document, arena), patch = parse(c.patch, arena);
    EXPECT_EQ(outcome(strategic_merge_patch(document, patch, pod_spec(), arena)), c.expected)
        << c.document << " " << c.patch;
    EXPECT_TRUE(document.equals(parse(c.document, arena))) << "the input was changed by " << c.patch;
    EXPECT_TRUE(patch.equals(parse(c.patch, arena))) << "the patch was changed: " << c.patch;
  }
}

}  // namespace
}  // namespace sampan::schema
