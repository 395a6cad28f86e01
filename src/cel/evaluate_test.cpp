// Values, failures and costs of expressions: all as cel-go in Kubernetes' environment has them.
#include "cel/evaluate.h"

#include "base/arena.h"
#include "base/text.h"
#include "cel/json_value.h"
#include "cel/struct_literal.h"
#include "schema/json.h"

namespace sampan::cel {
namespace {

using Kind = Type::Kind;

std::string shown(const Value& value) {
  if (value.is(Value::Kind::String)) return concat("string ", quoted(value.as_text()));
  if (!value.is(Value::Kind::List)) return concat(value.type().name(), " ", value.shown());
  std::string out = "[";
  for (size_t i = 0; i < value.as_list().size(); ++i) append(out, i ? ", " : "", shown(value.as_list().at(i)));
  return out + "]";
}

std::string shown(const Maybe<Value>& value) { return value ? shown(*value) : concat("! ", value.error().message); }

class Variables : public Activation {
 public:
  Variables() {
    object_ = *schema::parse_json(R"({"metadata":{"name":"n","labels":{"a":"b"}},"spec":{"replicas":3,"list":[1,"two",3.5,null,true]}})", arena_);
    auto integer = [](int64_t value) { return Value::integer(value); };
    set("object", Type(), value_of(object_));
    set("oldObject", Type(), Value());
    set("i", Kind::Int, integer(3));
    set("s", Kind::String, Value::string("text"));
    set("b", Kind::Bool, Value::boolean(true));
    set("li", Type::list(Kind::Int), Value::list({integer(3), integer(1), integer(2)}));
    set("ls", Type::list(Kind::String), Value::list({Value::string("x"), Value::string("y")}));
    set("m", Type::map(Kind::String, Kind::Int), Value::map({{Value::string("one"), integer(1)}, {Value::string("two"), integer(2)}}));
    set("a.b", Kind::Int, integer(7));
    environment_.declare("absent", Kind::Int);
    environment_.declare("broken", Kind::Bool);
  }
  std::optional<Maybe<Value>> find(std::string_view name) const override {
    if (name == "broken") return Maybe<Value>(failed("cannot be had"));
    auto found = values_.find(name);
    return found == values_.end() ? std::nullopt : std::optional<Maybe<Value>>(found->second);
  }
  Evaluation evaluate(std::string_view text, uint64_t cost_max = kCostOfOneMax) const {
    auto checked = compile(std::string(text), environment_);
    if (!checked) return {failed(checked.error().text(text)), 0};
    return cel::evaluate(*checked, *this, cost_max);
  }
  Environment& environment() { return environment_; }

