// Which devices claims get: slices, classes and claims in, what each claim has got out.
#include "devices/allocator.h"

#include <gtest/gtest.h>

#include "base/check.h"
#include "base/text.h"
#include "client/testing.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace sampan::devices {
namespace {

ObjectRef object_of(std::string_view kind, std::string_view yaml) {
  Arena arena;
  auto documents = schema::parse_yaml(std::string(yaml), arena);
  if (!documents) ADD_FAILURE() << documents.error().message() << yaml;
  check(documents.has_value());
  auto* type = schema::builtin_kind("resource.k8s.io", "v1", kind);
  schema::Conformance found;
  auto conformed = schema::conform((*documents)[0], *type, found);
  if (!conformed) ADD_FAILURE() << conformed.error().message();
  for (auto& unknown : found.unknown_fields) ADD_FAILURE() << unknown;
  auto object = schema::freeze((*documents)[0], *type);
  check(object.has_value());
  return *object;
}

class Counting final : public Random {
 public:
  uint64_t next() override { return ++state_; }

 private:
  uint64_t state_ = 0;
};

struct Shop {
  std::vector<ObjectRef> slices, claims;
  std::map<std::string, ObjectRef, std::less<>> classes;
  Allocated allocated;
  Selectors selectors;
  Counting random;
  client::ManualTime time;

  Shop() { device_class("any", "{}"); }
  void device_class(std::string_view name, std::string_view spec) {
    classes[std::string(name)] = object_of("DeviceClass", concat("{metadata: {name: ", name, "}, spec: ", spec, "}"));
  }
  // `more` are members of the spec.
  void slice(std::string_view name, std::string_view more, std::string_view pool = "{name: p, generation: 1, resourceSliceCount: 1}") {
    slices.push_back(object_of("ResourceSlice", concat("{metadata: {name: ", name, "}, spec: {driver: a.com, pool: ", pool, ", ", more, "}}")));
  }
  void claim(std::string_view devices) {
    claims.push_back(object_of("ResourceClaim", concat("{metadata: {name: c", claims.size(), ", namespace: ns}, spec: {devices: ", devices, "}}")));
  }
  void request(std::string_view exactly) { claim(concat("{requests: [{name: r, exactly: ", exactly, "}]}")); }
  void is_allocated(std::string_view results) {
    allocated.add((*object_of("ResourceClaim", concat("{status: {allocation: {devices: {results: ", results, "}}}}")))["status"]["allocation"]);
  }
  Outcome allocate(std::string_view node = "n1") {
    inventory = std::make_unique<Inventory>(slices);
    Allocator allocator({*inventory, allocated,
                         [this](std::string_view name) {
                           auto at = classes.find(name);
                           return at == classes.end() ? ObjectRef() : at->second;
                         },
                         selectors, random, time});
    return allocator.allocate({node, [&](const AnyView& selector) {
                                 // As far as these tests need it: one label, "zone", that is the node's name.
                                 return selector["nodeSelectorTerms"].item(0)["matchExpressions"].item(0)["values"].item(0).as_string() == node;
                               }},
                              claims);
  }
  std::string result(std::string_view node = "n1") {
    auto outcome = allocate(node);
    if (!outcome.error.empty()) return concat("! ", outcome.error);
    if (!outcome.found) return "none";
    std::string out;
    for (auto& allocation : outcome.allocations) {
      if (!out.empty()) out += " | ";
      for (size_t i = 0; i < allocation.devices.size(); i++) {
        auto& given = allocation.devices[i];
        append(out, i ? " " : "", given.request, "=", given.device->view["name"].as_string());
        for (auto& [name, amount] : given.taken) append(out, "(", name, " ", amount.text(), ")");
      }
    }
    return out;
  }
  std::string tree() {
    auto outcome = allocate();
    Arena arena;
    std::string out;
    if (outcome.found) schema::write_json(out, tree_of(outcome.allocations[0], "n1", arena));
    return out;
  }
  std::unique_ptr<Inventory> inventory;
};

constexpr std::string_view kOne = "{deviceClassName: any, allocationMode: ExactCount, count: 1}", kTwo = "{deviceClassName: any, allocationMode: ExactCount, count: 2}",
                           kAll = "{deviceClassName: any, allocationMode: All}";

TEST(Allocator, CountsAndOrder) {
  Shop shop;
  shop.slice("s", "nodeName: n1, devices: [{name: b}, {name: a}, {name: c}]");
  shop.request(kTwo);
  EXPECT_EQ(shop.result(), "r=b r=a");
  EXPECT_EQ(shop.result("n2"), "none");
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r=b r=a | r=c");
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "none");
  shop.claims.resize(1);
  shop.is_allocated("[{request: x, driver: a.com, pool: p, device: b}]");
  EXPECT_EQ(shop.result(), "r=a r=c");
  shop.claims.clear();
  shop.request("{deviceClassName: any, allocationMode: ExactCount, count: 33}");
  EXPECT_EQ(shop.result(), "! claim ns/c0: number of requested devices 33 exceeds the claim limit of 32");
  shop.claims.clear();
  shop.request("{deviceClassName: nope, allocationMode: ExactCount, count: 1}");
  EXPECT_EQ(shop.result(), "! claim ns/c0, request r: could not retrieve device class nope: deviceclass.resource.k8s.io \"nope\" not found");
}

