// EndpointSlice: a part of the addresses behind a service.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/core/service.h"
#include "registry/metadata.h"

namespace sampan::registry {

namespace endpoint_slice {

using schema::AnyView;

constexpr int kEndpointsMax = 1000, kAddressesMax = 100, kPortsMax = 20000, kTopologyMax = 16, kHintsMax = 8;

void defaults(Value object, std::string_view) {
  for (Value port : object["ports"].items()) {
    if (!port.is_object()) continue;
    if (port["name"].is_missing()) port.set("name", "");
    if (port["protocol"].is_missing()) port.set("protocol", "TCP");
  }
}

// Topology is read-only in v1: what was stored through older versions stays only while the endpoints are left alone.
void drop_topology(Value object) {
  for (Value endpoint : object["endpoints"].items()) endpoint.remove("deprecatedTopology");
}

void prepare_create(Value object, const CreateContext&) { drop_topology(object); }

void prepare_update(Value object, const Object& old, std::string_view) {
  // Labels count as a change too: they say whose slice it is.
  auto metadata = old["metadata"];
  if (!same_texts(object["metadata"]["labels"], metadata["labels"])) object["metadata"].set("generation", metadata["generation"].as_int() + 1);
  auto before = old["endpoints"];
  bool had_topology = false;
  for (uint32_t i = 0; i < before.size(); i++) had_topology |= before.item(i)["deprecatedTopology"].size() > 0;
  if (!had_topology || !object["endpoints"].equals(schema::thaw(before, object.arena()))) drop_topology(object);
}

void validate_address(const At& address, const At& list, std::string_view type) {
  FieldErrors& errors = address.errors();
  if (type == "FQDN") return require_fully_qualified_domain_name(errors, address.path(), address.text());
  bool v4 = type == "IPv4";
  if (!v4 && type != "IPv6") return;
  size_t before = errors.size();
  v4 ? require_legacy_ip(errors, address.path(), address.text()) : require_canonical_ip(errors, address.path(), address.text());
  if (errors.size() != before) return;
  auto ip = parse_ip(address.text());
  if (ip->is_v4() != v4) list.invalid(Shown(address.text()), v4 ? "must be an IPv4 address" : "must be an IPv6 address");
  core::require_ordinary_ip(errors, address.path(), address.text());
}

void validate_hint_names(const At& list, void (*form)(std::string_view, Complaints&)) {
  for (uint32_t i = 0; i < list.size(); i++) {
    At hint = list.item(i);
    At name = hint["name"];
    for (uint32_t j = 0; j < i; j++)
      if (list.value().item(j)["name"].as_string() == name.text()) {
        name.duplicate();
        break;
      }
    name.must_be(form);
  }
}

void validate_hints(const At& hints) {
  At zones = hints["forZones"], nodes = hints["forNodes"];
  if (zones.size() > kHintsMax) return hints.errors().too_many(zones.path(), zones.size(), kHintsMax);
  validate_hint_names(zones, check_label_value);
  if (nodes.size() > kHintsMax) return hints.errors().too_many(nodes.path(), nodes.size(), kHintsMax);
  validate_hint_names(nodes, check_dns1123_subdomain);
}

void validate_endpoint(const At& endpoint, std::string_view type) {
  FieldErrors& errors = endpoint.errors();
  At addresses = endpoint["addresses"];
  if (addresses.size() == 0)
    addresses.required("must contain at least 1 address");
  else if (addresses.size() > kAddressesMax)
    errors.too_many(addresses.path(), addresses.size(), kAddressesMax);
  for (uint32_t i = 0; i < addresses.size(); i++) validate_address(addresses.item(i), addresses, type);
  if (At node = endpoint["nodeName"]; node.present()) node.must_be(check_dns1123_subdomain);
  At topology = endpoint["deprecatedTopology"];
  if (topology.size() > kTopologyMax) errors.too_many(topology.path(), topology.size(), kTopologyMax);
  validate_labels(errors, topology.path(), topology.value());
  if (At host = endpoint["hostname"]; host.present()) host.must_be(check_dns1123_label);
  if (endpoint["hints"].present()) validate_hints(endpoint["hints"]);
}

void validate_endpoints(const Object& object, FieldErrors& errors) {
  Path root;
  At endpoints(object["endpoints"], root.child("endpoints"), errors);
  if (endpoints.size() > kEndpointsMax) return errors.too_many(endpoints.path(), endpoints.size(), kEndpointsMax);
  for (uint32_t i = 0; i < endpoints.size(); i++) validate_endpoint(endpoints.item(i), object["addressType"].as_string());
}

void validate_ports(const At& ports) {
  if (ports.size() > kPortsMax) return ports.errors().too_many(ports.path(), ports.size(), kPortsMax);
  std::vector<std::string_view> names;
  for (uint32_t i = 0; i < ports.size(); i++) {
    At port = ports.item(i);
    At name = port["name"], protocol = port["protocol"], app = port["appProtocol"];
    if (!name.empty()) name.must_be(check_dns1123_label);
    if (std::find(names.begin(), names.end(), name.text()) != names.end()) name.duplicate();
    names.push_back(name.text());
    if (!protocol.present())
      protocol.required();
    else
      protocol.one_of({"SCTP", "TCP", "UDP"});
    if (app.present()) app.must_be(check_qualified_name);
  }
}

void validate_frame(const Object& object, FieldErrors& errors) {
  Path root;
  At type(object["addressType"], root.child("addressType"), errors);
  if (type.empty())
    type.required();
  else
    type.one_of({"FQDN", "IPv4", "IPv6"});
  validate_ports(At(object["ports"], root.child("ports"), errors));
}

void validate(const Object& object, FieldErrors& errors) {
  validate_frame(object, errors);
  validate_endpoints(object, errors);
}

void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  validate_frame(object, errors);
  if (!object["endpoints"].equals(old["endpoints"])) validate_endpoints(object, errors);
  require_field_unchanged(errors, Path(), object.view(), old.view(), "addressType");
}

void warnings(const Object& object, const Object* old, Warnings& out) {
  if (!old && object["addressType"].as_string() == "FQDN") out.push_back("spec.addressType: FQDN endpoints are deprecated");
  auto manager = object["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"].as_string();
  if (manager == "endpointslice-controller.k8s.io" || manager == "endpointslicemirroring-controller.k8s.io") return;
  if (object["addressType"].as_string() == "FQDN") return;
  Path root("endpoints");
  auto endpoints = object["endpoints"];
  for (uint32_t i = 0; i < endpoints.size(); i++) {
    auto endpoint_path = root.index(i);
    auto list_path = endpoint_path.child("addresses");
    auto addresses = endpoints.item(i)["addresses"];
    for (uint32_t j = 0; j < addresses.size(); j++) warn_of_ip(list_path.index(j), addresses.item(j).as_string(), out);
  }
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"AddressType", "string", "",
     "addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice must be the same type. This "
     "field is immutable after creation. The following address types are currently supported: * IPv4: Represents an IPv4 Address. * IPv6: "
     "Represents an IPv6 Address. * FQDN: Represents a Fully Qualified Domain Name. (Deprecated) The EndpointSlice controller only "
     "generates, and kube-proxy only processes, slices of addressType \"IPv4\" and \"IPv6\". No semantics are defined for the \"FQDN\" "
     "type."},
    {"Ports", "string", "",
     "ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have a unique name. Each slice may "
     "include a maximum of 100 ports. Services always have at least 1 port, so EndpointSlices generated by the EndpointSlice controller "
     "will likewise always have at least 1 port. EndpointSlices used for other purposes may have an empty ports list."},
    {"Endpoints", "string", "",
     "endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000 endpoints."},
    kAgeColumn,
};

