// The `kubernetes` service in the default namespace, how pods find the API, and the range its address is of.
#include "apiserver/bootstrap.h"
#include "base/text.h"
#include "base/time_text.h"
#include "registry/addresses.h"

namespace sampan::apiserver {

using schema::Value;

namespace {

void fill_service(Value object, Arena& arena, std::string_view address, uint16_t port_number) {
  Value labels = object["metadata"].ensure_object("labels");
  labels.set("component", "apiserver");
  labels.set("provider", "kubernetes");
  Value spec = object.ensure_object("spec");
  spec.set("clusterIP", arena.copy(address));
  spec.set("ipFamilyPolicy", "SingleStack");
  spec.set("type", "ClusterIP");
  Value port = Value::object(arena);
  port.set("name", "https");
  port.set("protocol", "TCP");
  port.set("port", 443);
  port.set("targetPort", static_cast<int64_t>(port_number));
  spec.ensure_list("ports").push(port);
}

}  // namespace

Result<void> add_kubernetes_service(const BootstrapOptions& options, StandardObjects& out) {
  auto range = registry::parse_cidr(options.service_cidr);
  if (!range)
    return fail(bad_request(concat("--service-cluster-ip-range ", quoted(options.service_cidr), " is no range of addresses")));
  registry::Ip first = range->network();
  first.bytes.back() |= 1;
  StandardObject service{"", "services", "default", "kubernetes", [address = first.text(), port = options.port](Value object, Arena& arena) {
                           fill_service(object, arena, address, port);
                         }};
  service.unowned = [address = first.text(), is_v4 = range->is_v4()](Value object, Arena& arena) {
    Value spec = object["spec"];
    spec.ensure_list("clusterIPs").push(arena.copy(address));
    spec.ensure_list("ipFamilies").push(is_v4 ? "IPv4" : "IPv6");
  };
  out.push_back(std::move(service));
  out.push_back({"networking.k8s.io", "servicecidrs", "", "kubernetes",
                 [&options](Value object, Arena&) {
                   object.ensure_object("spec").ensure_list("cidrs").push(std::string_view(options.service_cidr));
                 },
                 "kube-apiserver",
                 [&options](Value object, Arena& arena) {
                   Clock& clock = options.clock ? *options.clock : real_clock();
                   Value condition = Value::object(arena);
                   condition.set("type", "Ready");
                   condition.set("status", "True");
                   condition.set("lastTransitionTime", arena.copy(rfc3339(clock.now_us() / 1'000'000)));
                   condition.set("message", "Kubernetes default Service CIDR is ready");
                   object.ensure_object("status").ensure_list("conditions").push(condition);
                 },
                 "kubernetes-service-cidr-controller"});
  return {};
}

}  // namespace sampan::apiserver
