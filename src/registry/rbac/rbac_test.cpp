// The rules of roles and bindings.
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kRoleRules;
extern const Rules kClusterRoleRules;
extern const Rules kRoleBindingRules;
extern const Rules kClusterRoleBindingRules;

namespace {

using namespace testing;

constexpr std::string_view kVersion = "rbac.authorization.k8s.io/v1";

TEST(Roles, RulesNameWhatTheyAllow) {
  auto role = make(kVersion, "Role", "{'rules': [{}, {'verbs': ['get'], 'nonResourceURLs': ['/x'], 'resources': ['pods']}]}");
  EXPECT_EQ(errors_of(kRoleRules, *role),
            (Errors{"rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                    "rules[0].resources: Required value: resource rules must supply at least one resource",
                    "rules[0].verbs: Required value: verbs must contain at least one value",
                    "rules[1].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs",
                    "rules[1].nonResourceURLs: Invalid value: [\"/x\"]: rules cannot apply to both regular resources and non-resource URLs"}));
  auto cluster = make(kVersion, "ClusterRole", "{'rules': [{'verbs': ['get'], 'nonResourceURLs': ['/x']}], 'aggregationRule': {}}");
  EXPECT_EQ(errors_of(kClusterRoleRules, *cluster),
            (Errors{"aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is "
                    "non-nil"}));
  auto odd = make(kVersion, "ClusterRole", "{'aggregationRule': {'clusterRoleSelectors': [{'matchExpressions': [{'key': 'a', 'operator': 'Is'}]}]}}");
  EXPECT_EQ(errors_of(kClusterRoleRules, *odd),
            (Errors{"aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: \"Is\": not a valid selector operator",
                    "aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector."}));
}

TEST(RoleBindings, DefaultsAndTheirRole) {
  EXPECT_EQ(defaulted(kRoleBindingRules, "{'roleRef':{'kind':'Role','name':'a'},'subjects':[{'kind':'User','name':'u'},"
                                         "{'kind':'ServiceAccount','name':'s'}]}"),
            "{'roleRef':{'kind':'Role','name':'a','apiGroup':'rbac.authorization.k8s.io'},'subjects':[{'kind':'User','name':'u',"
            "'apiGroup':'rbac.authorization.k8s.io'},{'kind':'ServiceAccount','name':'s'}]}");
  auto old = make_defaulted(kClusterRoleBindingRules, kVersion, "{'roleRef':{'kind':'ClusterRole','name':'a'}}");
  auto now = make_defaulted(kClusterRoleBindingRules, kVersion,
                            "{'roleRef':{'kind':'ClusterRole','name':'b'},'subjects':[{'kind':'ServiceAccount','name':'s'},{'kind':'X'}]}");
  EXPECT_EQ(update_errors_of(kClusterRoleBindingRules, *now, *old),
            (Errors{"roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"ClusterRole\",\"Name\":\"b\"}: cannot "
                    "change roleRef",
                    "subjects[0].namespace: Required value",
                    "subjects[1].kind: Unsupported value: \"X\": supported values: \"ServiceAccount\", \"User\", \"Group\"",
                    "subjects[1].name: Required value"}));
}

TEST(RoleBindings, Row) {
  auto binding = make(kVersion, "RoleBinding",
                      "{'metadata':{'name':'b'},'roleRef':{'kind':'Role','name':'r'},'subjects':[{'kind':'User','name':'u'},{'kind':'User',"
                      "'name':'v'},{'kind':'Group','name':'g'},{'kind':'ServiceAccount','name':'s','namespace':'n'}]}");
  EXPECT_EQ(cells_of(kRoleBindingRules, *binding), (Errors{"b", "Role/r", "<unknown>", "u, v", "g", "n/s"}));
}

}  // namespace

}  // namespace sampan::registry
