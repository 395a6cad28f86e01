#include "kubelet/environment.h"

#include "kubelet/cluster_for_test.h"

namespace sampan::kubelet {
namespace {

std::string environment_of(std::string_view container, std::string_view pod_more = "") {
  ClusterForTest cluster;
  cluster.put("configmaps", core_v1::ConfigMap::schema_type(), "{metadata: {name: c, namespace: default}, data: {a: '1', b: '2'}}");
  cluster.put("secrets", core_v1::Secret::schema_type(), "{metadata: {name: s, namespace: default}, data: {pass: aHVudGVy}}");
  auto object = object_of(core_v1::Pod::schema_type(),
                          concat("{metadata: {name: p, namespace: default, uid: u, labels: {app: web}}, spec: {enableServiceLinks: true, nodeName: node1, containers: [", container, "]", pod_more, "}}"));
  auto pod = object->as<core_v1::Pod>();
  auto service = object_of(core_v1::Service::schema_type(), "{metadata: {name: my-db, namespace: default}, spec: {clusterIP: 10.1.2.3, ports: [{name: sql, port: 5432, protocol: TCP}]}}");
  std::map<std::string, MountedVolume> volumes;
  auto made = make_environment({pod, pod.spec().containers()[0], {{"10.0.0.5"}, {"192.168.0.1"}}, {{"cpu", schema::Quantity(4)}}, cluster, {service}, volumes});
  if (!made) return made.error().message();
  std::string out;
  for (auto& [name, value] : *made)
    if (!name.starts_with("MY_DB") || container.find("services") != std::string_view::npos) append(out, out.empty() ? "" : " ", name, "=", value);
  return out;
}

TEST(Environment, table) {
  struct {
    std::string_view container, expected;
  } cases[] = {
      {"{name: c}", ""},
      {"{name: c, env: [{name: A, value: x}, {name: B, value: '$(A)-$(C)-$$(A)'}, {name: A, value: why}]}", "A=why B=x-$(C)-$(A)"},
      {"{name: c, env: [{name: A, value: 'at $(MY_DB_SERVICE_HOST):$(MY_DB_SERVICE_PORT_SQL)'}]}", "A=at 10.1.2.3:5432"},
      {"{name: c, envFrom: [{configMapRef: {name: c}, prefix: X_}], env: [{name: X_b, value: own}]}", "X_a=1 X_b=own"},
      {"{name: c, envFrom: [{secretRef: {name: s}}, {secretRef: {name: none, optional: true}}]}", "pass=hunter"},
      {"{name: c, env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: a}}}, {name: B, valueFrom: {secretKeyRef: {name: s, key: pass}}}]}", "A=1 B=hunter"},
      {"{name: c, env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: z}}}]}", "couldn't find key z in ConfigMap default/c"},
      {"{name: c, env: [{name: A, valueFrom: {configMapKeyRef: {name: c, key: z, optional: true}}}]}", ""},
      {"{name: c, env: [{name: A, valueFrom: {configMapKeyRef: {name: none, key: z}}}]}", "configmap \"none\" not found"},
      {"{name: c, env: [{name: A, valueFrom: {secretKeyRef: {name: none, key: z}}}]}", "secret \"none\" not found"},
      {"{name: c, env: [{name: A, valueFrom: {fieldRef: {apiVersion: v1, fieldPath: status.podIP}}}, {name: B, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['app']\"}}}, "
       "{name: C, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}, {name: D, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}]}",
       "A=10.0.0.5 B=web C=node1 D=192.168.0.1"},
      {"{name: c, resources: {limits: {memory: 64Mi}, requests: {cpu: 1500m}}, env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}, "
       "{name: B, valueFrom: {resourceFieldRef: {resource: requests.cpu}}}, {name: C, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}]}",
       "A=64 B=2 C=4"},
      {"{name: c, resources: {limits: {memory: '9223372036854775807'}}, env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Ei}}}]}", "A=8"},
      {"{name: services, env: []}", "MY_DB_SERVICE_HOST=10.1.2.3 MY_DB_SERVICE_PORT=5432 MY_DB_SERVICE_PORT_SQL=5432 MY_DB_PORT=tcp://10.1.2.3:5432 "
                                    "MY_DB_PORT_5432_TCP=tcp://10.1.2.3:5432 MY_DB_PORT_5432_TCP_PROTO=tcp MY_DB_PORT_5432_TCP_PORT=5432 MY_DB_PORT_5432_TCP_ADDR=10.1.2.3"},
  };
  for (auto& c : cases) EXPECT_EQ(environment_of(c.container), c.expected) << c.container;
}

TEST(Environment, expansion) {
  struct {
    std::string_view text, expected;
  } cases[] = {{"$(A)", "x"}, {"$(A", "$(A"}, {"$$(A)", "$(A)"}, {"$$$(A)", "$x"}, {"a$", "a$"}, {"$(N)$(A)", "$(N)x"}, {"$A", "$A"}, {"$()", "$()"}, {"", ""}};
  for (auto& c : cases)
    EXPECT_EQ(expand(c.text, [](std::string_view name) { return name == "A" ? std::optional<std::string_view>("x") : std::nullopt; }), c.expected) << c.text;
}

}  // namespace
}  // namespace sampan::kubelet
