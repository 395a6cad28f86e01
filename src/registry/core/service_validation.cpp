// What a Service must be.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/core/service.h"
#include "registry/names.h"

namespace sampan::registry::core {

using schema::AnyView;

bool is_headless_service(const Object& service) {
  auto ips = service["spec"]["clusterIPs"];
  return ips.size() == 1 && ips.item(0).as_string() == "None";
}

bool needs_health_check(const Object& service) {
  auto spec = service["spec"];
  return spec["type"].as_string() == "LoadBalancer" && spec["externalTrafficPolicy"].as_string() == "Local";
}

namespace {

bool is_externally_accessible(const AnyView& spec) {
  auto type = spec["type"].as_string();
  return type == "LoadBalancer" || type == "NodePort" || (type == "ClusterIP" && spec["externalIPs"].size() > 0);
}

}  // namespace

void require_ordinary_ip(FieldErrors& errors, const Path& path, std::string_view value) {
  auto ip = parse_ip(value);
  if (!ip) return errors.invalid(path, value, "must be a valid IP address");
  if (ip->is_unspecified()) errors.invalid(path, value, concat("may not be unspecified (", value, ")"));
  if (ip->is_loopback()) errors.invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
  if (ip->is_link_local_unicast()) errors.invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
  if (ip->is_link_local_multicast())
    errors.invalid(path, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
}

void require_port_number_or_name(FieldErrors& errors, const Path& path, const AnyView& value) {
  Complaints complaints;
  auto port = value.present() ? value.as_int_or_string() : schema::IntOrString();
  if (port.is_string)
    check_port_name(port.text, complaints);
  else
    check_port_number(port.number, complaints);
  for (const auto& complaint : complaints) {
    if (port.is_string)
      errors.invalid(path, port.text, complaint);
    else
      errors.invalid(path, int64_t{port.number}, complaint);
  }
}

// ---- addresses and families ----

namespace {

void check_ip_families(const At& spec) {
  At families = spec["ipFamilies"];
  for (uint32_t i = 0; i < families.size(); i++) {
    At family = families.item(i);
    family.one_of({"IPv4", "IPv6"});
    for (uint32_t j = 0; j < i; j++)
      if (families.value().item(j).as_string() == family.text()) {
        family.duplicate();
        break;
      }
  }
  if (At policy = spec["ipFamilyPolicy"]; policy.present()) policy.one_of({"PreferDualStack", "RequireDualStack", "SingleStack"});
}

// Whether the addresses are worth being compared with the families.
bool check_cluster_ip_texts(const At& ips, const AnyView& old_ips) {
  size_t before = ips.errors().size();
  bool good = true;
  for (uint32_t i = 0; i < ips.size(); i++) {
    At ip = ips.item(i);
    if (i == 0 && ip.text() == "None") {
      if (ips.size() > 1) {
        good = false;
        ips.invalid("'None' must be the first and only value");
      }
      continue;
    }
    before = ips.errors().size();
    require_legacy_ip(ips.errors(), ip.path(), ip.text(), old_ips);
    good &= ips.errors().size() == before;
  }
  if (ips.size() > 2) ips.invalid("may only hold up to 2 values");
  return good;
}

bool is_v6(std::string_view text) {
  auto ip = parse_ip(text);
  return ip && ip->is_v6();
}

}  // namespace

void validate_cluster_ips(const Object& service, const Object* old, FieldErrors& errors) {
  Path path("spec");
  At spec(service["spec"], path, errors);
  if (spec["type"].text() == "ExternalName") return;
  At ips = spec["clusterIPs"];
  auto single = spec["clusterIP"].text();
  if (single.empty()) {
    if (ips.size() > 0) ips.invalid("must be empty when `clusterIP` is not specified");
  } else if (ips.size() == 0) {
    ips.required();
  } else if (ips.item(0).text() != single) {
    ips.invalid("first value must match `clusterIP`");
  }
  check_ip_families(spec);
  if (!check_cluster_ip_texts(ips, old ? (*old)["spec"]["clusterIPs"] : AnyView())) return;
  if (ips.size() > 1) {
    bool v4 = false, v6 = false;
    for (uint32_t i = 0; i < ips.size(); i++) (is_v6(ips.item(i).text()) ? v6 : v4) = true;
    if (!v4 || !v6) ips.invalid("may specify no more than one IP for each IP family");
  }
  if (is_headless_service(service)) return;
  auto families = spec["ipFamilies"].value();
  for (uint32_t i = 0; i < ips.size() && i < families.size(); i++) {
    At ip = ips.item(i);
    auto family = families.item(i).as_string();
    if ((family == "IPv4" && is_v6(ip.text())) || (family == "IPv6" && !is_v6(ip.text())))
      errors.invalid(ip.path(), ip.text(), concat("expected an ", family, " value as indicated by `ipFamilies[", i, "]`"));
  }
}

// ---- ports ----

namespace {

void validate_port(const At& port, bool name_needed, const AnyView& ports, uint32_t index) {
  At name = port["name"];
  if (name.empty()) {
    if (name_needed) name.required();
  } else {
    name.must_be(check_dns1123_label);
    for (uint32_t i = 0; i < index; i++)
      if (ports.item(i)["name"].as_string() == name.text()) {
        name.duplicate();
        break;
      }
  }
  Complaints complaints;
  auto number = port["port"].number();
  check_port_number(number, complaints);
  for (const auto& complaint : complaints) port["port"].invalid(number, complaint);
  if (At protocol = port["protocol"]; protocol.empty())
    protocol.required();
  else
    protocol.one_of({"SCTP", "TCP", "UDP"});
  At target = port["targetPort"];
  require_port_number_or_name(port.errors(), target.path(), target.value());
  if (At app = port["appProtocol"]; app.present()) app.must_be(check_qualified_name);
}

bool same(const AnyView& a, const AnyView& b, std::string_view number) {
  return a["protocol"].as_string() == b["protocol"].as_string() && a[number].as_int() == b[number].as_int();
}

void validate_ports(const At& spec) {
  At ports = spec["ports"];
  bool only_inside = spec["type"].text() == "ClusterIP";
  for (uint32_t i = 0; i < ports.size(); i++) {
    At port = ports.item(i);
    validate_port(port, ports.size() > 1, ports.value(), i);
    bool has_node_port = port["nodePort"].number() != 0;
    if (has_node_port && only_inside) port["nodePort"].forbidden("may not be used when `type` is 'ClusterIP'");
    bool node_port_twice = false, twice = false;
    for (uint32_t j = 0; j < i; j++) {
      node_port_twice |= has_node_port && same(ports.value().item(j), port.value(), "nodePort");
      twice |= same(ports.value().item(j), port.value(), "port");
    }
    if (node_port_twice) port["nodePort"].duplicate();
    if (twice)
      spec.errors().duplicate(port.path(), Shown::raw(concat("{\"Name\":\"\",\"Protocol\":", quoted(port["protocol"].text()), ",\"AppProtocol\":null,\"Port\":",
                                                             port["port"].number(), ",\"TargetPort\":0,\"NodePort\":0}")));
  }
}

// ---- the rest ----

void validate_type(const Object& service, const At& spec) {
  auto type = spec["type"].text();
  if (spec["ports"].size() == 0 && !is_headless_service(service) && type != "ExternalName") spec["ports"].required();
  if (type == "LoadBalancer" || type == "NodePort") {
    if (is_headless_service(service))
      spec.errors().invalid(spec.path().child("clusterIPs").index(0), "None", concat("may not be set to 'None' for ", type, " services"));
  } else if (type == "ExternalName") {
    if (spec["clusterIPs"].size() > 0) spec["clusterIPs"].forbidden("may not be set for ExternalName services");
    if (spec["ipFamilies"].size() > 0) spec["ipFamilies"].forbidden("may not be set for ExternalName services");
    if (spec["ipFamilyPolicy"].present()) spec["ipFamilyPolicy"].forbidden("may not be set for ExternalName services");
    auto name = spec["externalName"].text();
    if (name.ends_with('.')) name.remove_suffix(1);
    if (name.empty())
      spec["externalName"].required();
    else
      require_dns1123_subdomain(spec.errors(), spec.path().child("externalName"), name);
  }
}

void validate_affinity(const At& spec) {
  At affinity = spec["sessionAffinity"], config = spec["sessionAffinityConfig"];
  if (affinity.empty())
    affinity.required();
  else
    affinity.one_of({"ClientIP", "None"});
  if (affinity.text() == "None" && config.present()) config.forbidden("must not be set when session affinity is None");
  if (affinity.text() != "ClientIP") return;
  constexpr std::string_view kWhen = "when session affinity type is ClientIP";
  if (!config.present()) return config.required(kWhen);
  At client = config["clientIP"];
  if (!client.present()) return client.required(kWhen);
  At timeout = client["timeoutSeconds"];
  if (!timeout.present()) return timeout.required(kWhen);
  constexpr int kSecondsMax = 86400;
  if (timeout.number() <= 0 || timeout.number() > kSecondsMax) timeout.invalid(concat("must be greater than 0 and less than ", kSecondsMax));
}

constexpr std::string_view kSourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";

bool was_source_range(const Object* old, std::string_view value) {
  if (!old) return false;
  auto ranges = (*old)["spec"]["loadBalancerSourceRanges"];
  for (uint32_t i = 0; i < ranges.size(); i++)
    if (trim(ranges.item(i).as_string()) == value) return true;
  return false;
}

void validate_source_ranges(const Object& service, const Object* old, const At& spec) {
  FieldErrors& errors = spec.errors();
  bool load_balancer = spec["type"].text() == "LoadBalancer";
  constexpr std::string_view kOnlyThere = "may only be used when `type` is 'LoadBalancer'";
  auto ranges = spec["loadBalancerSourceRanges"].value();
  if (ranges.size() > 0) {
    auto path = spec.path().child("LoadBalancerSourceRanges");  // the capital is upstream's
    if (!load_balancer) errors.forbidden(path, kOnlyThere);
    for (uint32_t i = 0; i < ranges.size(); i++)
      if (auto value = trim(ranges.item(i).as_string()); !was_source_range(old, value)) require_legacy_cidr(errors, path.index(i), value);
    return;
  }
  if (!has_annotation(service, kSourceRanges)) return;
  Path metadata("metadata");
  auto annotations = metadata.child("annotations");
  auto path = annotations.key(kSourceRanges);
  if (!load_balancer) errors.forbidden(path, kOnlyThere);
  auto text = annotation_of(service, kSourceRanges);
  if (old && has_annotation(*old, kSourceRanges) && annotation_of(*old, kSourceRanges) == text) return;
  if (trim(text).empty()) return;
  for (auto value : split(trim(text), ',')) require_legacy_cidr(errors, path, trim(value));
}

void validate_load_balancer_class(const At& spec) {
  At value = spec["loadBalancerClass"];
  if (!value.present()) return;
  if (spec["type"].text() == "LoadBalancer")
    value.must_be(check_qualified_name);
  else
    value.forbidden("may only be used when `type` is 'LoadBalancer'");
}

void validate_traffic_policies(const Object& service, const At& spec) {
  At external = spec["externalTrafficPolicy"], port = spec["healthCheckNodePort"], internal = spec["internalTrafficPolicy"];
  if (!is_externally_accessible(spec.value())) {
    if (!external.empty()) external.invalid("may only be set for externally-accessible services");
  } else if (external.empty()) {
    external.required();
  } else {
    external.one_of({"Cluster", "Local"});
  }
  if (!needs_health_check(service)) {
    if (port.number() != 0) port.invalid("may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'");
  } else if (port.number() == 0) {
    port.required();
  } else {
    Complaints complaints;
    check_port_number(port.number(), complaints);
    for (const auto& complaint : complaints) port.invalid(complaint);
  }
  auto type = spec["type"].text();
  if (internal.present())
    internal.one_of({"Cluster", "Local"});
  else if (type == "NodePort" || type == "LoadBalancer" || type == "ClusterIP")
    internal.required();
  if (At distribution = spec["trafficDistribution"]; distribution.present())
    distribution.one_of({"PreferClose", "PreferSameZone", "PreferSameNode"});
}

void validate_topology_annotations(const Object& service, FieldErrors& errors) {
  constexpr std::string_view kHints = "service.kubernetes.io/topology-aware-hints", kMode = "service.kubernetes.io/topology-mode";
  if (!has_annotation(service, kHints) || !has_annotation(service, kMode)) return;
  auto mode = annotation_of(service, kMode);
  if (mode != annotation_of(service, kHints))
    errors.invalid(Path("metadata").child("annotations").key(kMode), mode, concat("must match annotations[", kHints, "] when both are specified"));
}

}  // namespace

void validate_service(const Object& service, const Object* old, FieldErrors& errors) {
  Path path("spec");
  At spec(service["spec"], path, errors);
  validate_topology_annotations(service, errors);
  validate_type(service, spec);
  validate_ports(spec);
  validate_labels(errors, spec.path().child("selector"), spec["selector"].value());
  validate_affinity(spec);
  validate_cluster_ips(service, old, errors);
  At external = spec["externalIPs"];
  for (uint32_t i = 0; i < external.size(); i++) {
    At ip = external.item(i);
    size_t before = errors.size();
    require_legacy_ip(errors, ip.path(), ip.text(), old ? (*old)["spec"]["externalIPs"] : AnyView());
    if (errors.size() == before) require_ordinary_ip(errors, ip.path(), ip.text());
  }
  if (At type = spec["type"]; type.empty())
    type.required();
  else
    type.one_of({"ClusterIP", "ExternalName", "LoadBalancer", "NodePort"});
  validate_source_ranges(service, old, spec);
  bool load_balancer = spec["type"].text() == "LoadBalancer";
  bool has_allocate = spec["allocateLoadBalancerNodePorts"].present();
  if (has_allocate && !load_balancer) spec["allocateLoadBalancerNodePorts"].forbidden("may only be used when `type` is 'LoadBalancer'");
  if (!has_allocate && load_balancer) errors.required(Path("allocateLoadBalancerNodePorts"), "");
  validate_load_balancer_class(spec);
  validate_traffic_policies(service, spec);
}

void validate_service_create(const Object& service, FieldErrors& errors) { validate_service(service, nullptr, errors); }

// ---- updates ----

namespace {

bool same_item(const AnyView& a, const AnyView& b, uint32_t i) { return a.item(i).as_string() == b.item(i).as_string(); }

void validate_cluster_ips_change(const At& now, const AnyView& before) {
  auto spec_path = now.path();
  auto ips_path = spec_path.child("clusterIPs");
  auto ips = now["clusterIPs"].value(), old_ips = before["clusterIPs"];
  FieldErrors& errors = now.errors();
  if (ips.size() == old_ips.size()) {
    for (uint32_t i = 0; i < ips.size(); i++)
      if (!same_item(ips, old_ips, i)) errors.invalid(ips_path.index(i), ips, "may not change once set");
    return;
  }
  if (ips.size() == 0) errors.invalid(ips_path.index(0), ips, "primary clusterIP can not be unset");
  if (ips.size() > 0 && old_ips.size() > 0 && !same_item(ips, old_ips, 0)) errors.invalid(ips_path.index(0), ips, "may not change once set");
  if (old_ips.size() > ips.size() && ips.size() == 1 && now["ipFamilyPolicy"].text() != "SingleStack")
    now["ipFamilyPolicy"].invalid("must be set to 'SingleStack' when releasing the secondary clusterIP");
}

void validate_ip_families_change(const At& now, const AnyView& before) {
  auto spec_path = now.path();
  auto list_path = spec_path.child("ipFamilies");
  auto first = list_path.index(0);
  auto families = now["ipFamilies"].value(), old_families = before["ipFamilies"], ips = now["clusterIPs"].value();
  FieldErrors& errors = now.errors();
  if (families.size() == old_families.size()) {
    for (uint32_t i = 0; i < families.size(); i++)
      if (!same_item(families, old_families, i)) errors.invalid(first, families, "may not change once set");
    return;
  }
  bool fewer = families.size() < old_families.size();
  if (fewer && ips.size() == 0) errors.invalid(first, families, "primary ipFamily can not be unset");
  if (families.size() > 0 && old_families.size() > 0 && !same_item(families, old_families, 0))
    errors.invalid(first, ips, "may not change once set");
  if (fewer && families.size() == 1 && now["ipFamilyPolicy"].text() != "SingleStack")
    now["ipFamilyPolicy"].invalid("must be set to 'SingleStack' when releasing the secondary ipFamily");
}

}  // namespace

void validate_service_update(const Object& service, const Object& old, FieldErrors& errors) {
  Path path("spec");
  At now(service["spec"], path, errors);
  auto before = old["spec"];
  bool external = now["type"].text() == "ExternalName" || before["type"].as_string() == "ExternalName";
  bool headless = is_headless_service(service), was_headless = is_headless_service(old);
  if (!external && !(headless && was_headless)) validate_cluster_ips_change(now, before);
  if (!external && !headless && !was_headless) validate_ip_families_change(now, before);
  if (now["type"].text() == "LoadBalancer" && before["type"].as_string() == "LoadBalancer") {
    if (!now["loadBalancerClass"].value().equals(before["loadBalancerClass"])) now["loadBalancerClass"].invalid("may not change once set");
  }
  validate_load_balancer_class(now);
  if (needs_health_check(old) && needs_health_check(service) && now["healthCheckNodePort"].number() != before["healthCheckNodePort"].as_int())
    now["healthCheckNodePort"].forbidden("field is immutable");
  validate_service(service, &old, errors);
}

void validate_service_status(std::string_view, const Object& service, const Object& old, FieldErrors& errors) {
  Path root;
  At status(service["status"], root.child("status"), errors);
  At balancer = status["loadBalancer"];
  At ingress = balancer["ingress"];
  if (service["spec"]["type"].as_string() != "LoadBalancer" && ingress.size() > 0)
    return ingress.forbidden("may only be used when `spec.type` is 'LoadBalancer'");
  auto old_ingress = old["status"]["loadBalancer"]["ingress"];
  for (uint32_t i = 0; i < ingress.size(); i++) {
    At item = ingress.item(i);
    At ip = item["ip"], mode = item["ipMode"], host = item["hostname"];
    bool was_there = false;
    for (uint32_t j = 0; j < old_ingress.size(); j++) was_there |= old_ingress.item(j)["ip"].as_string() == ip.text();
    if (!ip.empty() && !was_there) require_legacy_ip(errors, ip.path(), ip.text());
    if (!mode.present()) {
      if (!ip.empty()) mode.required("must be specified when `ip` is set");
    } else if (ip.empty()) {
      mode.forbidden("may not be specified when `ip` is not set");
    } else {
      mode.one_of({"Proxy", "VIP"});
    }
    if (host.empty()) continue;
    host.must_be(check_dns1123_subdomain);
    if (parse_ip(host.text())) host.invalid("must be a DNS name, not an IP address");
  }
}

}  // namespace sampan::registry::core
