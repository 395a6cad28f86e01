// Estimates of cost; the figures are cel-go's with Kubernetes' estimator.
#include "cel/estimate.h"

namespace sampan::cel {
namespace {

using Kind = Type::Kind;

class Sizes : public SizeEstimator {
 public:
  std::optional<Range> size_of(std::span<const std::string> path) const override {
    if (path[0] == "s" || path[0] == "ls" || path[0] == "m") return Range{0, path.size() * 10};
    return {};
  }
  std::optional<Range> cost_of_call(std::string_view function, std::string_view) const override {
    return function == "includes" ? std::optional(Range{0, 48}) : std::nullopt;
  }
};

TEST(Estimate, Costs) {
  constexpr uint64_t kUnknown = UINT64_MAX;
  const struct {
    std::string_view expression;
    uint64_t min, max;
  } cases[] = {
      {"1 + 2", 1, 1},
      {"s == 'abcdef'", 2, 2},
      {"s + s + 'x' == s", 5, 9},
      {"s.matches('^[a-z]+$')", 3, 5},
      {"s.contains('abc')", 1, 2},
      {"i in li", 2, kUnknown},
      {"s in ls", 2, 12},
      {"ls.all(x, x.size() < 10 && x.matches('^[a-z]*$'))", 2, 132},
      {"ls.all(x, ls.all(y, ls.all(z, x + y == z)))", 2, 12552},
      {"li.all(x, li.exists_one(y, y == x))", 2, kUnknown},
      {"ls.map(x, x + x).join(',').size() > 3", 14, 1844674407370955458},
      {"ls.filter(x, x != '').map(y, y.size()).sum()", 23, 313},
      {"ls.transformMap(i, v, v + s)", 32, 112},
      {"m.transformList(k, v, k + string(v))", 12, kUnknown},
      {"m.map(k, k)", 12, 142},
      {"b ? i : i + 1", 2, 3},
      {"b ? s : 'x'", 1, 2},
      {"b || i > 3 && i < 5", 1, 5},
      {"object.spec.replicas > 3 && object.metadata.name.startsWith('n')", 2, 4},
      {"has(object.spec) && has(object.spec.replicas) ? object.spec.replicas : 1", 1, 3},
      {"object.?spec[?'x'].hasValue()", 4, 4},
      {"[s, s].map(x, x + x)[0] + s", 53, 60},
      {"{'k': s}['k'] + s", 33, 35},
      {"optional.of(s).optMap(x, x + x).orValue('')", 5, 1844674407370955284},
      {"ls[?0].orValue('x') + s", 4, 1844674407370955268},
      {"s.replace('a','bbbbb').startsWith(s)", 2, 5},
      {"s.split(',', 2).join('-').size()", 2, 1844674407370955268},
      {"s.substring(1, 2)", 1, 2},
      {"s.find('x') == 'y'", 3, 4},
      {"s.trim().split(',').size() > 2", 3, 6},
      {"ls.sort()", 12, 222},
      {"li.distinct()", 12, kUnknown},
      {"[3, 1].sortBy(x, -x)", 80, 80},
      {"li.slice(1, 2)", 13, 13},
      {"lists.range(10)", 21, 21},
      {"[ls].flatten()", 23, 23},
      {"sets.equivalent([1], [1, 2])", 25, 25},
      {"quantity(s).isGreaterThan(quantity('1'))", 3, 4},
      {"url('x,y,z') == url('https://a.b:80/c?d=e#f')", 5, 7},
      {"quantity('1Gi') == quantity('1024Mi')", 3, 3},
      {"cidr(s).containsCIDR('10.0.0.0/8')", 5, 10},
      {"cidr('10.0.0.0/8').ip() == ip(s)", 4, 5},
      {"ip.isCanonical(s)", 1, 3},
      {"url(s).getHost() == 'a'", 3, 4},
      {"format.dns1123Label().validate(s).hasValue()", 3, 35},
      {"bytes(s).size() + string(bytes(s)).size()", 5, 11},
      {"strings.quote(s).size()", 2, 3},
      {"dyn(s) == 'x'", 3, 3},
      {"timestamp(s).getHours('Europe/Berlin')", 3, 3},
      {"type(i) == int", 4, 1844674407370955267},
  };
  Environment environment = Environment::kubernetes().extend();
  environment.declare("object", Type());
  environment.declare("i", Kind::Int);
  environment.declare("s", Kind::String);
  environment.declare("b", Kind::Bool);
  environment.declare("li", Type::list(Kind::Int));
  environment.declare("ls", Type::list(Kind::String));
  environment.declare("m", Type::map(Kind::String, Kind::Int));
  for (const auto& c : cases) {
    const auto checked = compile(std::string(c.expression), environment);
    ASSERT_TRUE(checked) << checked.error().text(c.expression);
    const Range cost = estimate_cost(*checked, Sizes());
    EXPECT_EQ(cost.min, c.min) << c.expression;
    EXPECT_EQ(cost.max, c.max) << c.expression;
  }
}

TEST(Estimate, CallsOfOthers) {
  Environment environment = Environment::kubernetes().extend();
  environment.declare("i", Kind::Int);
  environment.declare({"includes", {{.id = "includes", .parameters = {Kind::Int, Kind::Int}, .result = Kind::Bool, .member = true}}});
  const auto checked = compile("i.includes(i)", environment);
  ASSERT_TRUE(checked);
  EXPECT_EQ(estimate_cost(*checked, Sizes()), (Range{2, 50}));
}

}  // namespace
}  // namespace sampan::cel
