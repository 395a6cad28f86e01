#include "registry/flowcontrol/standard_objects.h"

#include "base/check.h"
#include "schema/json.h"

namespace sampan::registry::flowcontrol {

using schema::Value;

namespace {

// Everything that is asked for, by the subjects named before it.
#define EVERYTHING                                                                                                      \
  R"(],"resourceRules":[{"verbs":["*"],"apiGroups":["*"],"resources":["*"],"clusterScope":true,"namespaces":["*"]}],)" \
  R"("nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["*"]}]}])"
#define OF_GROUP(name) R"({"kind":"Group","group":{"name":")" name R"("}})"
#define OF_USER(name) R"({"kind":"User","user":{"name":")" name R"("}})"
#define OF_ANYBODY OF_GROUP("system:unauthenticated") "," OF_GROUP("system:authenticated")
#define OF_SYSTEM_ACCOUNTS R"({"kind":"ServiceAccount","serviceAccount":{"namespace":"kube-system","name":"*"}})"

constexpr StandardLevel kLevels[] = {
    {"catch-all", 5, 0, 0, 0, true},
    {kExempt, 0, 0, 0, 0, true},
    {"system", 30, 33, 64, 6, false},
    {"node-high", 40, 25, 64, 6, false},
    {"leader-election", 10, 0, 16, 4, false},
    {"workload-high", 40, 50, 128, 6, false},
    {"workload-low", 100, 90, 128, 6, false},
    {"global-default", 20, 50, 128, 6, false},
};

constexpr StandardSchema kSchemas[] = {
    {kExempt, kExempt, 1, "", R"([{"subjects":[)" OF_GROUP("system:masters") EVERYTHING, true},
    {"probes", kExempt, 2, "",
     R"([{"subjects":[)" OF_ANYBODY R"(],"nonResourceRules":[{"verbs":["get"],"nonResourceURLs":["/healthz","/readyz","/livez"]}]}])", false},
    {"system-leader-election", "leader-election", 100, "ByUser",
     R"([{"subjects":[)" OF_USER("system:kube-controller-manager") "," OF_USER("system:kube-scheduler") "," OF_SYSTEM_ACCOUNTS
     R"(],"resourceRules":[{"verbs":["get","create","update"],"apiGroups":["coordination.k8s.io"],"resources":["leases"],"namespaces":["*"]}]}])",
     false},
    {"system-node-high", "node-high", 400, "ByUser",
     R"([{"subjects":[)" OF_GROUP("system:nodes")
     R"(],"resourceRules":[{"verbs":["*"],"apiGroups":[""],"resources":["nodes","nodes/status"],"clusterScope":true,"namespaces":["*"]},)"
     R"({"verbs":["*"],"apiGroups":["coordination.k8s.io"],"resources":["leases"],"namespaces":["*"]}]}])",
     false},
    {"system-nodes", "system", 500, "ByUser", R"([{"subjects":[)" OF_GROUP("system:nodes") EVERYTHING, false},
    {"kube-controller-manager", "workload-high", 800, "ByNamespace", R"([{"subjects":[)" OF_USER("system:kube-controller-manager") EVERYTHING,
     false},
    {"kube-scheduler", "workload-high", 800, "ByNamespace", R"([{"subjects":[)" OF_USER("system:kube-scheduler") EVERYTHING, false},
    {"kube-system-service-accounts", "workload-high", 900, "ByNamespace", R"([{"subjects":[)" OF_SYSTEM_ACCOUNTS EVERYTHING, false},
    {"service-accounts", "workload-low", 9000, "ByUser", R"([{"subjects":[)" OF_GROUP("system:serviceaccounts") EVERYTHING, false},
    {"global-default", "global-default", 9900, "ByUser", R"([{"subjects":[)" OF_ANYBODY EVERYTHING, false},
    {"catch-all", "catch-all", 10000, "ByUser", R"([{"subjects":[)" OF_ANYBODY EVERYTHING, true},
};

#undef EVERYTHING
#undef OF_GROUP
#undef OF_USER
#undef OF_ANYBODY
#undef OF_SYSTEM_ACCOUNTS

}  // namespace

std::span<const StandardLevel> standard_levels() { return kLevels; }
std::span<const StandardSchema> standard_schemas() { return kSchemas; }

Value spec_of(const StandardLevel& level, Arena& arena) {
  constexpr int kQueueLength = 50;
  bool exempt = level.name == kExempt;
  Value spec = Value::object(arena);
  spec.set("type", exempt ? "Exempt" : "Limited");
  Value limits = spec.ensure_object(exempt ? "exempt" : "limited");
  limits.set("nominalConcurrencyShares", level.shares);
  limits.set("lendablePercent", level.lendable_percent);
  if (exempt) return spec;
  Value response = limits.ensure_object("limitResponse");
  response.set("type", level.queues ? "Queue" : "Reject");
  if (!level.queues) return spec;
  Value queuing = response.ensure_object("queuing");
  queuing.set("queues", level.queues);
  queuing.set("handSize", level.hand_size);
  queuing.set("queueLengthLimit", kQueueLength);
  return spec;
}

Value spec_of(const StandardSchema& schema, Arena& arena) {
  Value spec = Value::object(arena);
  spec.ensure_object("priorityLevelConfiguration").set("name", schema.level);
  spec.set("matchingPrecedence", schema.precedence);
  if (!schema.distinguisher.empty()) spec.ensure_object("distinguisherMethod").set("type", schema.distinguisher);
  auto rules = schema::parse_json(arena.copy(schema.rules), arena);
  check(rules.has_value());
  spec.set("rules", *rules);
  return spec;
}

}  // namespace sampan::registry::flowcontrol
