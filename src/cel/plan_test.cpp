// Constants that fail before anything is evaluated.
#include "cel/plan.h"

namespace sampan::cel {
namespace {

TEST(Plan, Failures) {
  const struct {
    std::string_view expression, failure;
  } cases[] = {
      {"int('x') == 1", "type conversion error from 'string' to 'int'"},
      {"int(s) == 1", ""},
      {"false && int(1e19) > 1", "integer overflow"},
      {"[1].all(x, uint(-1) == 1u)", "unsigned integer overflow"},
      {"bool(string(dyn('maybe')))", "type conversion error from 'string' to 'bool'"},
      {"int(dyn([1])) == 1", "no such overload: int(list)"},
      {"int(dyn({'a': s})) == 1", ""},
      {"string(b'\\xff') == ''", "invalid UTF-8 in bytes, cannot convert to string"},
      {"matches(s, '[')", "error parsing regexp: missing closing ]: `[`"},
      {"s.matches(dyn('[') + '')", ""},
      {"timestamp(string(1)) > timestamp(0)", "type conversion error from 'string' to 'google.protobuf.Timestamp'"},
      {"dyn(s)[b'a'] == 1", "invalid qualifier type: types.Bytes"},
      {"dyn(s)[[1]] == 1", "invalid qualifier type: *types.baseList"},
      {"dyn(s)[1.5] == 1", ""},
      {"string(dyn(int)) == 'int'", "no such overload: string(type)"},
      {"[type(s)].all(t, string(dyn(t)) == 'int')", "reference to undefined type: t"},
      {"[int].exists(int, int == type(1)) && net.IP == type(ip('::1')) && optional_type == type(optional.of(1))", ""},
      {"type(1) == int && dyn(1) == 1 && double('1') == 1.0", ""},
  };
  Environment environment = Environment::kubernetes().extend();
  environment.declare("s", Type::Kind::String);
  for (const auto& c : cases) {
    const auto checked = compile(std::string(c.expression), environment);
    ASSERT_TRUE(checked) << checked.error().text(c.expression);
    const auto failure = planning_failure(*checked);
    EXPECT_EQ(failure ? failure->message : "", c.failure) << c.expression;
  }
}

}  // namespace
}  // namespace sampan::cel