std::string few_or_unset(const std::vector<std::string>& all) { return all.empty() ? "<unset>" : first_few(all, 3); }

void row(const Object& object, Row& row) {
  std::vector<std::string> ports, addresses;
  auto port_list = object["ports"], endpoints = object["endpoints"];
  for (uint32_t i = 0; i < port_list.size(); i++) {
    auto number = port_list.item(i)["port"], name = port_list.item(i)["name"];
    ports.push_back(number.present() ? concat(number.as_int()) : name.present() ? std::string(name.as_string()) : "*");
  }
  for (uint32_t i = 0; i < endpoints.size(); i++)
    for (uint32_t j = 0; j < endpoints.item(i)["addresses"].size(); j++)
      addresses.emplace_back(endpoints.item(i)["addresses"].item(j).as_string());
  name_cell(object, row);
  row.text(object["addressType"].as_string());
  row.text(few_or_unset(ports));
  row.text(few_or_unset(addresses));
  age_cell(object, row);
}

}  // namespace endpoint_slice

extern const Rules kEndpointSliceRules{
    .group = "discovery.k8s.io",
    .kind = "EndpointSlice",
    .defaults = endpoint_slice::defaults,
    .prepare_create = endpoint_slice::prepare_create,
    .prepare_update = endpoint_slice::prepare_update,
    .validate = endpoint_slice::validate,
    .validate_update = endpoint_slice::validate_update,
    .warnings = endpoint_slice::warnings,
    .update_checks_metadata = false,
    .update_checks_whole = true,
    .columns = endpoint_slice::kColumns,
    .row = endpoint_slice::row,
};

}  // namespace sampan::registry
