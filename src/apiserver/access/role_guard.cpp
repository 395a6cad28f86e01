// Nobody grants what he does not have: who writes a role must hold its rules or may "escalate" it, who binds one must hold its rules or may "bind" it.
#include "apiserver/access/access.h"
#include "apiserver/access/role_guard.h"
#include "base/text.h"

namespace sampan::apiserver {

using schema::AnyView;
using schema::Object;
using schema::Value;

namespace {

constexpr std::string_view kGroup = "rbac.authorization.k8s.io";

Error refusal(const RequestInfo& info, std::string_view name, std::string_view why) {
  return Error(Reason::Forbidden, concat(info.resource, ".", kGroup, name.empty() ? "" : concat(" ", quoted(name)), " is forbidden: ", why)).about(kGroup, info.resource, name);
}

Result<void> confirm(Context& context, const PolicyRules& wanted, std::string_view name) {
  const User& user = context.user;
  std::vector<std::string> problems;
  auto missing = not_covered(context.services.access->rbac().held_by(user, context.info.name_space, problems), wanted);
  if (missing.empty()) return {};
  auto why = concat("user ", quoted(user.name), " (groups=", quoted_list(user.groups),
                    ") is attempting to grant RBAC permissions not currently held:\n", join(descriptions(missing), "\n"));
  if (!problems.empty()) append(why, "; resolution errors: [", join(problems, ", "), "]");
  return fail(refusal(context.info, name, why));
}

bool gathers(const Object& role) { return role["aggregationRule"]["clusterRoleSelectors"].present() && role["aggregationRule"]["clusterRoleSelectors"].size() > 0; }

Result<void> check_role(Context& context, const Object& role, const Object* old) {
  RequestInfo escalate = context.info;
  escalate.verb = "escalate";
  escalate.subresource.clear();
  if (context.services.access->allows(context.user, escalate)) return {};
  auto name = role["metadata"]["name"].as_string();
  TRY(confirm(context, policy_rules(role["rules"]), name));
  if (!gathers(role) && !(old && gathers(*old))) return {};
  PolicyRules everything = {{.verbs = {"*"}, .groups = {"*"}, .resources = {"*"}}, {.verbs = {"*"}, .urls = {"*"}}};
  if (!confirm(context, everything, name)) return fail(refusal(context.info, name, "must have cluster-admin privileges to use the aggregationRule"));
  return {};
}

Result<void> check_binding(Context& context, const Object& binding) {
  AnyView role = binding["roleRef"];
  auto kind = role["kind"].as_string(), name = role["name"].as_string();
  if (kind == "ClusterRole" || kind == "Role") {
    RequestInfo bind;
    bind.is_resource = true;
    bind.verb = "bind";
    bind.group = role["apiGroup"].as_string();
    bind.version = "*";
    bind.resource = kind == "Role" ? "roles" : "clusterroles";
    bind.name = name;
    bind.name_space = context.info.name_space;
    if (context.services.access->allows(context.user, bind)) return {};
  }
  auto rules = TRY(context.services.access->rbac().rules_of(kind, name, context.info.name_space));
  return confirm(context, rules, binding["metadata"]["name"].as_string());
}

// What the garbage collector changes grants nothing.
bool changes_only_ownership(Value object, const Object& old) {
  Arena arena;
  Value now = object.clone(arena), before = schema::thaw(old, arena).clone(arena);
  for (Value tree : {now, before}) {
    tree.remove("apiVersion");
    tree.remove("kind");
    Value metadata = tree["metadata"];
    for (std::string_view member : {"ownerReferences", "finalizers", "managedFields", "resourceVersion"}) metadata.remove(member);
  }
  return now.equals(before);
}

}  // namespace

Result<void> guard_roles(Context& context, Value object, const Object* old) {
  const RequestInfo& info = context.info;
  if (info.group != kGroup || !info.subresource.empty() || context.user.in("system:masters")) return {};
  if (old && changes_only_ownership(object, *old)) return {};
  Arena arena;
  auto frozen = TRY(schema::freeze(object.clone(arena), *context.served->store->resource().type));
  bool is_role = info.resource == "roles" || info.resource == "clusterroles";
  return is_role ? check_role(context, *frozen, old) : check_binding(context, *frozen);
}

}  // namespace sampan::apiserver
