// Selectors: what is refused and why, and which devices match.
#include "devices/selector.h"

#include <gtest/gtest.h>

#include "api/resource_v1.h"
#include "base/check.h"
#include "base/text.h"
#include "schema/conform.h"
#include "schema/yaml.h"

namespace sampan::devices {
namespace {

schema::ObjectRef slice(std::string_view device) {
  Arena arena;
  auto documents = schema::parse_yaml(concat("{spec: {driver: a.com, devices: [", device, "]}}"), arena);
  check(documents.has_value());
  auto* type = schema::builtin_kind("resource.k8s.io", "v1", "ResourceSlice");
  schema::Conformance found;
  check(schema::conform((*documents)[0], *type, found).has_value() && found.unknown_fields.empty());
  auto object = schema::freeze((*documents)[0], *type);
  check(object.has_value());
  return *object;
}

std::string mistake(std::string_view expression) {
  auto compiled = compile_selector(expression);
  if (!compiled) return concat(compiled.error().internal ? "internal: " : "", compiled.error().detail);
  return is_too_costly(*compiled) ? "too costly" : "";
}

TEST(Selectors, WhatIsRefused) {
  struct Row {
    std::string_view expression, mistake;
  };
  constexpr Row kRows[] = {
      {"device.driver == 'a'", ""},
      {"device.attributes['a'].b", ""},
      {"cel.bind(a, device.attributes['a'], a.b && a.c)", ""},
      {"device.driver", "must evaluate to bool or the unknown type, not string"},
      {"dyn(true)", "must evaluate to bool or the unknown type, not dyn"},
      {"duration('1h')", "must evaluate to bool or the unknown type, not google.protobuf.Duration"},
      {"device.attributes", "must evaluate to bool or the unknown type, not map(string, map(string, google.protobuf.Any))"},
      {"device.nope", "compilation failed: ERROR: <input>:1:7: undefined field 'nope'\n | device.nope\n | ......^"},
      {"device.attributes['a'].b.exists(e, e == 1)",
       "compilation failed: ERROR: <input>:1:23: expression of type 'any' cannot be range of a comprehension (must be list, map, or dynamic)\n"
       " | device.attributes['a'].b.exists(e, e == 1)\n | ......................^"},
      {"int('x') == 1", "internal: program instantiation failed: type conversion error from 'string' to 'int'"},
      {"device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, device.driver.contains(a)))))", "too costly"},
  };
  for (auto& row : kRows) EXPECT_EQ(mistake(row.expression), row.mistake) << row.expression;
}

TEST(Selectors, WhatMatches) {
  auto object = slice("{name: x, attributes: {good: {bool: true}, b.com/count: {int: 5}, name: {string: gpu}, version: {version: 1.2.3}}, "
                      "capacity: {memory: {value: 4Gi}}, allowMultipleAllocations: true}");
  auto device = (*object)["spec"]["devices"].item(0);
  struct Row {
    std::string_view expression, result;
  };
  constexpr Row kRows[] = {
      {"device.driver == 'a.com' && device.allowMultipleAllocations", "true"},
      {"device.attributes['a.com'].good", "true"},
      {"device.attributes['b.com'].count > 5", "false"},
      {"device.attributes['a.com'].version.isGreaterThan(semver('1.2.0'))", "true"},
      {"device.capacity['a.com'].memory.compareTo(quantity('4096Mi')) == 0", "true"},
      // A domain that the device does not know is empty, not an error; but it is not there.
      {"has(device.attributes['c.com'].x) || 'c.com' in device.attributes || !('b.com' in device.attributes)", "false"},
      {"device.attributes['c.com'].x", "no such key: x"},
      {"device.attributes['a.com'].name", "CEL result of type string could not be converted to bool: type conversion error from 'string' to 'bool'"},
  };
  for (auto& row : kRows) {
    auto compiled = compile_selector(row.expression);
    ASSERT_TRUE(compiled.has_value()) << row.expression;
    auto result = matches(*compiled, "a.com", device);
    EXPECT_EQ(result ? (*result ? "true" : "false") : result.error(), row.result) << row.expression;
  }
}

TEST(Selectors, AttributesThatSayNothing) {
  auto object = slice("{name: x, attributes: {nothing: {}}}");
  auto result = matches(*compile_selector("true"), "a.com", (*object)["spec"]["devices"].item(0));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error(), "attribute nothing: unsupported attribute value");
}

}  // namespace
}  // namespace sampan::devices
