// cel-go's and Kubernetes' functions over lists, sets, optional values, loops of two variables.
#include "cel/library/testing.h"

namespace sampan::cel {
namespace {

TEST(Lists, True) {
  const std::string_view table[] = {
      "[1, 2, 3, 4].slice(1, 3) == [2, 3] && [1].slice(1, 1) == []",
      "[[1, 2], [3]].flatten() == [1, 2, 3] && [[dyn(1), dyn([dyn(2), dyn([3])])]].flatten(2) == [dyn(1), dyn(2), dyn([3])] && [[1], [2]].flatten(0) == [[1], [2]]",
      "[3, 1, 2].sort() == [1, 2, 3] && ['b', 'a'].sort() == ['a', 'b'] && [true, false].sort() == [false, true] && [duration('2s'), duration('1s')].sort() == [duration('1s'), duration('2s')]",
      "['ccc', 'a', 'bb'].sortBy(x, x.size()) == ['a', 'bb', 'ccc'] && [{'n': 2}, {'n': 1}].sortBy(e, e.n) == [{'n': 1}, {'n': 2}] && [].sortBy(x, x) == []",
      "[1, 2, 2, 1].distinct() == [1, 2] && [dyn(1), dyn(1u), dyn(1.0)].distinct().size() == 1 && [[1], [1]].distinct() == [[1]]",
      "[1, 2].reverse() == [2, 1] && [].reverse() == []",
      "lists.range(4) == [0, 1, 2, 3] && lists.range(-1) == [] && lists.range(100000).size() == 100000",
      "[1, 2, 2].isSorted() && !['b', 'a'].isSorted() && [].isSorted() && [1.5].isSorted()",
      "[1, 2].sum() == 3 && [1u].sum() == 1u && [1.5, 2.0].sum() == 3.5 && [duration('1m'), duration('1s')].sum() == duration('61s')",
      "[2, 1, 3].min() == 1 && [2, 1, 3].max() == 3 && ['b', 'a'].min() == 'a' && [timestamp('2020-01-01T00:00:00Z')].max() == timestamp('2020-01-01T00:00:00Z')",
      "[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && ['a'].indexOf('b') == -1 && [dyn(1)].indexOf(1.0) == 0",
  };
  expect_true(table);
}

TEST(Lists, Failures) {
  const Failing table[] = {
      {"[1].slice(-1, 0)", "cannot slice(-1, 0), negative indexes not supported"},
      {"[1].slice(1, 0)", "cannot slice(1, 0), start index must be less than or equal to end index"},
      {"[1].slice(0, 2)", "cannot slice(0, 2), list is length 1"},
      {"[1].flatten(-1)", "level must be non-negative"},
      {"[dyn(1), dyn('a')].sort()", "list elements must have the same type"},
      {"[].min()", "min called on empty list"},
      {"[].max()", "max called on empty list"},
      {"[9223372036854775807, 1].sum()", "integer overflow"},
      {"[dyn(1), dyn('a')].sum()", "no such overload"},
      {"lists.range(2000000).size()", "operation cancelled: actual cost limit exceeded"},
      {"lists.range(9223372036854775807).size()", "operation cancelled: actual cost limit exceeded"},
  };
  expect_failures(table);
}

TEST(Lists, Costs) {
  const Costing table[] = {
      {"[3, 1, 2].sort()", 39 - 10}, {"['b', 'a'].sort()", 19}, {"[3, 1, 2].reverse()", 14}, {"[3, 1, 2].distinct()", 29}, {"lists.range(5)", 16}, {"[3, 1, 2].sum()", 3}, {"[[1], [2]].flatten()", 13},
      {"['0123456789', 'x'].indexOf('x')", 1}, {"sets.contains([1, 2, 3], [1, 2])", 7}, {"sets.equivalent([1, 2], [1, 2])", 9}, {"sets.intersects([1], [1])", 2},
  };
  expect_costs(table);
}

TEST(Sets, True) {
  const std::string_view table[] = {
      "sets.contains([], []) && !sets.contains([], [1]) && sets.contains([1, 2, 3], [2, 3]) && sets.contains([dyn(1), dyn(2.0)], [dyn(1.0), dyn(2u)])",
      "sets.equivalent([1], [1, 1]) && !sets.equivalent([1], [1, 2]) && sets.equivalent([1, 2], [2, 1])",
      "!sets.intersects([1], []) && sets.intersects([1], [1, 2]) && !sets.intersects(['a'], ['b'])",
  };
  expect_true(table);
}

TEST(Optionals, True) {
  const std::string_view table[] = {
      "optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1 && optional.none().orValue(2) == 2 && optional.of(1).or(optional.of(2)).value() == 1",
      "!optional.ofNonZeroValue(0).hasValue() && !optional.ofNonZeroValue(null).hasValue() && !optional.ofNonZeroValue('').hasValue()",
      "!optional.ofNonZeroValue([]).hasValue() && !optional.ofNonZeroValue(duration('0s')).hasValue() && optional.ofNonZeroValue(5).hasValue()",
      "!optional.ofNonZeroValue(timestamp('0001-01-01T00:00:00Z')).hasValue() && optional.ofNonZeroValue(timestamp(0)).hasValue()",
      "optional.of(dyn(1)) == optional.of(dyn(1.0)) && optional.none() == optional.none() && optional.of(1) != optional.none()",
      "optional.unwrap([optional.of(1), optional.none()]) == [1] && [optional.of(2)].unwrapOpt() == [2]",
      "[1, 2].first() == optional.of(1) && [1, 2].last() == optional.of(2) && [].first() == optional.none()",
      "type(optional.of(1)) == optional_type",
  };
  expect_true(table);
  const Failing failures[] = {{"optional.none().value()", "optional.none() dereference"}};
  expect_failures(failures);
}

TEST(TwoVariableLoops, True) {
  const std::string_view table[] = {
      "[1, 2, 3].transformMap(i, v, i * v) == {0: 0, 1: 2, 2: 6} && {'a': 1, 'b': 2}.transformMap(k, v, v > 1, v) == {'b': 2}",
      "{'a': 'x'}.transformMapEntry(k, v, {v: k}) == {'x': 'a'}",
      "lists.range(300).transformMap(i, v, v * 2)[299] == 598 && lists.range(300).transformMap(i, v, v)[?300] == optional.none()",
      "lists.range(20).transformMapEntry(i, v, {string(v): i})['7'] == 7",
  };
  expect_true(table);
  const Failing failures[] = {
      {"['x', 'x'].transformMapEntry(i, v, {v: i})", "insert failed: key x already exists"},
      {"[dyn(1), dyn(1u)].transformMapEntry(i, v, {v: i})", "insert failed: key 1 already exists"},
  };
  expect_failures(failures);
}

// One map made into two others: each must see its own entries alone.
TEST(TwoVariableLoops, AMapGrowsInTwoDirections) {
  auto insert = Environment::kubernetes().function("cel.@mapInsert");
  ASSERT_TRUE(insert);
  auto add = [&](const Value& map, std::string_view key) {
    const std::array<Value, 3> arguments{map, Value::string(std::string(key)), Value::integer(1)};
    return *insert->overloads[0].call(arguments);
  };
  Value base = add(Value::map(std::vector<std::pair<Value, Value>>{}), "a"), left = add(base, "b"), right = add(base, "c");
  EXPECT_EQ(base.as_map().size(), 1u);
  EXPECT_TRUE(left.as_map().find(Value::string("b")) && !left.as_map().find(Value::string("c")));
  EXPECT_TRUE(right.as_map().find(Value::string("c")) && !right.as_map().find(Value::string("b")));
  EXPECT_FALSE(base.as_map().find(Value::string("b")));
}

}  // namespace
}  // namespace sampan::cel
