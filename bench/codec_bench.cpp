// What the codecs do in a second, on pods such as a cluster has: printed as MB of JSON (or of protobuf) a second.
#include <ctime>
#include <cstdio>

#include "base/text.h"
#include "schema/conform.h"
#include "schema/json.h"
#include "schema/protobuf.h"

using namespace sampan;
using namespace sampan::schema;

namespace {

constexpr int kPods = 1000;

std::string pod_json(int i) {
  return concat(
      R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"web-)", i,
      R"(","generateName":"web-","namespace":"shop","uid":"0f2f8d3e-6d3e-4c0c-9f35-0a4a1b2c)", 1000 + i,
      R"(","resourceVersion":")", 5000 + i,
      R"(","generation":1,"creationTimestamp":"2024-02-20T01:02:03Z","labels":{"app":"web","pod-template-hash":"5d8f7c6b9","tier":"front"},"annotations":{"example.com/config":"{\"a\": 1, \"b\": \"two\"}","prometheus.io/scrape":"true"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web-5d8f7c6b9","uid":"aa2f8d3e-6d3e-4c0c-9f35-0a4a1b2c3d4e","controller":true,"blockOwnerDeletion":true}]},"spec":{"volumes":[{"name":"config","configMap":{"name":"web-config","defaultMode":420}},{"name":"kube-api-access-abcde","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},{"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}],"defaultMode":420}}],"containers":[{"name":"web","image":"registry.example.com/shop/web:1.27.3","command":["/bin/web"],"args":["--listen=:8080","--log-level=info"],"ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}],"env":[{"name":"MODE","value":"production"},{"name":"PASSWORD","valueFrom":{"secretKeyRef":{"name":"web","key":"password"}}}],"resources":{"limits":{"cpu":"500m","memory":"256Mi"},"requests":{"cpu":"100m","memory":"128Mi"}},"volumeMounts":[{"name":"config","mountPath":"/etc/web"},{"name":"kube-api-access-abcde","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}],"livenessProbe":{"httpGet":{"path":"/healthz","port":"http","scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{"runAsNonRoot":true,"allowPrivilegeEscalation":false}}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"default","serviceAccount":"default","nodeName":"node-)",
      i % 100,
      R"(","securityContext":{},"schedulerName":"default-scheduler","tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],"priority":0,"enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"},"status":{"phase":"Running","conditions":[{"type":"Initialized","status":"True","lastProbeTime":null,"lastTransitionTime":"2024-02-20T01:02:03Z"},{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"2024-02-20T01:02:08Z"},{"type":"ContainersReady","status":"True","lastProbeTime":null,"lastTransitionTime":"2024-02-20T01:02:08Z"},{"type":"PodScheduled","status":"True","lastProbeTime":null,"lastTransitionTime":"2024-02-20T01:02:03Z"}],"hostIP":"192.0.2.17","hostIPs":[{"ip":"192.0.2.17"}],"podIP":"10.244.3.)",
      i % 250,
      R"(","podIPs":[{"ip":"10.244.3.7"}],"startTime":"2024-02-20T01:02:03Z","containerStatuses":[{"name":"web","state":{"running":{"startedAt":"2024-02-20T01:02:07Z"}},"lastState":{},"ready":true,"restartCount":0,"image":"registry.example.com/shop/web:1.27.3","imageID":"registry.example.com/shop/web@sha256:3d8a1e6c9b2f4a7c5e0d1b3f6a9c8e7d2b4f5a6c7e8d9b0a1c2d3e4f5a6b7c8d","containerID":"containerd://5c7e8d9b0a1c2d3e4f5a6b7c8d3d8a1e6c9b2f4a7c5e0d1b3f6a9c8e7d2b4f5a","started":true}],"qosClass":"Burstable"}})");
}

// Of the processor's time, not the wall's: machines are shared.
double seconds_now() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Runs `round` for half a second and prints how fast it went through `bytes` each time.
template <class Round>
void measure(const char* name, size_t bytes, Round round) {
  round();
  double start = seconds_now();
  int rounds = 0;
  double seconds = 0;
  do {
    round();
    rounds++;
    seconds = seconds_now() - start;
  } while (seconds < 0.5);
  std::printf("%-34s %8.0f MB/s %8.2f us an object\n", name, static_cast<double>(bytes) * rounds / seconds / 1e6, seconds / rounds / kPods * 1e6);
}

}  // namespace

int main() {
  const Type& type = *builtin_type("io.k8s.api.core.v1.Pod");
  std::vector<std::string> texts, protos;
  std::vector<ObjectRef> objects;
  size_t json_bytes = 0, proto_bytes = 0, flat_bytes = 0, keep = 0;
  auto decode = [&](const std::string& text) {
    Arena arena;
    Conformance found;
    Value value = *parse_json(text, arena);
    if (!conform(value, type, found)) return ObjectRef();
    return *freeze(value, type);
  };
  for (int i = 0; i < kPods; i++) {
    texts.push_back(pod_json(i));
    objects.push_back(decode(texts.back()));
    encode_protobuf(protos.emplace_back(), *objects.back());
    json_bytes += texts.back().size();
    proto_bytes += protos.back().size();
    flat_bytes += objects.back()->size();
  }
  std::printf("bytes an object: JSON %zu, protobuf %zu, flat %zu\n", json_bytes / kPods, proto_bytes / kPods, flat_bytes / kPods);

  measure("parse JSON", json_bytes, [&] {
    for (const std::string& text : texts) {
      Arena arena;
      keep += parse_json(text, arena)->size();
    }
  });
  measure("parse JSON, conform", json_bytes, [&] {
    for (const std::string& text : texts) {
      Arena arena;
      Conformance found;
      keep += conform(*parse_json(text, arena), type, found).has_value();
    }
  });
  measure("parse JSON, conform, freeze", json_bytes, [&] {
    for (const std::string& text : texts) keep += decode(text)->size();
  });
  std::string out;
  measure("print JSON", json_bytes, [&] {
    out.clear();
    for (const ObjectRef& object : objects) write_json(out, *object, "v1", "Pod");
    keep += out.size();
  });
  measure("thaw", json_bytes, [&] {
    for (const ObjectRef& object : objects) {
      Arena arena;
      keep += thaw(*object, arena).size();
    }
  });
  measure("encode protobuf", proto_bytes, [&] {
    out.clear();
    for (const ObjectRef& object : objects) encode_protobuf(out, *object);
    keep += out.size();
  });
  measure("decode protobuf", proto_bytes, [&] {
    for (const std::string& proto : protos) keep += (*decode_protobuf(proto, type))->size();
  });
  measure("read spec.nodeName by name", json_bytes, [&] {
    for (const ObjectRef& object : objects) keep += (*object)["spec"]["nodeName"].as_string().size();
  });
  return keep == 0;
}
