// Policies in a file, one a line.
#include "apiserver/access/abac.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace sampan::apiserver {

namespace {

std::string policy(std::string_view spec) {
  return concat(R"({"apiVersion":"abac.authorization.kubernetes.io/v1beta1","kind":"Policy","spec":{)", spec, "}}");
}

TEST(Abac, PoliciesAllow) {
  struct Case {
    std::string_view name;
    std::string line;
    std::string_view user, verb, what;  // "/path", or group/namespace/resource
    bool want;
  };
  const std::string admin = policy(R"("user":"admin","namespace":"*","resource":"*","apiGroup":"*")");
  const std::string reader = policy(R"("group":"readers","namespace":"shop","resource":"pods","readonly":true)");
  const std::string paths = policy(R"("group":"*","nonResourcePath":"/version*","readonly":true)");
  for (const auto& it : std::vector<Case>{
           {"all", admin, "admin", "delete", "apps//deployments", true},
           {"a resource's policy allows no path", admin, "admin", "get", "/version", false},
           {"another user", admin, "joe", "get", "/shop/pods", false},
           {"a group may read", reader, "ann", "list", "/shop/pods", true},
           {"but not write", reader, "ann", "create", "/shop/pods", false},
           {"nor elsewhere", reader, "ann", "list", "/else/pods", false},
           {"nor another group's", reader, "ann", "list", "apps/shop/pods", false},
           {"nor what is in no namespace", reader, "ann", "list", "//pods", false},
           {"a path by its beginning", paths, "ann", "get", "/version/x", true},
           {"another path", paths, "ann", "get", "/metrics", false},
           {"nobody who has not shown who he is", paths, "nobody", "get", "/version", false},
           {"of nobody", policy(R"("namespace":"*","resource":"*","apiGroup":"*")"), "ann", "get", "/shop/pods", false},
           {"user and group", policy(R"("user":"ann","group":"else","namespace":"*","resource":"*","apiGroup":"*")"), "ann", "get", "/shop/pods", false},
           {"old: everything", "{}", "ann", "delete", "apps/shop/deployments", true},
           {"old: paths too", "{}", "ann", "post", "/anything", true},
           {"old: who has shown who he is", "{}", "nobody", "get", "/version", false},
           {"old: reading", R"({"user":"ann","readonly":true})", "ann", "delete", "/shop/pods", false},
           {"old: one resource", R"({"user":"ann","resource":"pods"})", "ann", "get", "apps/shop/pods", true},
           {"old: then no paths", R"({"user":"ann","resource":"pods"})", "ann", "get", "/version", false}}) {
    auto made = abac_authorizer(concat("# said first\n\n", it.line, "\n"), "f");
    ASSERT_TRUE(made) << it.name << ": " << made.error().message();
    User user{std::string(it.user), "", {"readers", "system:authenticated"}};
    if (it.user == "nobody") user.groups = {"system:unauthenticated"};
    RequestInfo request;
    request.verb = it.verb;
    auto parts = split(it.what, '/');
    request.is_resource = parts.size() == 3 && it.what != "/version/x";
    if (request.is_resource)
      request.group = parts[0], request.name_space = parts[1], request.resource = parts[2];
    else
      request.path = it.what;
    std::string reason;
    EXPECT_EQ((*made)->authorize(user, request, reason) == Decision::Allow, it.want) << it.name;
    EXPECT_EQ(reason, it.want ? "" : "No policy matched.") << it.name;
  }
}

TEST(Abac, BadLinesAreRefused) {
  struct Case {
    std::string line;
    std::string_view want;
  };
  for (const Case& it : {Case{"{", "unexpected end of JSON input"},
                         {R"({"readonly":"yes"})", "json: cannot unmarshal string into Go struct field Policy.readonly of type bool"},
                         {R"({"apiVersion":"v1","kind":"Policy"})", R"(no kind "Policy" is registered for version "v1")"},
                         {policy(R"("user":1)"), "json: cannot unmarshal number into Go struct field PolicySpec.spec.user of type string"}}) {
    auto made = abac_authorizer(concat("{}\n", it.line), "f");
    ASSERT_FALSE(made) << it.line;
    EXPECT_EQ(made.error().message(), concat("error reading policy file f, line 2: ", it.line, ": ", it.want));
  }
}

TEST(Abac, RulesCanBeListed) {
  auto made = abac_authorizer(concat(policy(R"("user":"ann","namespace":"shop","resource":"pods","apiGroup":"x","readonly":true)"), "\n",
                                     policy(R"("user":"ann","namespace":"*","nonResourcePath":"/a")"), "\n", policy(R"("user":"joe","resource":"r")")),
                              "f");
  ASSERT_TRUE(made);
  SubjectRules rules;
  (*made)->rules_for({"ann", "", {}}, "shop", rules);
  ASSERT_EQ(rules.rules.size(), 2u);
  EXPECT_EQ(rules.rules[0].verbs, (std::vector<std::string>{"get", "list", "watch"}));
  EXPECT_EQ(rules.rules[0].groups, std::vector<std::string>{"x"});
  EXPECT_EQ(rules.rules[1].verbs, std::vector<std::string>{"*"});
  EXPECT_EQ(rules.rules[1].urls, std::vector<std::string>{"/a"});
}

}  // namespace

}  // namespace sampan::apiserver
