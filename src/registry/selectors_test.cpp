#include "registry/selectors.h"

#include "base/text.h"
#include "registry/testing.h"

namespace sampan::registry {

namespace {

std::string canonical(std::string_view text) {
  auto selector = LabelSelector::parse(text);
  return selector ? selector->text() : "error: " + selector.error().message();
}

testing::ObjectRef labelled(std::string_view labels) {
  return testing::make("v1", "ConfigMap", concat("{'metadata': {'name': 'x', 'namespace': 'ns', 'labels': ", labels, "}}"));
}

constexpr std::string_view kOperators = "expected: in, notin, =, ==, !=, gt, lt";
constexpr std::string_view kKeyForm =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
    "'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kValueForm =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

}  // namespace

TEST(LabelSelector, Parses) {
  struct Case {
    std::string_view text, want;
  };
  for (auto& c : std::initializer_list<Case>{
           {"", ""},
           {"  ", ""},
           {"z, a = b", "a=b,z"},
           {"a==b,a!=c", "a==b,a!=c"},
           {"x in (b,a,b)", "x in (a,b)"},
           {"x notin (b)", "x notin (b)"},
           {"x in ()", "x in ()"},
           {"x in (,a)", "x in (,a)"},
           {"x in (a,,b,)", "x in (,a,b)"},
           {"!x", "!x"},
           {"x=", "x="},
           {"x=,y", "x=,y"},
           {"x>1,y<-2", ""},
           {"in in (in,notin)", "in in (in,notin)"},
           {"notin=in", "notin=in"},
           {"example.com/z=q", "example.com/z=q"},
       }) {
    if (c.text == "x>1,y<-2")  // a number with a sign is no label value
      EXPECT_EQ(canonical(c.text), concat("error: unable to parse requirement: values[0][y]: Invalid value: \"-2\": ", kValueForm));
    else
      EXPECT_EQ(canonical(c.text), c.want);
  }
}

TEST(LabelSelector, Complains) {
  struct Case {
    std::string_view text;
    std::string want;
  };
  const Case cases[] = {
      {"a b", concat("unable to parse requirement: found 'b', ", kOperators)},
      {"s,x gt 1", concat("unable to parse requirement: found 'gt', ", kOperators)},
      {"s,x IN (1)", concat("unable to parse requirement: found 'IN', ", kOperators)},
      {"x (a)", concat("unable to parse requirement: found '(', ", kOperators)},
      {"s,x in (1", "unable to parse requirement: found '', expected: ',' or ')'"},
      {"x in (a,", "unable to parse requirement: found '', expected: ',', or identifier"},
      {"x in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"},
      {"x in a", "unable to parse requirement: found 'a' expected: '('"},
      {"x in (a b)", "unable to parse requirement: found 'b', expected: ',' or ')'"},
      {"!", "unable to parse requirement: found '', expected: identifier"},
      {"x=!", "unable to parse requirement: found '!', expected: identifier"},
      {"s,,", "found ',', expected: identifier after ','"},
      {"s,(x)", "found '(', expected: identifier after ','"},
      {"s,", "found '', expected: identifier after ','"},
      {"=a", "found '=', expected: !, identifier, or 'end of string'"},
      {"s,x=bad!", "found '!', expected: ',' or 'end of string'"},
      {"!x=a", "found '=', expected: ',' or 'end of string'"},
      {"s,-x", concat("unable to parse requirement: <nil>: Invalid value: \"-x\": ", kKeyForm)},
      {"x=-", concat("unable to parse requirement: values[0][x]: Invalid value: \"-\": ", kValueForm)},
      {"x in (a,-)", concat("unable to parse requirement: values[0][x]: Invalid value: \"-\": ", kValueForm)},
      {"x>a", "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer"},
      {"x>-", concat("unable to parse requirement: [values[0]: Invalid value: \"-\": for 'Gt', 'Lt' operators, the value must be an "
                     "integer, values[0][x]: Invalid value: \"-\": ", kValueForm, "]")},
  };
  for (auto& c : cases) {
    EXPECT_EQ(canonical(c.text), "error: " + c.want) << c.text;
    EXPECT_TRUE(LabelSelector::parse(c.text).error().is(Reason::BadRequest));
  }
}

TEST(LabelSelector, Matches) {
  auto both = labelled("{'x': '1', 's': 'y', 'n': '17'}");
  auto none = labelled("{}");
  struct Case {
    std::string_view text;
    bool both, none;
  };
  for (auto& c : std::initializer_list<Case>{
           {"", true, true},
           {"x", true, false},
           {"!x", false, true},
           {"x=1", true, false},
           {"x=2", false, false},
           {"x!=1", false, true},
           {"x in (1,2)", true, false},
           {"x notin (2)", true, true},
           {"x in ()", false, false},
           {"n>16", true, false},
           {"n>17", false, false},
           {"n<18", true, false},
           {"s>1", false, false},
           {"x=1,s=y", true, false},
           {"x=1,x=2", false, false},
       }) {
    auto selector = *LabelSelector::parse(c.text);
    EXPECT_EQ(selector.matches(*both), c.both) << c.text;
    EXPECT_EQ(selector.matches(*none), c.none) << c.text;
    EXPECT_EQ(selector.empty(), c.text.empty());
  }
  EXPECT_FALSE(LabelSelector::nothing().matches(*both));
  EXPECT_FALSE(LabelSelector::nothing().empty());
}

TEST(LabelSelector, FromAnObject) {
  auto selector_of = [](std::string_view json) {
    auto object = testing::make("apps/v1", "ReplicaSet", concat("{'spec': {'selector': ", json, "}}"));
    auto selector = LabelSelector::from((*object)["spec"]["selector"]);
    return selector ? selector->text() : selector.error().message();
  };
  EXPECT_EQ(selector_of("{'matchLabels': {'b': '1', 'a': '2'}, 'matchExpressions': [{'key': 'aa', 'operator': 'NotIn', 'values': ['z', 'y']},"
                        "{'key': 'c', 'operator': 'Exists'}, {'key': 'd', 'operator': 'DoesNotExist'}]}"),
            "a=2,aa notin (y,z),b=1,c,!d");
  EXPECT_EQ(selector_of("{'matchExpressions': [{'key': 'a', 'operator': 'Is'}]}"), "\"Is\" is not a valid label selector operator");
  EXPECT_EQ(selector_of("{'matchExpressions': [{'key': 'a', 'operator': 'In'}]}"),
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty");
  EXPECT_TRUE(LabelSelector::from((*testing::make("apps/v1", "ReplicaSet", "{'spec': {'selector': {}}}"))["spec"]["selector"])->empty());
  EXPECT_FALSE(LabelSelector::from({})->matches(*labelled("{}")));
  EXPECT_FALSE(LabelSelector::from_map({}).matches(*labelled("{}")));
}

TEST(FieldSelector, Parses) {
  struct Case {
    std::string_view text, want;
  };
  for (auto& c : std::initializer_list<Case>{
           {"", ""},
           {"b=1,,a!=2", "a!=2,b=1"},
           {"a==1", "a=1"},
           {"a=", "a="},
           {"a=x\\,y\\=z\\\\", "a=x\\,y\\=z\\\\"},
           {"a", "error: invalid selector: 'a'; can't understand 'a'"},
           {"b=1,metadata.name in (a)", "error: invalid selector: 'b=1,metadata.name in (a)'; can't understand 'metadata.name in (a)'"},
           {"a=b=c", "error: invalid field selector: unescaped character in value: 61"},
           {"a=\\x", "error: invalid field selector: invalid escape sequence: \\x"},
           {"a=\\é", "error: invalid field selector: invalid escape sequence: \\é"},
           {"a=b\\", "error: invalid field selector: invalid escape sequence: \\"},
       }) {
    auto selector = FieldSelector::parse(c.text);
    EXPECT_EQ(selector ? selector->text() : "error: " + selector.error().message(), c.want);
  }
}

TEST(FieldSelector, Resolves) {
  const FieldLabel labels[] = {{"data.k", [](const Object& object) { return std::string(object["data"]["k"].as_string()); }}};
  struct Case {
    std::string_view text;
    bool own, namespaced;
    std::string_view want;
  };
  for (auto& c : std::initializer_list<Case>{
           {"metadata.name=x", true, true, ""},
           {"metadata.namespace=x", true, true, ""},
           {"metadata.namespace=x", true, false, "field label not supported: metadata.namespace"},
           {"metadata.namespace=x", false, false, ""},
           {"data.k!=1", true, true, ""},
           {"spec.nosuch=x", true, true, "field label not supported: spec.nosuch"},
           {"data.k=1", false, true, "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""},
       }) {
    auto selector = *FieldSelector::parse(c.text);
    auto result = selector.resolve(c.own ? std::span(labels) : std::span<const FieldLabel>(), c.namespaced);
    EXPECT_EQ(result ? "" : result.error().message(), c.want) << c.text;
  }
}

TEST(FieldSelector, Matches) {
  const FieldLabel labels[] = {{"data.k", [](const Object& object) { return std::string(object["data"]["k"].as_string()); }}};
  auto object = testing::make("v1", "ConfigMap", "{'metadata': {'name': 'x', 'namespace': 'ns'}, 'data': {'k': 'a,b'}}");
  struct Case {
    std::string_view text;
    bool want;
  };
  for (auto& c : std::initializer_list<Case>{
           {"", true},
           {"metadata.name=x", true},
           {"metadata.name!=x", false},
           {"metadata.name=x,metadata.namespace=other", false},
           {"metadata.namespace=ns,data.k=a\\,b", true},
           {"data.k!=a", true},
           {"data.k=", false},
       }) {
    auto selector = *FieldSelector::parse(c.text);
    ASSERT_TRUE(selector.resolve(labels, true));
    EXPECT_EQ(selector.matches(*object), c.want) << c.text;
  }
  auto selector = *FieldSelector::parse("metadata.name=x,data.k!=1");
  EXPECT_EQ(selector.exact("metadata.name"), "x");
  EXPECT_EQ(selector.exact("data.k"), std::nullopt);
  EXPECT_TRUE(FieldSelector::name_is("x").matches(*object));
}

}  // namespace sampan::registry
