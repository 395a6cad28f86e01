// The `kubernetes` service in the default namespace and its endpoints: how pods find the API.
#include "apiserver/bootstrap.h"
#include "base/text.h"
#include "registry/addresses.h"

namespace sampan::apiserver {

using schema::Value;

Result<void> ensure_kubernetes_service(Catalog& catalog, const BootstrapOptions& options) {
  auto range = registry::parse_cidr(options.service_cidr);
  if (!range)
    return fail(bad_request(concat("--service-cluster-ip-range ", quoted(options.service_cidr), " is no range of addresses")));
  registry::Ip first = range->network();
  first.bytes.back() |= 1;
  std::string address = first.text();
  TRY(ensure_object(catalog, "", "services", "default", "kubernetes", [&](Value object, Arena& arena) {
    Value labels = object["metadata"].ensure_object("labels");
    labels.set("component", "apiserver");
    labels.set("provider", "kubernetes");
    Value spec = object.ensure_object("spec");
    spec.set("clusterIP", arena.copy(address));
    Value addresses = spec.ensure_list("clusterIPs");
    addresses.push(arena.copy(address));
    spec.set("type", "ClusterIP");
    Value port = Value::object(arena);
    port.set("name", "https");
    port.set("protocol", "TCP");
    port.set("port", 443);
    port.set("targetPort", static_cast<int64_t>(options.port));
    spec.ensure_list("ports").push(port);
  }));
  return {};
}

}  // namespace sampan::apiserver