TEST(Allocator, SelectorsOfClassAndRequest) {
  Shop shop;
  shop.slice("s", "nodeName: n1, devices: [{name: a, attributes: {size: {int: 1}}}, {name: b, attributes: {size: {int: 2}}}, {name: c, attributes: {size: {int: 3}}}]");
  shop.device_class("big", "{selectors: [{cel: {expression: \"device.attributes['a.com'].size > 1\"}}]}");
  shop.request("{deviceClassName: big, allocationMode: ExactCount, count: 1}");
  EXPECT_EQ(shop.result(), "r=b");
  shop.request("{deviceClassName: big, allocationMode: ExactCount, count: 1, selectors: [{cel: {expression: \"device.attributes['a.com'].size != 2\"}}]}");
  EXPECT_EQ(shop.result(), "r=b | r=c");
  shop.claims.clear();
  shop.request("{deviceClassName: big, allocationMode: ExactCount, count: 1, selectors: [{cel: {expression: \"device.attributes['a.com'].nope == 2\"}}]}");
  EXPECT_EQ(shop.result(), "! claim ns/c0: selector #0: CEL runtime error: no such key: nope");
}

TEST(Allocator, WhereDevicesAre) {
  Shop shop;
  shop.slice("s", "allNodes: true, devices: [{name: a}]");
  shop.request(kOne);
  EXPECT_EQ(shop.tree(), "{\"devices\":{\"results\":[{\"request\":\"r\",\"driver\":\"a.com\",\"pool\":\"p\",\"device\":\"a\"}]}}");
  shop.slices.clear();
  auto zone = [](std::string_view node) { return concat("nodeSelector: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [", node, "]}]}]}"); };
  shop.slice("s", concat(zone("n1"), ", devices: [{name: a}]"));
  EXPECT_EQ(shop.result("n2"), "none");
  EXPECT_EQ(shop.tree(),
            "{\"devices\":{\"results\":[{\"request\":\"r\",\"driver\":\"a.com\",\"pool\":\"p\",\"device\":\"a\"}]},\"nodeSelector\":{\"nodeSelectorTerms\":"
            "[{\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"n1\"]}]}]}}");
  shop.slices.clear();
  shop.slice("s", concat("perDeviceNodeSelection: true, devices: [{name: a, nodeName: n2}, {name: b, ", zone("n1"), ", bindsToNode: true}]"));
  EXPECT_EQ(shop.result("n2"), "r=a");
  EXPECT_EQ(shop.result("n3"), "none");
  EXPECT_EQ(shop.tree(),
            "{\"devices\":{\"results\":[{\"request\":\"r\",\"driver\":\"a.com\",\"pool\":\"p\",\"device\":\"b\"}]},\"nodeSelector\":{\"nodeSelectorTerms\":"
            "[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":[\"n1\"]}]}]}}");
}

TEST(Allocator, AllDevices) {
  Shop shop;
  shop.slice("s1", "nodeName: n1, devices: [{name: a}]", "{name: p, generation: 2, resourceSliceCount: 2}");
  shop.slice("s0", "nodeName: n1, devices: [{name: old}]", "{name: p, generation: 1, resourceSliceCount: 1}");
  shop.request(kAll);
  EXPECT_EQ(shop.result(), "! claim ns/c0, request r: asks for all devices, but resource pool a.com/p is currently being updated");
  EXPECT_EQ(shop.result("n2"), "none");
  shop.slice("s2", "nodeName: n1, devices: [{name: b}]", "{name: p, generation: 2, resourceSliceCount: 2}");
  EXPECT_EQ(shop.result(), "r=a r=b");
  shop.is_allocated("[{request: x, driver: a.com, pool: p, device: b}]");
  EXPECT_EQ(shop.result(), "none");
  shop.claims.clear();
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r=a");
  shop.slice("s3", "nodeName: n1, devices: [{name: a}]", "{name: q, generation: 2, resourceSliceCount: 2}");
  shop.slice("s4", "nodeName: n1, devices: [{name: a}]", "{name: q, generation: 2, resourceSliceCount: 2}");
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "! invalid resource pools were encountered");
}

