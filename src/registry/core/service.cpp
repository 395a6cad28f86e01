// Service: a stable address in front of pods.
#include "registry/core/service.h"

#include "base/text.h"
#include "registry/addresses.h"
#include "registry/columns.h"
#include "registry/names.h"

namespace sampan::registry {

namespace core {

using schema::AnyView;

namespace {

constexpr int kAffinitySecondsDefault = 10800;

void default_affinity(Value spec) {
  if (spec["sessionAffinity"].as_string().empty()) spec.set("sessionAffinity", "None");
  auto affinity = spec["sessionAffinity"].as_string();
  if (affinity == "None") spec.remove("sessionAffinityConfig");
  if (affinity != "ClientIP" || !spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"].is_missing()) return;
  Value config = Value::object(spec.arena()), client = Value::object(spec.arena());
  client.set("timeoutSeconds", kAffinitySecondsDefault);
  config.set("clientIP", client);
  spec.set("sessionAffinityConfig", config);
}

void default_ports(Value spec) {
  for (Value port : spec["ports"].items()) {
    if (!port.is_object()) continue;
    if (port["protocol"].as_string().empty()) port.set("protocol", "TCP");
    Value target = port["targetPort"];
    bool empty = target.is_missing() || (target.is_int() && target.as_int() == 0) || (target.is_string() && target.as_string().empty());
    if (empty) port.set("targetPort", port["port"].as_int());
  }
}

void defaults(Value object, std::string_view) {
  Value spec = object.ensure_object("spec");
  default_affinity(spec);
  if (spec["type"].as_string().empty()) spec.set("type", "ClusterIP");
  auto type = spec["type"].as_string();
  default_ports(spec);
  bool external = type == "NodePort" || type == "LoadBalancer" || (type == "ClusterIP" && spec["externalIPs"].size() > 0);
  if (external && spec["externalTrafficPolicy"].as_string().empty()) spec.set("externalTrafficPolicy", "Cluster");
  bool inside = type == "NodePort" || type == "LoadBalancer" || type == "ClusterIP";
  if (inside && spec["internalTrafficPolicy"].is_missing()) spec.set("internalTrafficPolicy", "Cluster");
  if (type != "LoadBalancer") return;
  if (spec["allocateLoadBalancerNodePorts"].is_missing()) spec.set("allocateLoadBalancerNodePorts", true);
  for (Value ingress : object["status"]["loadBalancer"]["ingress"].items())
    if (ingress.is_object() && !ingress["ip"].as_string().empty() && ingress["ipMode"].is_missing()) ingress.set("ipMode", "VIP");
}

// ---- updates: what the new type has no use for, and the client has left as it was, goes ----

bool same_list(Value now, const AnyView& before) {
  if (now.size() != before.size()) return false;
  for (uint32_t i = 0; i < before.size(); i++)
    if (now.at(i).as_string() != before.item(i).as_string()) return false;
  return true;
}

bool has_node_ports(std::string_view type) { return type == "NodePort" || type == "LoadBalancer"; }

bool no_new_node_ports(Value now, const AnyView& before) {
  for (Value port : now.items()) {
    int64_t number = port["nodePort"].as_int();
    bool was_there = number == 0;
    for (uint32_t i = 0; i < before.size(); i++) was_there |= before.item(i)["nodePort"].as_int() == number;
    if (!was_there) return false;
  }
  return true;
}

void drop_addresses(Value spec, const AnyView& before) {
  if (spec["clusterIP"].as_string() == before["clusterIP"].as_string() && same_list(spec["clusterIPs"], before["clusterIPs"])) {
    spec.remove("clusterIP");
    spec.remove("clusterIPs");
  }
  if (same_list(spec["ipFamilies"], before["ipFamilies"])) spec.remove("ipFamilies");
  if (spec["ipFamilyPolicy"].as_string() == before["ipFamilyPolicy"].as_string()) spec.remove("ipFamilyPolicy");
}

void drop_load_balancer_fields(Value spec, const AnyView& before) {
  auto allocate = spec["allocateLoadBalancerNodePorts"];
  if (!allocate.is_missing() && before["allocateLoadBalancerNodePorts"].present() &&
      allocate.as_bool() == before["allocateLoadBalancerNodePorts"].as_bool())
    spec.remove("allocateLoadBalancerNodePorts");
  auto load_balancer_class = spec["loadBalancerClass"];
  if (load_balancer_class.is_missing() != before["loadBalancerClass"].present() &&
      load_balancer_class.as_string() == before["loadBalancerClass"].as_string())
    spec.remove("loadBalancerClass");
}

void prepare_update(Value object, const Object& old, std::string_view subresource) {
  if (!subresource.empty()) return;
  Value spec = object.ensure_object("spec");
  auto before = old["spec"];
  auto type = spec["type"].as_string(), old_type = before["type"].as_string();
  if (old_type != "ExternalName" && type == "ExternalName") drop_addresses(spec, before);
  if (has_node_ports(old_type) && !has_node_ports(type) && no_new_node_ports(spec["ports"], before["ports"]))
    for (Value port : spec["ports"].items()) port.remove("nodePort");
  bool needs_check = type == "LoadBalancer" && spec["externalTrafficPolicy"].as_string() == "Local";
  if (needs_health_check(old) && !needs_check && spec["healthCheckNodePort"].as_int() == before["healthCheckNodePort"].as_int())
    spec.remove("healthCheckNodePort");
  if (old_type == "LoadBalancer" && type != "LoadBalancer") drop_load_balancer_fields(spec, before);
  auto external = [](auto kind, size_t addresses) { return has_node_ports(kind) || (kind == "ClusterIP" && addresses > 0); };
  if (external(old_type, before["externalIPs"].size()) && !external(type, spec["externalIPs"].size()) &&
      spec["externalTrafficPolicy"].as_string() == before["externalTrafficPolicy"].as_string())
    spec.remove("externalTrafficPolicy");
  if (type != "LoadBalancer" && object["status"].is_object()) object["status"].set("loadBalancer", Value::object(object.arena()));
}

// ---- warnings ----

void warn_of_addresses(const AnyView& spec, Warnings& out) {
  Path root("spec");
  auto each = [&](std::string_view field, auto warn) {
    auto list = spec[field];
    auto path = root.child(field);
    for (uint32_t i = 0; i < list.size(); i++) warn(path.index(i), list.item(i).as_string(), out);
  };
  auto single = spec["clusterIP"].as_string();
  bool has_ip = !single.empty() && single != "None" && spec["type"].as_string() != "ExternalName";
  bool headless = spec["type"].as_string() == "ClusterIP" && single == "None";
  if (has_ip) each("clusterIPs", warn_of_ip);
  if (headless) {
    if (!spec["loadBalancerIP"].as_string().empty()) out.push_back("spec.loadBalancerIP is ignored for headless services");
    if (spec["externalIPs"].size() > 0) out.push_back("spec.externalIPs is ignored for headless services");
    if (spec["sessionAffinity"].as_string() != "None") out.push_back("spec.SessionAffinity is ignored for headless services");
  }
  each("externalIPs", warn_of_ip);
  if (spec["externalIPs"].size() > 0 && !headless && spec["type"].as_string() != "ExternalName")
    out.push_back("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  if (auto ip = spec["loadBalancerIP"].as_string(); !ip.empty()) warn_of_ip(root.child("loadBalancerIP"), ip, out);
  each("loadBalancerSourceRanges", warn_of_cidr);
}

void warnings(const Object& object, const Object*, Warnings& out) {
  constexpr std::string_view kHints = "service.kubernetes.io/topology-aware-hints";
  if (has_annotation(object, kHints))
    out.push_back(concat("annotation ", kHints, " is deprecated, please use service.kubernetes.io/topology-mode instead"));
  auto spec = object["spec"];
  warn_of_addresses(spec, out);
  bool external_name = spec["type"].as_string() == "ExternalName";
  if (external_name && spec["externalIPs"].size() > 0) out.push_back("spec.externalIPs is ignored when spec.type is \"ExternalName\"");
  if (!external_name && !spec["externalName"].as_string().empty())
    out.push_back("spec.externalName is ignored when spec.type is not \"ExternalName\"");
  if (spec["trafficDistribution"].as_string() == "PreferClose")
    out.push_back("spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"");
}

// ---- the table ----

constexpr Column kColumns[] = {
    kNameColumn,
    {"Type", "string", "",
     "type determines how the Service is exposed. Defaults to ClusterIP. Valid options are ExternalName, ClusterIP, NodePort, and "
     "LoadBalancer. \"ClusterIP\" allocates a cluster-internal IP address for load-balancing to endpoints. Endpoints are determined by "
     "the selector or if that is not specified, by manual construction of an Endpoints object or EndpointSlice objects. If clusterIP is "
     "\"None\", no virtual IP is allocated and the endpoints are published as a set of endpoints rather than a virtual IP. \"NodePort\" "
     "builds on ClusterIP and allocates a port on every node which routes to the same endpoints as the clusterIP. \"LoadBalancer\" builds "
     "on NodePort and creates an external load-balancer (if supported in the current cloud) which routes to the same endpoints as the "
     "clusterIP. \"ExternalName\" aliases this service to the specified externalName. Several other fields do not apply to ExternalName "
     "services. More info: https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types"},
    {"Cluster-IP", "string", "",
     "clusterIP is the IP address of the service and is usually assigned randomly. If an address is specified manually, is in-range (as "
     "per system configuration), and is not in use, it will be allocated to the service; otherwise creation of the service will fail. "
     "This field may not be changed through updates unless the type field is also being changed to ExternalName (which requires this "
     "field to be blank) or the type field is being changed from ExternalName (in which case this field may optionally be specified, as "
     "describe above).  Valid values are \"None\", empty string (\"\"), or a valid IP address. Setting this to \"None\" makes a "
     "\"headless service\" (no virtual IP), which is useful when direct endpoint connections are preferred and proxying is not required.  "
     "Only applies to types ClusterIP, NodePort, and LoadBalancer. If this field is specified when creating a Service of type "
     "ExternalName, creation will fail. This field will be wiped when updating a Service to type ExternalName. More info: "
     "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies"},
    {"External-IP", "string", "",
     "externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for this service.  These IPs are not "
     "managed by Kubernetes.  The user is responsible for ensuring that traffic arrives at a node with this IP.  A common example is "
     "external load-balancers that are not part of the Kubernetes system."},
    {"Port(s)", "string", "",
     "The list of ports that are exposed by this service. More info: "
     "https://kubernetes.io/docs/concepts/services-networking/service/#virtual-ips-and-service-proxies"},
    kAgeColumn,
    {"Selector", "string", "",
     "Route service traffic to pods with label keys and values matching this selector. If empty or not present, the service is assumed to "
     "have an external process managing its endpoints, which Kubernetes will not modify. Only applies to types ClusterIP, NodePort, and "
     "LoadBalancer. Ignored if type is ExternalName. More info: https://kubernetes.io/docs/concepts/services-networking/service/", 1},
};

std::vector<std::string> balancer_addresses(const AnyView& status) {
  std::vector<std::string> out;
  auto ingress = status["loadBalancer"]["ingress"];
  for (uint32_t i = 0; i < ingress.size(); i++) {
    auto ip = ingress.item(i)["ip"].as_string(), host = ingress.item(i)["hostname"].as_string();
    if (!ip.empty() || !host.empty()) out.emplace_back(ip.empty() ? host : ip);
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::string external_address(const Object& object) {
  auto spec = object["spec"];
  auto type = spec["type"].as_string();
  if (type == "ExternalName") return std::string(spec["externalName"].as_string());
  auto external = joined(spec["externalIPs"], ",");
  if (type == "ClusterIP" || type == "NodePort") return external.empty() ? "<none>" : external;
  if (type != "LoadBalancer") return "<unknown>";
  auto out = join(balancer_addresses(object["status"]), ",");
  if (!external.empty()) append(out, out.empty() ? "" : ",", external);
  return out.empty() ? "<pending>" : out;
}

std::string ports_text(const AnyView& ports) {
  std::string out;
  for (uint32_t i = 0; i < ports.size(); i++) {
    auto port = ports.item(i);
    append(out, i ? "," : "", port["port"].as_int());
    if (auto node_port = port["nodePort"].as_int(); node_port > 0) append(out, ":", node_port);
    append(out, "/", port["protocol"].as_string());
  }
  return out.empty() ? "<none>" : out;
}

void row(const Object& object, Row& row) {
  auto spec = object["spec"];
  name_cell(object, row);
  row.text(spec["type"].as_string());
  row.text(spec["clusterIPs"].size() > 0 ? spec["clusterIPs"].item(0).as_string() : "<none>");
  row.text(external_address(object));
  row.text(ports_text(spec["ports"]));
  age_cell(object, row);
  row.text(format_labels(spec["selector"]));
}

constexpr FieldLabel kFieldLabels[] = {
    {"spec.clusterIP", [](const Object& object) { return std::string(object["spec"]["clusterIP"].as_string()); }},
    {"spec.type", [](const Object& object) { return std::string(object["spec"]["type"].as_string()); }},
};

}  // namespace
}  // namespace core

extern const Rules kServiceRules{
    .group = "",
    .kind = "Service",
    .defaults = core::defaults,
    .prepare_update = core::prepare_update,
    .validate = core::validate_service_create,
    .validate_update = core::validate_service_update,
    .validate_subresource = core::validate_service_status,
    .warnings = core::warnings,
    .validate_name = name_is_dns_label,
    .columns = core::kColumns,
    .row = core::row,
    .field_labels = core::kFieldLabels,
    .has_generation = false,
    .create_on_update = true,
    .returns_deleted_object = true,
};

}  // namespace sampan::registry
