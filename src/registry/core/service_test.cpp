// Services: defaults, rules, table, and the allocation of addresses and ports.
#include "registry/core/service_allocation.h"
#include "registry/testing.h"

namespace sampan::registry {

extern const Rules kServiceRules;

namespace {

using namespace testing;
using core::PortBitmap;

ObjectRef service(std::string_view json) { return make_defaulted(kServiceRules, "v1", json); }

TEST(Service, defaults) {
  EXPECT_EQ(defaulted(kServiceRules, "{'spec':{'ports':[{'port':80}]}}"),
            "{'spec':{'ports':[{'port':80,'protocol':'TCP','targetPort':80}],'sessionAffinity':'None','type':'ClusterIP','internalTrafficPolicy':'Cluster'}}");
  EXPECT_EQ(defaulted(kServiceRules, "{'spec':{'type':'LoadBalancer','sessionAffinity':'ClientIP'}}"),
            "{'spec':{'type':'LoadBalancer','sessionAffinity':'ClientIP','sessionAffinityConfig':{'clientIP':{'timeoutSeconds':10800}},"
            "'externalTrafficPolicy':'Cluster','internalTrafficPolicy':'Cluster','allocateLoadBalancerNodePorts':true}}");
}

TEST(Service, rules) {
  struct Case {
    const char* spec;
    Errors want;
  };
  const Case cases[] = {
      {"{'ports':[{'port':80}]}", {}},
      {"{}", {"spec.ports: Required value"}},
      {"{'clusterIP':'None','clusterIPs':['None']}", {}},
      {"{'type':'ExternalName'}", {"spec.externalName: Required value"}},
      {"{'type':'ExternalName','externalName':'a.b.'}", {}},
      {"{'ports':[{'port':80,'nodePort':30000}]}", {"spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"}},
      {"{'ports':[{'port':80,'name':'a'},{'port':80,'name':'b'}]}",
       {"spec.ports[1]: Duplicate value: {\"Name\":\"\",\"Protocol\":\"TCP\",\"AppProtocol\":null,\"Port\":80,\"TargetPort\":0,\"NodePort\":0}"}},
      {"{'ports':[{'port':0}]}",
       {"spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive"}},
      {"{'ports':[{'port':80}],'externalIPs':['127.0.0.1']}",
       {"spec.externalIPs[0]: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)"}},
      {"{'ports':[{'port':80}],'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.2']}",
       {"spec.clusterIPs: Invalid value: [\"10.0.0.2\"]: first value must match `clusterIP`"}},
      {"{'ports':[{'port':80}],'trafficDistribution':'Near'}",
       {"spec.trafficDistribution: Unsupported value: \"Near\": supported values: \"PreferClose\", \"PreferSameZone\", \"PreferSameNode\""}},
  };
  for (const auto& c : cases) EXPECT_EQ(errors_of(kServiceRules, *service(concat("{'spec':", c.spec, "}"))), c.want) << c.spec;
}

TEST(Service, addresses_do_not_change) {
  auto old = service("{'spec':{'ports':[{'port':80}],'clusterIP':'10.0.0.1','clusterIPs':['10.0.0.1']}}");
  auto now = service("{'spec':{'ports':[{'port':80}],'clusterIP':'10.0.0.2','clusterIPs':['10.0.0.2']}}");
  EXPECT_EQ(update_errors_of(kServiceRules, *now, *old), Errors{"spec.clusterIPs[0]: Invalid value: [\"10.0.0.2\"]: may not change once set"});
}

TEST(Service, row) {
  auto balanced = service(
      "{'metadata':{'name':'a'},'spec':{'type':'LoadBalancer','clusterIPs':['10.0.0.1'],'selector':{'b':'c','a':'b'},"
      "'ports':[{'port':80,'nodePort':30001},{'port':53,'protocol':'UDP'}]},'status':{'loadBalancer':{'ingress':[{'ip':'192.0.2.1'}]}}}");
  EXPECT_EQ(cells_of(kServiceRules, *balanced),
            (Cells{"a", "LoadBalancer", "10.0.0.1", "192.0.2.1", "80:30001/TCP,53/UDP", "<unknown>", "a=b,b=c"}));
}

// ---- allocation ----

class Addresses : public core::AddressObjects {
 public:
  Result<void> create(Value address, Arena&) override {
    std::string name(address["metadata"]["name"].as_string());
    if (!taken.insert(name).second) return fail(already_exists("networking.k8s.io", "ipaddresses", name));
    return {};
  }
  Result<void> remove(std::string_view name) override {
    taken.erase(std::string(name));
    return {};
  }
  bool exists(std::string_view name) override { return taken.contains(std::string(name)); }
  std::vector<ObjectRef> list() override {
    std::vector<ObjectRef> out;
    for (const auto& name : taken)
      out.push_back(make("networking.k8s.io/v1", "IPAddress",
                         concat("{'metadata':{'name':'", name, "','labels':{'ipaddress.kubernetes.io/managed-by':'ipallocator.k8s.io'}},"
                                "'spec':{'parentRef':{'resource':'services','namespace':'ns','name':'a'}}}")));
    return out;
  }
  std::set<std::string> taken;
};

class Ports : public core::PortStore {
 public:
  Result<void> update(const std::function<Result<void>(PortBitmap&)>& change) override {
    PortBitmap next = bitmap;
    TRY(change(next));
    bitmap = next;
    return {};
  }
  PortBitmap bitmap{30000, 2768};
};

class Counter : public Random {
 public:
  uint64_t next() override { return state_ += 0x9e3779b97f4a7c15; }