 private:
  void set(std::string name, Type type, Value value) {
    environment_.declare(name, std::move(type));
    values_.emplace(std::move(name), std::move(value));
  }
  Arena arena_;
  schema::Value object_;
  Environment environment_ = Environment::kubernetes().extend();
  std::map<std::string, Value, std::less<>> values_;
};

struct Row {
  std::string_view text, expected;
  uint64_t cost;
};

TEST(Evaluate, ValuesFailuresAndCosts) {
  static constexpr Row kRows[] = {
      {"i in li", "bool true", 5},
      {"i in [1, 2, 3]", "bool true", 1},
      {"i in []", "bool false", 0},
      {"i in [i]", "bool true", 13},
      {R"("a" in object.metadata.labels)", "bool true", 4},
      {R"(object.metadata.name in ["n"])", "bool true", 3},
      {"1 in object.spec.list", "bool true", 4},
      {"li[0]", "int 3", 2},
      {"li[3]", "! index out of bounds: 3", 2},
      {"li[-1]", "! index out of bounds: -1", 2},
      {"li[li[1]]", "int 1", 3},
      {"li[b ? 0 : 1]", "int 3", 3},
      {"[1, 2, 3][1]", "int 2", 2},
      {"[1, 2, i][1]", "int 2", 13},
      {R"({"a": i}.a)", "int 3", 33},
      {R"({"a": i}["a"])", "int 3", 33},
      {R"(m["one"])", "int 1", 2},
      {R"(m["three"])", "! no such key: three", 2},
      {"m.three", "! no such key: three", 2},
      {"object.metadata.name", R"(string "n")", 3},
      {"object.metadata.name.x", "! no such key: x", 4},
      {R"(object.metadata["name"])", R"(string "n")", 3},
      {"object.nothing.x", "! no such key: nothing", 2},
      {R"(object.spec.list["a"])", "! unsupported index type 'string' in list", 4},
      {"object.spec.list[i]", "null_type 0", 4},
      {"dyn([1])[dyn(null)]", "! invalid qualifier type: types.Null", 2},
      {"oldObject.x", "! no such key: x", 2},
      {"has(object.metadata)", "bool true", 1},
      {"has(object.metadata.nothing)", "bool false", 2},
      {"has(object.nothing.name)", "! no such key: nothing", 1},
      {"has(m.one)", "bool true", 1},
      {R"(has({"a": 1}.a))", "bool true", 1},
      {"has(object.spec.list.x)", "! unsupported index type 'string' in list", 3},
      {"has((b ? m : m).one)", "bool true", 1},
      {"b ? i : 0", "int 3", 1},
      {"b ? object.metadata.name : object.nothing", R"(string "n")", 3},
      {"(b ? object.metadata : object.spec).name", R"(string "n")", 3},
      {"object.spec.replicas ? 1 : 2", "! no such overload", 3},
      {"dyn(quantity('1')) == dyn(1)", "! no such overload", 3},
      {"dyn(quantity('1')) != dyn(1)", "bool true", 3},
      {"dyn(quantity('1')) == null || dyn(1) == dyn(quantity('1'))", "bool false", 6},
      {"true || object.nothing", "bool true", 0},
      {"object.nothing || true", "bool true", 2},
      {"object.nothing && false", "bool false", 2},
      {"object.nothing || false", "! no such key: nothing", 2},
      {"object.nothing && object.spec.nothing", "! no such key: nothing", 5},
      {"object.spec.replicas && true", "! no such overload", 3},
      {"b && b && b && b", "bool true", 4},
      {"b || b", "bool true", 1},
      {R"(i < 5 && s == "text")", "bool true", 4},
      {"!object.spec.replicas", "! no such overload", 4},
      {"-object.metadata.name", "! no such overload", 4},
      {"object.metadata.name + 1", "! no such overload", 4},
      {"object.spec + 1", "! no such overload: _+_", 3},
      {"object.spec.replicas + object.spec.replicas", "int 6", 7},
      {"object.metadata.name + object.metadata.name", R"(string "nn")", 7},
      {R"(dyn("a") * dyn(2))", "! no such overload", 1},
      {R"(dyn(1) < dyn("a"))", "! no such overload", 1},
      {"size(dyn(1))", "! no such overload: size", 1},
      {"dyn([1]).getHours()", "! no such overload: getHours(list)", 1},
      {"string(dyn(null))", "! no such overload: string(null_type)", 1},
      {"s + s", R"(string "texttext")", 3},
      {R"(s < "u")", "bool true", 2},
      {"string(1)", R"(string "1")", 0},
      {"string(i)", R"(string "3")", 2},
      {"type(i) == int", "bool true", 3},
      {"1 + 1", "int 2", 1},
      {"[1, 2, 3] == li", "bool false", 2},
      {"9223372036854775807 + 1", "! integer overflow", 1},
      {"i / 0", "! division by zero", 2},
      {"li.all(x, x > 0)", "bool true", 17},
      {"li.exists(x, x > 2)", "bool true", 11},
      {"li.exists(x, x / 0 > 1)", "! division by zero", 23},
      {"li.exists(x, x == 3 || x / 0 > 1)", "bool true", 11},
      {"li.exists_one(x, x == 2)", "bool true", 11},
      {"li.map(x, x * 2)", "[int 6, int 2, int 4]", 44},
      {"li.map(x, x > 1, x * 2)", "[int 6, int 4]", 36},
      {"li.filter(x, x > 1)", "[int 3, int 2]", 34},
      {"li.map(x, li.filter(y, y < x))", "[[int 1, int 2], [], [int 1]]", 110},
      {"li.map(i, i + 1)", "[int 4, int 2, int 3]", 44},
      {"object.spec.list.map(x, x + 1)", "! no such overload", 74},
      {R"(object.spec.list.exists(x, x == "two"))", "bool true", 19},
      {"object.spec.list.all(x, x > 0)", "! no such overload", 29},
      {"object.metadata.labels.map(k, k)", R"([string "a"])", 17},
      {"object.metadata.name.map(x, x)", "! got 'types.String', expected iterable type", 3},
      {"object.spec.replicas.all(k, v, true)", "! unsupported comprehension range type: types.Int", 3},
      {"li.all(i, v, v > i)", "bool false", 16},
      {"li.transformList(i, v, i > 0, i + v)", "[int 2, int 4]", 38},
      {R"({"a": 1}.transformMap(k, v, v + 1).a)", "int 2", 8},
      {"li.sortBy(x, -x)", "[int 3, int 2, int 1]", 75},
      {"object.?spec.replicas", "optional_type optional(3)", 3},
      {"object.?spec.?nothing", "optional_type optional.none()", 2},
      {"object.?nothing.more.orValue(0)", "int 0", 1},
      {"object.?spec.replicas.orValue(0)", "int 3", 3},
      {"object.spec.list[?0]", "optional_type optional(1)", 4},
      {"object.spec.list[?9]", "optional_type optional.none()", 3},
      {R"(object.spec.list[?"a"])", "! unsupported index type 'string' in list", 3},
      {"object.?nothing.or(object.?spec.replicas).value()", "int 3", 5},
      {"optional.none().value()", "! optional.none() dereference", 2},
      {"dyn(optional.of({'a': 1})).a", "optional_type optional(1)", 4},
      {"[optional.of({'a': 1})][0].a", "! no such key: a", 14},
      {"dyn({'b': optional.of({'a': 1})}).b.a", "! no such key: a", 35},
      {"dyn({'b': optional.of({'a': 1})}).?b.a", "optional_type optional.none()", 34},
      {"optional.of(i).optMap(x, x + 1)", "optional_type optional(4)", 9},
      {"object.?spec.optFlatMap(x, x.?replicas)", "optional_type optional(3)", 8},
      {"dyn(1).orValue(2)", "int 1", 0},
      {"[?object.?x, ?object.?spec.?replicas]", "[int 3]", 14},
      {R"({?"a": object.?x, ?"b": object.?spec.?replicas}.size())", "int 1", 35},
      {R"({"a": 1, "a": 2}.a)", "int 2", 2},
      {"a.b + 1", "int 8", 2},
      {".a.b", "int 7", 1},
      {".i", "int 3", 1},
      {"li.map(i, .i)", "[int 3, int 1, int 2]", 41},
      {R"(ls[i] == "a" || true)", "bool true", 3},
      {"[li[i], 1]", "! index out of bounds: 3", 12},
      {R"({"a": li[i]})", "! index out of bounds: 3", 32},
      {"[1].map(x, ls[i]).size()", "! index out of bounds: 3", 16},
      {R"("a".replace(ls[i], "b"))", "! index out of bounds: 3", 2},
      {"lists.range(1000000).map(x, x)", "! operation cancelled: actual cost limit exceeded", 1000011},
      {"lists.range(1000).map(x, lists.range(1000).map(y, 1))", "! operation cancelled: actual cost limit exceeded", 1000001},
  };
  Variables variables;
  for (const Row& row : kRows) {
    Evaluation got = variables.evaluate(row.text);
    EXPECT_EQ(shown(got.value), row.expected) << row.text;
    EXPECT_EQ(got.cost, row.cost) << row.text;
  }
}

TEST(Evaluate, VariablesAreAskedForWhenTheyAreNeeded) {
  Variables variables;
  EXPECT_EQ(shown(variables.evaluate("absent == 1").value), "! no such attribute(s): absent");
  EXPECT_EQ(shown(variables.evaluate("broken").value), "! cannot be had");
  EXPECT_EQ(shown(variables.evaluate("b || broken").value), "bool true");
  EXPECT_EQ(shown(variables.evaluate("broken || b").value), "bool true");
  EXPECT_EQ(shown(variables.evaluate("b ? i : absent").value), "int 3");
}

TEST(Evaluate, TheBudgetEndsEverything) {
  Variables variables;
  Evaluation got = variables.evaluate("li.all(x, x > 0) || true", 5);
  ASSERT_FALSE(got.value);
  EXPECT_TRUE(got.value.error().out_of_budget);
  EXPECT_EQ(got.value.error().message, "operation cancelled: actual cost limit exceeded");
  EXPECT_EQ(got.cost, 6u);
  EXPECT_EQ(shown(variables.evaluate("li.all(x, x > 0)", 17).value), "bool true");
}

TEST(Evaluate, Structs) {
  Variables variables;
  variables.environment().declare_open_structs("Object");
  variables.environment().declare_struct("JSONPatch", {{"op", Kind::String}, {"path", Kind::String}, {"from", Kind::String}, {"value", Type()}});
  variables.environment().declare_struct("Thing", {{"name", Kind::String}});
  const struct {
    std::string_view expression, value;
    uint64_t cost;
  } cases[] = {
      {"Object{name: s, size: 1}.name", "string \"text\"", 43},
      {"has(Object{?name: optional.of(s), ?size: m[?'three']}.size)", "bool false", 44},
      {"Object.x{name: s} == Object.x{name: 'text'}", "bool true", 82},
      {"Object{}.none", "null_type 0", 42},
      {"JSONPatch{op: 'add'}.path + '.'", "string \".\"", 43},
      {"JSONPatch{op: ''} == JSONPatch{} && !has(JSONPatch{op: ''}.op) && JSONPatch{}.value == null", "bool true", 166},
      {"JSONPatch{op: dyn(1)}", "! unexpected type int64 for JSONPatchType 'op' field", 40},
      {"Thing{name: s}", "! unknown type 'Thing'", 41},
  };
  for (const auto& c : cases) {
    auto got = variables.evaluate(std::string(c.expression));
    EXPECT_EQ(got.value ? shown(got.value) : concat("! ", got.value.error().message), c.value) << c.expression;
    EXPECT_EQ(got.cost, c.cost) << c.expression;
  }
}

TEST(Evaluate, StructsAreCalledAfterTheirFields) {
  Variables variables;
  variables.environment().declare_open_structs("Object");
  auto misnamed = [&](std::string text) { return misnamed_structs(*variables.evaluate(std::move(text)).value); };
  EXPECT_EQ(misnamed("Object{spec: Object.spec{list: [Object.spec.list{}], map: {'k': Object.spec.map{a: 1}}, n: 1}}"), "");
  EXPECT_EQ(misnamed("Object{spec: Object.spec{list: [Object.spec{}], map: {'k': Object.spec.map.k{}}}}"),
            "unexpected type name \"Object.spec\", expected \"Object.spec.list\", which matches field name path from root Object type\n"
            "unexpected type name \"Object.spec.map.k\", expected \"Object.spec.map\", which matches field name path from root Object type");
}

// A list that a loop builds is not copied at every turn, and what was taken of it meanwhile stays what it was.
TEST(Evaluate, LoopsBuildLists) {
  Variables variables;
  EXPECT_EQ(shown(variables.evaluate("lists.range(20000).map(x, x + 1)[19999]").value), "int 20000");
  EXPECT_EQ(shown(variables.evaluate("li.map(x, [x]).map(l, l + [0])").value), "[[int 3, int 0], [int 1, int 0], [int 2, int 0]]");
  EXPECT_EQ(shown(variables.evaluate("li.map(x, x).map(x, x)").value), "[int 3, int 1, int 2]");
}

// As deep as the parser lets an expression be.
TEST(Evaluate, DeepExpressions) {
  Variables variables;
  std::string text = "i";
  for (int i = 0; i < 240; ++i) text = concat("[", text, "][0]");
  EXPECT_EQ(shown(variables.evaluate(text).value), "int 3");
  std::string loops = "i";
  for (int i = 0; i < 120; ++i) loops = concat("[1].map(x, ", loops, ")[0]");
  EXPECT_EQ(shown(variables.evaluate(loops).value), "int 3");
}

}  // namespace
}  // namespace sampan::cel
