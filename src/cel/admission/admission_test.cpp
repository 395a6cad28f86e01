// What expressions of admission may name, and what they come to on a request.
#include "base/text.h"
#include "cel/admission/run.h"
#include "schema/json.h"

namespace sampan::cel::admission {
namespace {

using Composition = Compiler::Composition;

constexpr Names kAll{.params = true, .authorizer = true, .patches = true};

std::string reason(const Program& program) { return program.checked ? "" : program.checked.error().reason; }

// The last line of a complaint is an arrow, the one before it the expression.
std::string first_line(std::string text) { return text.substr(0, text.find('\n')); }

TEST(AdmissionCompiler, Names) {
  struct {
    std::string_view text;
    Names names;
    std::string_view complaint;
  } cases[] = {
      {"object.a == oldObject.a && request.kind.kind == 'Pod' && request.userInfo.extra['a'][0] == '' && request.options.dryRun", {}, ""},
      {"namespaceObject.metadata.labels['a'] == namespaceObject.status.phase", {}, ""},
      {"request.uid == ''", {}, "1:8: undefined field 'uid'"},
      {"params.x == 1", {}, "1:1: undeclared reference to 'params' (in container '')"},
      {"params.x == 1", {.params = true}, ""},
      {"authorizer.requestResource.check('get').allowed()", {}, "1:1: undeclared reference to 'authorizer' (in container '')"},
      {"authorizer.requestResource.check('get').allowed()", {.authorizer = true}, ""},
      {"Object{spec: Object.spec{a: [1]}}.spec.a == jsonpatch.escapeKey('/')", kAll, ""},
      {"JSONPatch{op: 1}.op == ''", kAll, "1:13: expected type of field 'op' is 'string' but provided type is 'int'"},
      {"Objects{}.a == 1", kAll, "1:8: undeclared reference to 'Objects' (in container '')"},
      {"variables.x == 1", kAll, "1:1: undeclared reference to 'variables' (in container '')"},
  };
  Compiler compiler(Composition::None);
  for (const auto& c : cases) {
    auto said = first_line(reason(compiler.compile(std::string(c.text), c.names, {})));
    EXPECT_EQ(said, c.complaint.empty() ? "" : concat("compilation failed: ERROR: <input>:", c.complaint)) << c.text;
  }
}

TEST(AdmissionCompiler, Results) {
  const Type bools[] = {Type::Kind::Bool}, texts[] = {Type::Kind::String, Type::Kind::Null}, patches[] = {Type::list(Type::structure("JSONPatch"))};
  Compiler compiler(Composition::None);
  EXPECT_EQ(reason(compiler.compile("object", {}, bools)), "must evaluate to bool but got dyn");
  EXPECT_EQ(reason(compiler.compile("duration('1s')", {}, texts)), "must evaluate to one of [string null_type] but got google.protobuf.Duration");
  EXPECT_EQ(reason(compiler.compile("[]", kAll, patches)), "must evaluate to list(JSONPatch) but got list(dyn)");
  EXPECT_EQ(reason(compiler.compile("[JSONPatch{}]", kAll, patches)), "");
  auto undefined = compiler.compile("type(request) == kubernetes.AdmissionRequest", {}, bools);
  EXPECT_EQ(reason(undefined), "program instantiation failed: reference to undefined type: kubernetes.AdmissionRequest");
  EXPECT_TRUE(undefined.checked.error().internal);
}

TEST(AdmissionCompiler, VariablesHaveTheTypesOfTheirExpressions) {
  Compiler compiler(Composition::Variables);
  const Type bools[] = {Type::Kind::Bool};
  EXPECT_EQ(first_line(reason(compiler.compile("variables.a", {}, bools))), "compilation failed: ERROR: <input>:1:10: undefined field 'a'");
  compiler.define("a", "[1, 2]", {});
  compiler.define("b", "variables.a.map(x, {string(x): x})", kAll);
  compiler.define("c", "request.kind", {});
  compiler.define("d", "nothing", {});
  for (auto [text, type] : {std::pair("variables.a", "list(int)"), {"variables.b", "list(map(string, int))"}, {"variables.c", "dyn"}, {"variables.d", "dyn"}})
    EXPECT_EQ(reason(compiler.compile(text, {}, bools)), concat("must evaluate to bool but got ", type)) << text;
}

struct Yes final : AccessJudge {
  AccessAnswer judge(const AccessQuestion& question) const override { return {.allowed = question.resource == "pods" && question.verb == "get", .reason = "", .error = {}}; }
};

class AdmissionRun : public ::testing::Test {
 protected:
  schema::Value tree(std::string_view json) { return *schema::parse_json(json, arena); }
  std::string said(PolicyRun& run, std::string text) {
    programs.push_back(compiler.compile(std::move(text), kAll, {}));
    auto value = run.evaluate(programs.back());
    return value ? value->shown() : concat(value.error().final ? "!! " : "! ", value.error().message);
  }
  Arena arena;
  Compiler compiler{Composition::Variables};
  std::deque<Program> programs;
  Yes judge;
  Inputs inputs{.object = tree(R"({"spec":{"replicas":3}})"),
                .old_object = {},
                .request = tree(R"({"operation":"CREATE","name":"web"})"),
                .namespace_object = {},
                .params = tree(R"({"max":5})"),
                .judge = &judge,
                .resource = {.resource = "pods"}};
};

TEST_F(AdmissionRun, Values) {
  compiler.define("n", "object.spec.replicas", {});
  compiler.define("twice", "variables.n * 2", {});
  compiler.define("bad", "object.spec.none", {});
  compiler.define("worse", "variables.bad", {});
  compiler.define("wrong", "1 +", {});
  PolicyRun run(compiler, inputs, kBudget);
  EXPECT_EQ(said(run, "variables.twice <= params.max || oldObject == null && namespaceObject == null"), "true");
  EXPECT_EQ(said(run, "request.operation + request.name"), "CREATEweb");
  EXPECT_EQ(said(run, "authorizer.requestResource.check('get').allowed() && !authorizer.group('').resource('pods').check('list').allowed()"), "true");
  EXPECT_EQ(said(run, "has(variables.twice) && (variables.bad || variables.twice == 6)"), "true");
  EXPECT_EQ(said(run, "has(variables.bad)"), "! expression 'has(variables.bad)' resulted in error: composited variable \"bad\" fails to evaluate: no such key: none");
  EXPECT_EQ(said(run, "variables.worse"), "! expression 'variables.worse' resulted in error: composited variable \"worse\" fails to evaluate: composited variable \"bad\" "
                                          "fails to evaluate: no such key: none");
  EXPECT_TRUE(said(run, "variables.wrong").starts_with("! expression 'variables.wrong' resulted in error: composited variable \"wrong\" fails to compile: compilation failed"));
  EXPECT_TRUE(said(run, "1 +").starts_with("! compilation error: compilation failed: ERROR: <input>:1:4: "));
}

TEST_F(AdmissionRun, VariablesAreComputedOnceAndPaidFromTheBudget) {
  compiler.define("long", "lists.range(1000).map(x, x).size()", {});
  compiler.define("endless", "lists.range(1000).map(x, lists.range(1000).map(y, 1)).size()", {});
  PolicyRun run(compiler, inputs, 1'200'000);
  EXPECT_EQ(said(run, "variables.long"), "1000");
  const uint64_t left = run.budget();
  EXPECT_LT(left, 1'190'000u);
  EXPECT_EQ(said(run, "variables.long"), "1000");
  EXPECT_EQ(run.budget(), left - 2);
  EXPECT_EQ(said(run, "variables.endless > 1 || true"), "true");  // too much for one expression, but not yet for all
  EXPECT_EQ(said(run, "lists.range(1000).all(x, lists.range(200).all(y, true))"), "!! validation failed due to running out of cost budget, no further validation rules will be run");
}

TEST_F(AdmissionRun, VariablesThatUseEachOther) {
  compiler.define("twin", "1", {});
  compiler.define("twin", "variables.twin + 1", {});
  compiler.define("v0", "1", {});
  for (int i = 1; i <= 5'000; i++) compiler.define(concat("v", i), concat("variables.v", i - 1), {});
  PolicyRun run(compiler, inputs, kBudget);
  EXPECT_EQ(said(run, "variables.twin"), "! expression 'variables.twin' resulted in error: composited variable \"twin\" fails to evaluate: composited variable "
                                         "\"twin\" refers to itself");
#ifdef __SANITIZE_ADDRESS__
  EXPECT_EQ(said(run, "variables.v20"), "1");  // its frames are several times as large
#else
  EXPECT_EQ(said(run, "variables.v100"), "1");
#endif
  EXPECT_NE(said(run, "variables.v5000").find("too many variables use each other"), std::string::npos);
  EXPECT_EQ(said(run, "variables"), "kubernetes.variables");
}

}  // namespace
}  // namespace sampan::cel::admission