 private:
  uint64_t state_ = 1;
};

struct World {
  Addresses addresses;
  Ports ports;
  Counter random;
  core::ServiceAllocator allocator;
  Arena arena;

  explicit World(core::AllocatorOptions options = {})
      : allocator(addresses, ports, [] { return std::vector<Cidr>{*parse_cidr("10.0.0.0/28"), *parse_cidr("fd00::/112")}; }, random, options) {}

  Value service(std::string_view spec) {
    Value value = tree(arena, concat("{'metadata':{'name':'a','namespace':'ns'},'spec':", spec, "}"));
    kServiceRules.defaults(value, "v1");
    return value;
  }
  std::string create(Value value, bool dry_run = false) {
    auto undo = allocator.before_create(value, dry_run);
    return undo ? "" : undo.error().message();
  }
  ObjectRef freeze(Value value) { return frozen(value.clone(arena), type_of("v1", "Service")); }
};

TEST(ServiceAllocator, gives_and_takes_back) {
  World world;
  Value value = world.service("{'type':'NodePort','ports':[{'name':'t','port':53},{'name':'u','port':53,'protocol':'UDP'}]}");
  EXPECT_EQ(world.create(value), "");
  auto spec = value["spec"];
  EXPECT_EQ(world.addresses.taken, std::set<std::string>{std::string(spec["clusterIP"].as_string())});
  EXPECT_EQ(spec["ipFamilyPolicy"].as_string(), "SingleStack");
  int port = static_cast<int>(spec["ports"].at(0)["nodePort"].as_int());
  EXPECT_EQ(spec["ports"].at(1)["nodePort"].as_int(), port);  // one port of the nodes for both protocols
  EXPECT_TRUE(world.ports.bitmap.has(port));
  world.allocator.after_delete(*world.freeze(value));
  EXPECT_TRUE(world.addresses.taken.empty());
  EXPECT_FALSE(world.ports.bitmap.has(port));
}

TEST(ServiceAllocator, refuses) {
  World world;
  world.addresses.taken = {"10.0.0.3"};
  world.ports.bitmap.set(30005, true);
  struct Case {
    const char *spec, *want;
  };
  const Case cases[] = {
      {"{'clusterIP':'10.0.0.3'}", "spec.clusterIPs: Invalid value: [\"10.0.0.3\"]: failed to allocate IP 10.0.0.3: provided IP is already allocated"},
      {"{'clusterIP':'10.0.0.0'}",
       "spec.clusterIPs: Invalid value: [\"10.0.0.0\"]: failed to allocate IP 10.0.0.0: the provided network does not match the current range"},
      {"{'clusterIP':'10.0.0.15'}",
       "spec.clusterIPs: Invalid value: [\"10.0.0.15\"]: failed to allocate IP 10.0.0.15: the provided network does not match the current range"},
      {"{'clusterIP':'10.0.1.1'}",
       "spec.clusterIPs: Invalid value: [\"10.0.1.1\"]: failed to allocate IP 10.0.1.1: the provided network does not match the current range"},
      {"{'type':'NodePort','ports':[{'port':1,'nodePort':30005}]}",
       "spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated"},
      {"{'type':'NodePort','ports':[{'port':1,'nodePort':80}]}",
       "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767"},
      {"{'ipFamilyPolicy':'RequireDualStack'}",
       "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": this cluster is not configured for dual-stack services"},
      {"{'ipFamilies':['IPv6']}", "spec.ipFamilies[0]: Invalid value: \"IPv6\": not configured on this cluster"},
  };
  for (const auto& c : cases) EXPECT_EQ(world.create(world.service(c.spec)), concat("Service \"a\" is invalid: ", c.want)) << c.spec;
  // What was taken before the refusal has been given back.
  EXPECT_EQ(world.addresses.taken, std::set<std::string>{"10.0.0.3"});
}

TEST(ServiceAllocator, both_families) {
  World world({.families = {"IPv4", "IPv6"}});
  Value value = world.service("{'ipFamilyPolicy':'PreferDualStack'}");
  EXPECT_EQ(world.create(value), "");
  EXPECT_EQ(value["spec"]["ipFamilies"].size(), 2u);
  EXPECT_EQ(world.addresses.taken.size(), 2u);
  auto old = world.freeze(value);
  Value now = world.service("{'ipFamilyPolicy':'SingleStack'}");
  auto undo = world.allocator.before_update(now, *old, false);
  ASSERT_TRUE(undo) << undo.error().message();
  EXPECT_EQ(now["spec"]["clusterIPs"].size(), 1u);
  world.allocator.after_update(*world.freeze(now), *old);
  EXPECT_EQ(world.addresses.taken.size(), 1u);
}

TEST(ServiceAllocator, an_update_that_leaves_addresses_out_keeps_them) {
  World world;
  Value value = world.service("{'type':'NodePort','ports':[{'name':'a','port':1}]}");
  EXPECT_EQ(world.create(value), "");
  auto old = world.freeze(value);
  Value now = world.service("{'type':'NodePort','ports':[{'name':'a','port':2}]}");
  ASSERT_TRUE(world.allocator.before_update(now, *old, false));
  EXPECT_EQ(now["spec"]["clusterIP"].as_string(), value["spec"]["clusterIP"].as_string());
  EXPECT_EQ(now["spec"]["ports"].at(0)["nodePort"].as_int(), value["spec"]["ports"].at(0)["nodePort"].as_int());
}

TEST(ServiceAllocator, a_failed_write_and_a_dry_run_leave_nothing) {
  World world;
  Value value = world.service("{'type':'NodePort','ports':[{'port':1}]}");
  auto undo = world.allocator.before_create(value, false);
  ASSERT_TRUE(undo);
  (*undo)->undo();
  Value dry = world.service("{'type':'NodePort','ports':[{'port':1}]}");
  EXPECT_EQ(world.create(dry, true), "");
  EXPECT_FALSE(dry["spec"]["clusterIP"].as_string().empty());
  EXPECT_TRUE(world.addresses.taken.empty());
  EXPECT_EQ(world.ports.bitmap.bytes(), "");
}

TEST(ServiceAllocator, full_range) {
  World world;
  for (int i = 1; i < 15; i++) world.addresses.taken.insert(concat("10.0.0.", i));
  EXPECT_EQ(world.create(world.service("{}")), "Internal error occurred: failed to allocate a serviceIP for Service \"a\": range is full");
}

TEST(ServiceAllocator, repair) {
  World world;
  Value value = world.service("{'type':'NodePort','ports':[{'port':1,'nodePort':30007}],'clusterIP':'10.0.0.7','clusterIPs':['10.0.0.7'],'ipFamilies':['IPv4']}");
  std::vector<ObjectRef> services{world.freeze(value)};
  world.addresses.taken = {"10.0.0.9"};
  world.ports.bitmap.set(30009, true);
  for (int round = 0; round < 3; round++) {
    EXPECT_EQ(world.addresses.taken.contains("10.0.0.9"), true);  // it may belong to a service that is being written
    ASSERT_TRUE(world.allocator.repair(services));
    EXPECT_TRUE(world.addresses.taken.contains("10.0.0.7"));
    EXPECT_TRUE(world.ports.bitmap.has(30007));
  }
  EXPECT_FALSE(world.addresses.taken.contains("10.0.0.9"));
  EXPECT_FALSE(world.ports.bitmap.has(30009));
}

TEST(PortBitmap, bytes_are_one_big_number) {
  PortBitmap ports(30000, 20);
  ports.set(30000, true);
  ports.set(30009, true);
  EXPECT_EQ(ports.bytes(), std::string("\x02\x01", 2));
  PortBitmap other(30000, 20);
  other.set_bytes(ports.bytes());
  EXPECT_TRUE(other.has(30009) && other.has(30000) && !other.has(30001));
  EXPECT_EQ(ports.range_text(), "30000-30019");
}

}  // namespace
}  // namespace sampan::registry
