// The standard library, by expressions whose values cel-go gives too.
#include "cel/evaluate.h"
#include "cel/library/joined_list.h"

namespace sampan::cel {
namespace {

using Kind = Type::Kind;

class Variables : public Activation {
 public:
  Variables() : environment_(Environment::kubernetes().extend()) {
    add("i", Kind::Int, Value::integer(3));
    add("u", Kind::Uint, Value::uinteger(4));
    add("d", Kind::Double, Value::number(2.5));
    add("s", Kind::String, Value::string("text"));
    add("b", Kind::Bool, Value::boolean(true));
    add("li", Type::list(Kind::Int), Value::list({Value::integer(3), Value::integer(1), Value::integer(2)}));
    add("m", Type::map(Kind::String, Kind::Int), Value::map({{Value::string("one"), Value::integer(1)}}));
  }
  std::optional<Maybe<Value>> find(std::string_view name) const override {
    const auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional<Maybe<Value>>(found->second);
  }
  Evaluation value_of(std::string_view expression) const {
    const auto checked = compile(std::string(expression), environment_);
    if (!checked) return {.value = failed(checked.error().text(expression))};
    return evaluate(*checked, *this);
  }

 private:
  void add(std::string_view name, Type type, Value value) {
    environment_.declare(name, std::move(type));
    values_.emplace(name, std::move(value));
  }
  Environment environment_;
  std::map<std::string, Value, std::less<>> values_;
};

TEST(Standard, True) {
  const std::string_view expressions[] = {
    "1 + 2 == 3 && 7 / -2 == -3 && -7 % 3 == -1 && 7u / 2u == 3u && 2 * 3 - 1 == 5",
    "1.5 + 2.0 == 3.5 && 1.0 / 0.0 == double('inf') && 0.0 / 0.0 != 0.0 / 0.0 && -d == -2.5",
    "'a' + 'b' == 'ab' && b'a' + b'\\xff' == b'a\\xff' && [1] + [2, 3] == [1, 2, 3]",
    "!!b && !(5 in li) && !('x' in m) && dyn([1]) + dyn([2]) == [1, 2]",
    "string(1) + string(1u) + string(true) + string(1.5) + string(b'x') + string('y') == '11true1.5xy'",
    "[1e6, 123456.7, 1e-4, 1e-5, 100.0, 1.0, -0.0].map(x, string(x)) == ['1e+06', '123456.7', '0.0001', '1e-05', '100', '1', '-0']",
    "[1e100, 0.1, 1234567.0].map(x, string(x)) == ['1e+100', '0.1', '1.234567e+06']",
    "string(double('NaN')) + string(double('Infinity')) + string(-double('Infinity')) == 'NaN+Inf-Inf'",
    "timestamp(7200).getHours('') == 2",
    "string(timestamp('2023-07-14T12:30:45+02:00')) == '2023-07-14T12:30:45+02:00'",
    "string(timestamp('2023-01-01T00:00:00-09:30') + duration('1h')) == '2023-01-01T01:00:00-09:30'",
    "timestamp('2023-01-01T00:00:00-09:30').getHours() == 9",
    "li + li == [3, 1, 2, 3, 1, 2]",
    "1 < 2 && 2u <= 2u && 1.5 > 1.0 && 'a' < 'b' && b'b' >= b'a' && false < true",
    "1 < 1.5 && 1u > -1 && 2.0 >= 2u && i < u",
    "dyn(1) == dyn(1.0) && dyn(1) == dyn(1u) && dyn(1) != dyn('1')",
    "size('äöü') == 3 && 'äöü'.size() == 3 && size(b'\\xc3\\xa4') == 2 && size([1]) == 1 && {'a': 1}.size() == 1",
    "i in li",
    "'one' in m",
    "1.0 in dyn(li)",
    "type(1) == int && type([]) == list && type({}) == map && type(null) == null_type && type(type(1)) == type",
    "type(b'') == bytes && type(duration('1s')) == google.protobuf.Duration && type(timestamp(0)) == google.protobuf.Timestamp",
    "'hello'.contains('ell') && 'hello'.startsWith('he') && 'hello'.endsWith('lo') && !'hello'.contains('x')",
    "'hello'.matches('l+') && matches('abc', '^[a-c]+$') && !'hello'.matches('^l')",
    "int('42') == 42 && int(42u) == 42 && int(42.9) == 42 && int(-42.9) == -42 && int(timestamp(42)) == 42 && int(duration('1us')) == 1000",
    "uint('42') == 42u && uint(42) == 42u && uint(42.9) == 42u",
    "double('1e3') == 1000.0 && double(1) == 1.0 && double(1u) == 1.0 && double('-.5') == -0.5 && double('0x10p0') == 16.0 && double('1_000') == 1000.0",
    "double('inf') > 1e308 && double('-Infinity') < -1e308",
    "bool('true') && bool('T') && bool('1') && !bool('False') && !bool('f') && !bool('0')",
    "bytes('ä') == b'\\xc3\\xa4'",
    "string(duration('1h2m3.5s')) == '3723.5s' && string(duration('-1ns')) == '-0.000000001s' && string(duration('0')) == '0s'",
    "string(timestamp('2023-07-14T10:30:45.120Z')) == '2023-07-14T10:30:45.12Z'",
    "string(timestamp('0001-01-01T00:00:00Z')) == '0001-01-01T00:00:00Z'",
    "timestamp('2023-07-14T12:30:45+02:00') == timestamp('2023-07-14T10:30:45Z')",
    "timestamp('2023-07-14T5:30:45Z') == timestamp('2023-07-14T05:30:45Z')",
    "timestamp('2023-07-14T05:30:45,5Z') == timestamp('2023-07-14T05:30:45.5Z')",
    "timestamp(0) + duration('1h') == timestamp(3600)",
    "duration('1h') + timestamp(0) == timestamp(3600)",
    "timestamp(3600) - duration('1h1ns') == timestamp('1969-12-31T23:59:59.999999999Z')",
    "timestamp(3600) - timestamp(0) == duration('1h')",
    "duration('1.5h') == duration('90m') && duration('1h1m1s1ms1us1ns') == duration('3661001001001ns') && duration('1µs') == duration('1μs')",
    "duration('1h30m').getHours() == 1 && duration('1h30m').getMinutes() == 90 && duration('90.5s').getSeconds() == 90 && duration('1.5s').getMilliseconds() == 1500",
    "timestamp('2023-07-14T10:30:45.123Z').getFullYear() == 2023 && timestamp('2023-07-14T10:30:45.123Z').getMonth() == 6",
    "timestamp('2023-07-14T10:30:45.123Z').getDate() == 14 && timestamp('2023-07-14T10:30:45.123Z').getDayOfMonth() == 13",
    "timestamp('2023-07-14T10:30:45.123Z').getDayOfWeek() == 5 && timestamp('2023-07-14T10:30:45.123Z').getDayOfYear() == 194",
    "timestamp('2023-07-14T10:30:45.123Z').getHours() == 10 && timestamp('2023-07-14T10:30:45.123Z').getMinutes() == 30",
    "timestamp('2023-07-14T10:30:45.123Z').getSeconds() == 45 && timestamp('2023-07-14T10:30:45.123Z').getMilliseconds() == 123",
    "timestamp('2023-07-14T10:30:45Z').getHours('Europe/Berlin') == 12 && timestamp('2023-01-14T10:30:45Z').getHours('Europe/Berlin') == 11",
    "timestamp('2023-01-01T05:30:00Z').getFullYear('-08:00') == 2022 && timestamp('2023-01-01T05:30:00Z').getMinutes('+05:45') == 15",
    "timestamp('1969-12-31T23:59:59.5Z').getSeconds() == 59 && timestamp('1969-12-31T23:59:59.5Z').getDayOfWeek() == 3",
  };
  const Variables variables;
  for (const std::string_view expression : expressions) {
    const auto value = variables.value_of(expression).value;
    ASSERT_TRUE(value) << expression << "\n" << value.error().message;
    EXPECT_TRUE(value->is_true()) << expression;
  }
}

TEST(Standard, Failures) {
  const struct {
    std::string_view expression, message;
  } cases[] = {
    {"9223372036854775807 + 1", "integer overflow"},
    {"-9223372036854775808 - 1", "integer overflow"},
    {"9223372036854775807 * 2", "integer overflow"},
    {"-9223372036854775808 * -1", "integer overflow"},
    {"-9223372036854775808 / -1", "integer overflow"},
    {"-9223372036854775808 % -1", "integer overflow"},
    {"-(-9223372036854775808)", "integer overflow"},
    {"1 / 0", "division by zero"},
    {"1 % 0", "modulus by zero"},
    {"1u - 2u", "unsigned integer overflow"},
    {"18446744073709551615u + 1u", "unsigned integer overflow"},
    {"18446744073709551615u * 2u", "unsigned integer overflow"},
    {"7u % 0u", "modulus by zero"},
    {"7u / 0u", "division by zero"},
    {"double('NaN') < 1.0", "NaN values cannot be ordered"},
    {"1 > double('NaN')", "NaN values cannot be ordered"},
    {"dyn(1) < dyn('a')", "no such overload"},
    {"!dyn(1)", "no such overload"},
    {"'a' in dyn(1)", "no such overload"},
    {"s.matches(s + '[')", "error parsing regexp: missing closing ]: `[`"},
    {"int(s)", "type conversion error from 'string' to 'int'"},
    {"int(1e19)", "integer overflow"},
    {"int(-9223372036854775808.0)", "integer overflow"},
    {"int(9223372036854775808u)", "integer overflow"},
    {"int(double('NaN'))", "integer overflow"},
    {"uint(-i)", "unsigned integer overflow"},
    {"uint(-1.0)", "unsigned integer overflow"},
    {"uint(1.8446744073709552e19)", "unsigned integer overflow"},
    {"uint(s)", "type conversion error from 'string' to 'uint'"},
    {"double(s)", "type conversion error from 'string' to 'double'"},
    {"bool(s)", "type conversion error from 'string' to 'bool'"},
    {"string(b'\\xff')", "invalid UTF-8 in bytes, cannot convert to string"},
    {"timestamp(s)", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
    {"timestamp(string('2023-02-29T00:00:00Z'))", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
    {"timestamp(string('2023-02-28T24:00:00Z'))", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
    {"timestamp(string('2023-02-28T00:00:00+25:00'))", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
    {"timestamp(string('2023-02-28 00:00:00Z'))", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
    {"timestamp(i * 100000000000)", "timestamp overflow"},
    {"timestamp('9999-12-31T23:59:59Z') + duration('1s')", "timestamp overflow"},
    {"timestamp('0001-01-01T00:00:00Z') - duration('1ns')", "timestamp overflow"},
    {"timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "integer overflow"},
    {"duration('2562047h') + duration('2562047h')", "integer overflow"},
    {"duration('-9223372036854775808ns') - duration('1ns')", "integer overflow"},
    {"timestamp(0) - duration('-9223372036854775808ns')", "integer overflow"},
    {"duration(s)", "type conversion error from 'string' to 'google.protobuf.Duration'"},
    {"timestamp(0).getHours('Nowhere/Town')", "unknown time zone Nowhere/Town"},
    {"timestamp(0).getHours('local')", "unknown time zone local"},
    {"timestamp(0).getHours('../etc')", "time: invalid location name"},
    {"timestamp(0).getHours('x:1')", "strconv.Atoi: parsing \"x\": invalid syntax"},
    {"timestamp(0).getHours('1:')", "strconv.Atoi: parsing \"\": invalid syntax"},
    {"timestamp(0).getHours('99999999999999999999:1')", "strconv.Atoi: parsing \"99999999999999999999\": value out of range"},
    {"dyn(1) + dyn(1u)", "no such overload"},
    {"dyn('a') - 1", "no such overload"},
    {"duration(dyn(i))", "type conversion error from 'int' to 'google.protobuf.Duration'"},
  };
  const Variables variables;
  for (const auto& c : cases) {
    const auto value = variables.value_of(c.expression).value;
    ASSERT_FALSE(value) << c.expression;
    EXPECT_EQ(value.error().message, c.message) << c.expression;
  }
}

TEST(Standard, Costs) {
  const struct {
    std::string_view expression;
    uint64_t cost;
  } cases[] = {
      {"s + s == 'x'", 4},                       // two names, ten characters, one of ten
      {"s.contains('e') && s.startsWith('t')", 4},
      {"s.matches('^[a-z]+$')", 3},
      {"i in li", 5},
      {"i + 1 > 2", 3},
      {"s < 'abc' || size(s) < 10", 5},
  };
  const Variables variables;
  for (const auto& c : cases) EXPECT_EQ(variables.value_of(c.expression).cost, c.cost) << c.expression;
}

// However lists are put together, the items are there, and older lists stay what they were.
TEST(Standard, JoinedLists) {
  const auto numbers = [](int64_t from, int64_t to) {
    std::vector<Value> items;
    for (int64_t i = from; i < to; ++i) items.push_back(Value::integer(i));
    return Value::list(std::move(items));
  };
  Value list = numbers(0, 0);
  std::vector<Value> steps;
  int64_t count = 0;
  for (const int64_t size : {1, 2, 100, 1, 1, 70, 3, 64, 65, 0, 5}) {
    list = *joined(list, numbers(count, count + size));
    count += size;
    steps.push_back(list);
  }
  for (const Value& step : steps)
    for (size_t i = 0; i < step.as_list().size(); ++i) ASSERT_EQ(step.as_list().at(i).as_int(), static_cast<int64_t>(i));
  EXPECT_EQ(list.as_list().size(), static_cast<size_t>(count));
  // Two lists that grow out of one.
  const Value base = *joined(numbers(0, 3), numbers(3, 4));
  const Value one = *joined(base, numbers(10, 11)), other = *joined(base, numbers(20, 21));
  EXPECT_EQ(one.as_list().at(4).as_int(), 10);
  EXPECT_EQ(other.as_list().at(4).as_int(), 20);
  // Doubling again and again takes no memory for the items.
  Value doubled = numbers(0, 100);
  for (int i = 0; i < 50; ++i) doubled = *joined(doubled, doubled);
  EXPECT_EQ(doubled.as_list().size(), size_t{100} << 50);
  EXPECT_EQ(doubled.as_list().at((size_t{100} << 50) - 1).as_int(), 99);
}

}  // namespace
}  // namespace sampan::cel