TEST(Allocator, ChoicesBestFirst) {
  Shop shop;
  shop.slice("s", "nodeName: n1, devices: [{name: a}, {name: b}]");
  shop.device_class("set", "{config: [{opaque: {driver: a.com, parameters: {k: v}}}]}");
  shop.claim("{requests: [{name: r, firstAvailable: [{name: three, deviceClassName: any, allocationMode: ExactCount, count: 3}, {name: two, deviceClassName: set, "
             "allocationMode: ExactCount, count: 2}, {name: one, deviceClassName: any, allocationMode: ExactCount, count: 1}]}], config: [{requests: [r/one], "
             "opaque: {driver: a.com, parameters: {x: 1}}}, {requests: [r], opaque: {driver: a.com, parameters: {x: 2}}}]}");
  EXPECT_EQ(shop.tree(),
            "{\"devices\":{\"results\":[{\"request\":\"r/two\",\"driver\":\"a.com\",\"pool\":\"p\",\"device\":\"a\"},{\"request\":\"r/two\",\"driver\":\"a.com\","
            "\"pool\":\"p\",\"device\":\"b\"}],\"config\":[{\"source\":\"FromClass\",\"requests\":[\"r/two\"],\"opaque\":{\"driver\":\"a.com\",\"parameters\":{\"k\":"
            "\"v\"}}},{\"source\":\"FromClaim\",\"requests\":[\"r\"],\"opaque\":{\"driver\":\"a.com\",\"parameters\":{\"x\":2}}}]},\"nodeSelector\":{"
            "\"nodeSelectorTerms\":[{\"matchFields\":[{\"key\":\"metadata.name\",\"operator\":\"In\",\"values\":[\"n1\"]}]}]}}");
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r/one=a | r=b");
}

TEST(Allocator, Constraints) {
  Shop shop;
  shop.slice("s", "nodeName: n1, devices: [{name: a, attributes: {numa: {int: 0}}}, {name: b, attributes: {a.com/numa: {int: 1}}}, {name: c}, {name: d, attributes: "
                  "{numa: {int: 1}}}, {name: e, attributes: {numa: {int: 0}}}]");
  auto two = [](std::string_view constraint, int count = 1) {
    return concat("{requests: [{name: r, exactly: {deviceClassName: any, allocationMode: ExactCount, count: ", count, "}}, {name: q, exactly: ", kOne,
                  "}], constraints: [", constraint, "]}");
  };
  shop.claim(two("{matchAttribute: a.com/numa}"));
  EXPECT_EQ(shop.result(), "r=a q=e");
  shop.claims.clear();
  shop.claim(two("{distinctAttribute: a.com/numa}"));
  EXPECT_EQ(shop.result(), "r=a q=b");
  shop.claims.clear();
  shop.claim(two("{distinctAttribute: a.com/numa}", 2));
  EXPECT_EQ(shop.result(), "none");
  shop.claims.clear();
  shop.claim(two("{matchAttribute: a.com/numa, requests: [q]}", 2));
  EXPECT_EQ(shop.result(), "r=a r=b q=d");
}

