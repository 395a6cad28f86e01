// What the checker says; the expectations are cel-go's in Kubernetes' environment.
#include "cel/check.h"

#include "base/text.h"

namespace sampan::cel {
namespace {

using Kind = Type::Kind;

const Environment& environment() {
  static const Environment made = [] {
    Environment environment = Environment::kubernetes().extend();
    environment.declare("object", Type());
    environment.declare("i", Kind::Int);
    environment.declare("u", Kind::Uint);
    environment.declare("s", Kind::String);
    environment.declare("b", Kind::Bool);
    environment.declare("d", Kind::Double);
    environment.declare("li", Type::list(Kind::Int));
    environment.declare("m", Type::map(Kind::String, Kind::Int));
    environment.declare("a.b", Kind::Int);
    environment.declare_struct("Shape", {{"label", Kind::String}, {"corners", Kind::Int}});
    environment.declare("shape", Type::structure("Shape"));
    return environment;
  }();
  return made;
}

struct Case {
  std::string_view expression, expected;
};

TEST(Check, TypesOfExpressions) {
  const Case cases[] = {
    {"1 + 2", "int"},
    {"[1, 2]", "list(int)"},
    {"[]", "list(dyn)"},
    {"{}", "map(dyn, dyn)"},
    {"{'a': [1]}", "map(string, list(int))"},
    {"'%s %d'.format(['a', 1])", "string"},
    {"b ? [] : [1]", "list(int)"},
    {"b ? object : 1", "dyn"},
    {"b ? null : duration('1h')", "null"},
    {"b ? optional.of(1) : optional.none()", "optional_type(int)"},
    {"li.map(x, x * 2)", "list(int)"},
    {"li.map(x, {x: string(x)})", "list(map(int, string))"},
    {"li.filter(x, x > 1)", "list(int)"},
    {"li.exists_one(x, x > 1)", "bool"},
    {"m.all(k, m[k] > 0)", "bool"},
    {"m.transformList(k, v, k + string(v))", "list(string)"},
    {"m.transformMap(k, v, v > 1)", "map(string, bool)"},
    {"li.transformMap(i, v, v + i)", "map(int, int)"},
    {"[].map(x, x)", "list(dyn)"},
    {"[].all(x, x > 1)", "bool"},
    {"{}.map(k, k)", "list(dyn)"},
    {"[[]] == [[1]]", "bool"},
    {"object.a[0].b['c']", "dyn"},
    {"object.?metadata.name", "optional_type(dyn)"},
    {"m[?'one'].orValue(1)", "int"},
    {"[?optional.of(1), 2]", "list(int)"},
    {"{?'a': optional.of('x')}", "map(string, string)"},
    {"optional.of('a').optMap(x, x + x)", "optional_type(string)"},
    {"has(object.a.b)", "bool"},
    {"a.b + 1", "int"},
    {".a.b", "int"},
    {".s.size()", "int"},
    {"type(1)", "type(int)"},
    {"type(type(li))", "type(type(list(int)))"},
    {"google.protobuf.Timestamp", "type(timestamp)"},
    {"null_type", "type(null)"},
    {"i > d", "bool"},
    {"u < 3.5", "bool"},
    {"i == dyn(d)", "bool"},
    {"duration('1h') == null", "bool"},
    {"size(s) + s.size()", "int"},
    {"timestamp('2020-01-01T00:00:00Z') - timestamp('2019-01-01T00:00:00Z')", "duration"},
    {"timestamp('2020-01-01T00:00:00Z').getHours('Europe/Berlin')", "int"},
    {"shape", "Shape"},
    {"shape.corners", "int"},
    {"shape.?label", "optional_type(string)"},
    {"has(shape.label)", "bool"},
    {"Shape", "type(Shape)"},
    {"Shape{label: 'x', corners: 3}", "Shape"},
    {"Shape{?label: optional.of('x')}", "Shape"},
    {"[shape].map(x, x.label)", "list(string)"},
    {"type(shape) == Shape", "bool"},
  };
  for (const Case& c : cases) {
    const auto checked = compile(std::string(c.expression), environment());
    ASSERT_TRUE(checked) << c.expression << "\n" << checked.error().text(c.expression);
    EXPECT_EQ(checked->type().text(), c.expected) << c.expression;
  }
}

// Issues as "column: message", a line each.
TEST(Check, WhatIsWrong) {
  const Case cases[] = {
    {"1 + 'a'", "3: found no matching overload for '_+_' applied to '(int, string)'"},
    {"1u + 1", "4: found no matching overload for '_+_' applied to '(uint, int)'"},
    {"-u", "1: found no matching overload for '-_' applied to '(uint)'"},
    {"!i", "1: found no matching overload for '!_' applied to '(int)'"},
    {"1 == 1.0", "3: found no matching overload for '_==_' applied to '(int, double)'"},
    {"1 == 'a'", "3: found no matching overload for '_==_' applied to '(int, string)'"},
    {"i && true", "1: expected type 'bool' but found 'int'"},
    {"b || s", "6: expected type 'bool' but found 'string'"},
    {"b ? 1 : 'a'", "3: found no matching overload for '_?_:_' applied to '(bool, int, string)'"},
    {"i ? 1 : 2", "3: found no matching overload for '_?_:_' applied to '(int, int, int)'"},
    {"undefined", "1: undeclared reference to 'undefined' (in container '')"},
    {"undefined.field", "1: undeclared reference to 'undefined' (in container '')"},
    {"undefined(1)", "10: undeclared reference to 'undefined' (in container '')"},
    {"s.undefined(1)", "12: undeclared reference to 'undefined' (in container '')"},
    {"foo.optMap(x, x)", "1: undeclared reference to 'foo' (in container '')\n1: undeclared reference to 'foo' (in container '')"},
    {"size(1)", "5: found no matching overload for 'size' applied to '(int)'"},
    {"s.size(1)", "7: found no matching overload for 'size' applied to 'string.(int)'"},
    {"i.foo", "2: type 'int' does not support field selection"},
    {"has(i.x)", "4: type 'int' does not support field selection"},
    {"a", "1: undeclared reference to 'a' (in container '')"},
    {"a.b.c", "4: type 'int' does not support field selection"},
    {"m.one.two", "6: type 'int' does not support field selection"},
    {"m[1]", "2: found no matching overload for '_[_]' applied to '(map(string, int), int)'"},
    {"li['a']", "3: found no matching overload for '_[_]' applied to '(list(int), string)'"},
    {"s in li", "3: found no matching overload for '@in' applied to '(string, list(int))'"},
    {"li.map(x, x + 'a')", "13: found no matching overload for '_+_' applied to '(int, string)'"},
    {"li.filter(x, 'a')", "10: found no matching overload for '_?_:_' applied to '(string, list(int), list(int))'"},
    {"li.all(x, x)", "11: expected type 'bool' but found 'int'"},
    {"i.all(x, x > 1)", "1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)"},
    {"s.all(x, true)", "1: expression of type 'string' cannot be range of a comprehension (must be list, map, or dynamic)"},
    {"[1, 'a']", "5: expected type 'int' but found 'string'"},
    {"[1, null]", "5: expected type 'int' but found 'null'"},
    {"[object, 1]", "10: expected type 'dyn' but found 'int'"},
    {"[[1], ['a']]", "7: expected type 'list(int)' but found 'list(string)'"},
    {"{'a': 1, 'b': 'x'}", "15: expected type 'int' but found 'string'"},
    {"{1: 1, 'b': 2}", "8: expected type 'int' but found 'string'"},
    {"[?1]", "3: expected type 'optional_type(int)' but found 'int'"},
    {"{?'a': 1}", "8: expected type 'optional_type(int)' but found 'int'"},
    {"[] == [1] && [1] + ['a'] == []", "18: found no matching overload for '_+_' applied to '(list(int), list(string))'"},
    {"Foo{a: 1}", "4: undeclared reference to 'Foo' (in container '')"},
    {"int{}", "4: 'int' is not a message type"},
    {"i{a: 1}", "2: 'int' is not a type\n4: unexpected failed resolution of 'i'"},
    {"duration('x')", "10: invalid duration argument"},
    {"duration(1)", "10: invalid duration argument"},
    {"timestamp('2023-01-01')", "11: invalid timestamp argument"},
    {"timestamp(253402300800)", "11: invalid timestamp argument"},
    {"s.matches('[')", "11: invalid matches argument"},
    {"matches('[', s)", "9: invalid matches argument"},
    {"'%d'.format(['a'])", "14: error during formatting: decimal clause can only be used on integers, was given string"},
    {"'%s'.format([[1, optional.of(1)]])", "29: error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given optional_type"},
    {"'%z'.format([1])", "12: could not parse formatting clause: unrecognized formatting clause \"z\""},
    {"'%s %s'.format([1])", "15: index 1 out of range"},
    {"'%s'.format([1, 2])", "12: too many arguments supplied to string.format (expected 1, got 2)"},
    {"'%.3'.format([1.0])", "13: could not parse formatting clause: error while parsing precision: could not find end of precision specifier"},
    {"math.greatest(1, 2)", "1: undeclared reference to 'math' (in container '')\n14: undeclared reference to 'greatest' (in container '')"},
    {"(1 + 'a') + undefined", "4: found no matching overload for '_+_' applied to '(int, string)'\n13: undeclared reference to 'undefined' (in container '')"},
    {"[1, 'a'][?0].optMap(x, x)", "5: expected type 'int' but found 'string'\n5: expected type 'int' but found 'string'"},
    {"shape.colour", "6: undefined field 'colour'"},
    {"Shape{colour: 1}", "13: undefined field 'colour'"},
    {"Shape{label: 1}", "12: expected type of field 'label' is 'string' but provided type is 'int'"},
    {"Shape{?label: 'x'}", "15: expected type 'optional_type(string)' but found 'string'"},
  };
  for (const Case& c : cases) {
    const auto checked = compile(std::string(c.expression), environment());
    ASSERT_FALSE(checked) << c.expression;
    constexpr std::string_view kPlace = "ERROR: <input>:1:";
    const std::string text = checked.error().text(c.expression);
    std::vector<std::string> issues;
    for (const std::string_view line : split(text, '\n'))
      if (line.starts_with(kPlace)) issues.emplace_back(line.substr(kPlace.size()));
    EXPECT_EQ(join(issues, "\n"), c.expected) << c.expression;
  }
}

TEST(Check, NamesAndOverloads) {
  const auto checked = compile("a.b + li.map(x, x)[0]", environment());
  ASSERT_TRUE(checked);
  const Node& sum = checked->expression.root();
  ASSERT_EQ(checked->overloads[sum.id].size(), 1U);
  EXPECT_EQ(checked->overloads[sum.id][0]->id, "add_int64");
  EXPECT_EQ(checked->names[sum.arguments[0]->id], "a.b");
}

// Of dyn operands any overload may be meant.
TEST(Check, DynamicOperandsKeepAllOverloads) {
  const auto checked = compile("object + object", environment());
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->overloads[checked->expression.root().id].size(), 9U);
}

// Macros double what they are given: neither time nor types may grow with it.
TEST(Check, WhatDoublesStaysSmall) {
  std::string nested = "optional.of(1)", doubled = "[1]";
  for (int i = 0; i < 8; ++i) nested += ".optMap(x, x)";
  for (int i = 0; i < 30; ++i) doubled += ".map(x, {x: x})";
  EXPECT_TRUE(compile(nested, environment()));
  const auto checked = compile(doubled, environment());
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().text(doubled).find("type of expression is too large"), std::string::npos);
}

}  // namespace
}  // namespace sampan::cel
