#include "cel/value.h"

#include <cmath>

#include "base/text.h"
#include "cel/json_value.h"
#include "cel/struct_literal.h"
#include "schema/json.h"

namespace sampan::cel {
namespace {

const std::partial_ordering kLess = std::partial_ordering::less, kSame = std::partial_ordering::equivalent, kGreater = std::partial_ordering::greater;

Value text(std::string_view of) { return Value::string(std::string(of)); }

TEST(Value, NumbersAreEqualAndOrderedAcrossKinds) {
  Value one = Value::integer(1), one_u = Value::uinteger(1), one_d = Value::number(1);
  for (auto& a : {one, one_u, one_d})
    for (auto& b : {one, one_u, one_d}) {
      EXPECT_TRUE(a.equals(b));
      EXPECT_EQ(a.compare(b), kSame);
    }
  EXPECT_FALSE(Value::integer(-1).equals(Value::uinteger(UINT64_MAX)));
  EXPECT_EQ(Value::integer(-1).compare(Value::uinteger(0)), kLess);
  EXPECT_EQ(Value::uinteger(UINT64_MAX).compare(Value::integer(INT64_MAX)), kGreater);
  EXPECT_EQ(Value::number(1.5).compare(one), kGreater);
  EXPECT_EQ(one_u.compare(Value::number(1.5)), kLess);
  EXPECT_EQ(Value::number(-0.5).compare(Value::uinteger(0)), kLess);
  EXPECT_EQ(Value::number(1e300).compare(Value::uinteger(UINT64_MAX)), kGreater);
  EXPECT_EQ(Value::integer(INT64_MIN).compare(Value::number(-1e300)), kGreater);
  EXPECT_TRUE(Value::integer(9007199254740993).equals(Value::number(9007199254740992)));  // rounded, as cel-go does
}

TEST(Value, NothingIsEqualToNan) {
  Value nan = Value::number(std::nan(""));
  EXPECT_FALSE(nan.equals(nan));
  EXPECT_EQ(nan.compare(Value::integer(1)), std::partial_ordering::unordered);
  EXPECT_EQ(Value::uinteger(1).compare(nan), std::partial_ordering::unordered);
}

TEST(Value, KindsWithoutOrderHaveNone) {
  EXPECT_FALSE(Value().compare(Value()));
  EXPECT_FALSE(text("a").compare(Value::bytes("a")));
  EXPECT_FALSE(Value::list(std::vector<Value>{}).compare(Value::list(std::vector<Value>{})));
  EXPECT_EQ(Value::boolean(false).compare(Value::boolean(true)), kLess);
  EXPECT_EQ(text("a").compare(text("b")), kLess);
  EXPECT_EQ(text("\xff").compare(text("a")), kGreater);
  EXPECT_EQ(Value::timestamp(5, 1).compare(Value::timestamp(5, 2)), kLess);
  EXPECT_EQ(Value::duration(-1).compare(Value::duration(1)), kLess);
}

TEST(Value, DifferentKindsAreNotEqual) {
  const Value values[] = {Value(), Value::boolean(true), Value::integer(1), text("1"), Value::bytes("1"), Value::duration(1), Value::timestamp(1, 0), Value::list(std::vector<Value>{}), Value::map(std::vector<std::pair<Value, Value>>{}),
                          Value::type(Type::Kind::Int), Value::optional({}), Value::optional(Value::integer(1))};
  for (auto& a : values)
    for (auto& b : values) EXPECT_EQ(a.equals(b), &a == &b) << a.shown() << " " << b.shown();
}

TEST(Value, ListsAndMapsAreEqualByContent) {
  Value a = Value::list({Value::integer(1), text("x")}), b = Value::list({Value::number(1), text("x")});
  EXPECT_TRUE(a.equals(b));
  EXPECT_FALSE(a.equals(Value::list({Value::integer(1)})));
  Value m = Value::map({{text("a"), Value::integer(1)}, {text("b"), Value()}}), n = Value::map({{text("b"), Value()}, {text("a"), Value::uinteger(1)}});
  EXPECT_TRUE(m.equals(n));
  EXPECT_FALSE(m.equals(Value::map({{text("a"), Value::integer(1)}, {text("c"), Value()}})));
}

TEST(Value, MapsFindNumbersOfOtherKinds) {
  for (int size : {2, 50}) {  // with and without a table of hashes
    std::vector<std::pair<Value, Value>> entries{{Value::integer(1), text("one")}, {Value::uinteger(2), text("two")}};
    while (static_cast<int>(entries.size()) < size) entries.emplace_back(text(concat("k", entries.size())), Value::integer(static_cast<int64_t>(entries.size())));
    Value made = Value::map(std::move(entries));
    const Map& map = made.as_map();
    EXPECT_EQ(map.size(), static_cast<size_t>(size));
    for (auto& key : {Value::integer(1), Value::uinteger(1), Value::number(1)}) EXPECT_EQ(map.find(key)->as_text(), "one");
    for (auto& key : {Value::integer(2), Value::uinteger(2), Value::number(2)}) EXPECT_EQ(map.find(key)->as_text(), "two");
    for (auto& key : {Value::integer(3), Value::number(1.5), Value::boolean(true), Value(), text("1")}) EXPECT_FALSE(map.find(key)) << key.shown();
    EXPECT_EQ(map.key_at(0).as_int(), 1);
  }
  Value doubles = Value::map({{Value::number(1), text("one")}});
  EXPECT_TRUE(doubles.as_map().find(Value::number(1)));
  EXPECT_FALSE(doubles.as_map().find(Value::integer(1)));  // cel-go does not look for it
}

TEST(Value, FailuresSpeakAsCelGo) {
  EXPECT_EQ(no_such_overload().error().message, "no such overload");
  EXPECT_EQ(no_such_key(text("a")).error().message, "no such key: a");
  EXPECT_EQ(no_such_key(Value::number(1.5)).error().message, "no such key: 1.5");
  EXPECT_EQ(no_such_key(Value::boolean(true)).error().message, "no such key: true");
}

TEST(Value, ShowsValuesAsGoDoes) {
  const std::pair<Value, std::string_view> table[] = {
      {Value::number(1e6), "1e+06"}, {Value::number(1e21), "1e+21"}, {Value::number(123456.5), "123456.5"}, {Value::number(0.00001), "1e-05"},
      {Value::number(HUGE_VAL), "+Inf"}, {Value::bytes("ab"), "[97 98]"}, {Value::duration(3'600'000'000'000), "1h0m0s"}, {Value::timestamp(0, 500'000'000), "1970-01-01 00:00:00.5 +0000 UTC"},
      {Value::list({Value::integer(1), text("a")}), "[1, a]"}, {Value::optional(Value::integer(1)), "optional(1)"}, {Value::optional({}), "optional.none()"}};
  for (auto& [value, shown] : table) EXPECT_EQ(value.shown(), shown);
}

struct Tree {
  explicit Tree(std::string_view json) : tree(*schema::parse_json(json, arena)), value(value_of(tree)) {}
  Arena arena;
  schema::Value tree;
  Value value;
};

TEST(JsonValue, ReadsAnObjectWhereItLies) {
  Tree made(R"({"b":{"x":1},"a":[1,2.5,"s",null,true],"big":1e3})");
  const Map& map = made.value.as_map();
  EXPECT_EQ(map.size(), 3u);
  EXPECT_EQ(map.key_at(0).as_text(), "a");  // by name, not as they were written
  EXPECT_EQ(map.key_at(2).as_text(), "big");
  EXPECT_FALSE(map.find(text("c")));
  EXPECT_FALSE(map.find(Value::integer(1)));
  EXPECT_EQ(map.find(text("b"))->as_map().find(text("x"))->as_int(), 1);
  EXPECT_TRUE(map.find(text("a"))->equals(Value::list({Value::integer(1), Value::number(2.5), text("s"), Value(), Value::boolean(true)})));
}

TEST(JsonValue, BecomesATreeAgain) {
  Tree made(R"({"a":[1,2.5,"s",null,true],"b":{"x":{}}})");
  Arena arena;
  auto tree = tree_of(made.value, arena);
  ASSERT_TRUE(tree);
  EXPECT_TRUE(tree->equals(made.tree));
}

TEST(JsonValue, SaysInJsonWhatItCan) {
  Arena arena;
  EXPECT_EQ(tree_of(Value::bytes("hi"), arena)->as_string(), "aGk=");
  EXPECT_EQ(tree_of(Value::duration(1'500'000'000), arena)->as_string(), "1.5s");
  EXPECT_EQ(tree_of(Value::timestamp(0, 0), arena)->as_string(), "1970-01-01T00:00:00Z");
  EXPECT_TRUE(tree_of(Value::number(2), arena)->is_int());
  EXPECT_EQ(tree_of(Value::optional(Value::integer(3)), arena)->as_int(), 3);
  EXPECT_EQ(tree_of(*struct_of(Type::structure("Object"), {{"spec", Value::integer(1)}}), arena)->operator[]("spec").as_int(), 1);
  EXPECT_EQ(tree_of(Value::map({{Value::integer(1), Value()}}), arena).error().message, "unsupported type conversion from 'int' to string");
  EXPECT_EQ(tree_of(Value::list({Value::number(std::nan(""))}), arena).error().message, "type conversion error from 'double' to JSON");
  EXPECT_EQ(tree_of(Value::optional({}), arena).error().message, "optional.none() dereference");
}

}  // namespace
}  // namespace sampan::cel