TEST(Allocator, TaintsAndAdministrators) {
  Shop shop;
  shop.slice("s", "nodeName: n1, devices: [{name: a, taints: [{key: bad, effect: NoSchedule}]}, {name: b, taints: [{key: told, effect: None}]}]");
  shop.is_allocated("[{request: x, driver: a.com, pool: p, device: b, adminAccess: true}]");
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r=b");
  shop.is_allocated("[{request: x, driver: a.com, pool: p, device: b}]");
  EXPECT_EQ(shop.result(), "none");
  shop.claims.clear();
  shop.request("{deviceClassName: any, allocationMode: ExactCount, count: 1, tolerations: [{key: bad, operator: Exists}]}");
  EXPECT_EQ(shop.result(), "r=a");
  shop.claims.clear();
  shop.request("{deviceClassName: any, allocationMode: ExactCount, count: 2, adminAccess: true, tolerations: [{operator: Exists}]}");
  EXPECT_EQ(shop.result(), "r=a r=b");
}

TEST(Allocator, PartsOfADevice) {
  Shop shop;
  constexpr std::string_view kPool = "{name: p, generation: 1, resourceSliceCount: 2}";
  shop.slice("counters", "allNodes: true, sharedCounters: [{name: gpu, counters: {memory: {value: 4Gi}}}]", kPool);
  auto part = [](std::string_view name, std::string_view memory) {
    return concat("{name: ", name, ", consumesCounters: [{counterSet: gpu, counters: {memory: {value: ", memory, "}}}]}");
  };
  shop.slice("s", concat("nodeName: n1, devices: [", part("whole", "4Gi"), ", ", part("half", "2Gi"), ", ", part("other", "2Gi"), "]"), kPool);
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r=whole");
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r=half | r=other");
  shop.is_allocated("[{request: x, driver: a.com, pool: p, device: half}]");
  EXPECT_EQ(shop.result(), "none");
  shop.claims.resize(1);
  EXPECT_EQ(shop.result(), "r=other");
  shop.slices.pop_back();
  shop.slice("s", "nodeName: n1, devices: [{name: a, consumesCounters: [{counterSet: nope, counters: {x: {value: 1}}}]}]", kPool);
  EXPECT_EQ(shop.result(), "! invalid resource pools were encountered");
}

TEST(Allocator, SharedDevices) {
  Shop shop;
  shop.slice("s", "nodeName: n1, devices: [{name: a, allowMultipleAllocations: true, capacity: {memory: {value: 10Gi, requestPolicy: {default: 1Gi, validRange: {min: "
                  "1Gi, step: 2Gi}}}, ports: {value: 4, requestPolicy: {default: 1, validValues: [1, 2, 4]}}}}]");
  auto wants = [](std::string_view requests) { return concat("{deviceClassName: any, allocationMode: ExactCount, count: 1, capacity: {requests: {", requests, "}}}"); };
  shop.request(wants("memory: 4Gi"));
  shop.request(kOne);
  EXPECT_EQ(shop.result(), "r=a(memory 5Gi)(ports 1) | r=a(memory 1Gi)(ports 1)");
  shop.request(wants("memory: 4Gi"));
  EXPECT_EQ(shop.result(), "none");
  shop.claims.resize(1);
  shop.is_allocated("[{request: x, driver: a.com, pool: p, device: a, shareID: u, consumedCapacity: {memory: 5Gi, ports: 3}}]");
  EXPECT_EQ(shop.result(), "r=a(memory 5Gi)(ports 1)");
  shop.claims.clear();
  shop.request(wants("ports: 2"));
  EXPECT_EQ(shop.result(), "none");
  shop.claims.clear();
  shop.request(wants("nope: 1"));
  EXPECT_EQ(shop.result(), "none");
}

TEST(Allocator, DevicesThatMustBeMadeReadyComeLast) {
  Shop shop;
  shop.slice("s1", "nodeName: n1, devices: [{name: a, bindingConditions: [ready], bindingFailureConditions: [broken]}]", "{name: a, generation: 1, resourceSliceCount: 1}");
  shop.slice("s2", "nodeName: n1, devices: [{name: b}]", "{name: z, generation: 1, resourceSliceCount: 1}");
  shop.request(kTwo);
  EXPECT_EQ(shop.result(), "r=b r=a");
}

}  // namespace
}  // namespace sampan::devices
