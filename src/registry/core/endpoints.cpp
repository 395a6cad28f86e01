// Endpoints: the old, single-object list of the addresses behind a service. EndpointSlices replace it.
#include "base/text.h"
#include "registry/addresses.h"
#include "registry/at.h"
#include "registry/columns.h"
#include "registry/core/service.h"

namespace sampan::registry {

namespace core_endpoints {

using schema::AnyView;

void defaults(Value object, std::string_view) {
  for (Value subset : object["subsets"].items())
    for (Value port : subset["ports"].items())
      if (port.is_object() && port["protocol"].as_string().empty()) port.set("protocol", "TCP");
}

void validate_addresses(const At& addresses) {
  for (uint32_t i = 0; i < addresses.size(); i++) {
    At address = addresses.item(i);
    At ip = address["ip"], host = address["hostname"], node = address["nodeName"];
    require_legacy_ip(ip.errors(), ip.path(), ip.text());
    if (!host.empty()) host.must_be(check_dns1123_label);
    if (node.present()) node.must_be(check_dns1123_subdomain);
    core::require_ordinary_ip(ip.errors(), ip.path(), ip.text());
  }
}

void validate_port(const At& port, bool name_needed) {
  if (At name = port["name"]; !name.empty())
    name.must_be(check_dns1123_label);
  else if (name_needed)
    name.required();
  Complaints complaints;
  auto number = port["port"].number();
  check_port_number(number, complaints);
  for (const auto& complaint : complaints) port["port"].invalid(number, complaint);
  if (At protocol = port["protocol"]; protocol.empty())
    protocol.required();
  else
    protocol.one_of({"SCTP", "TCP", "UDP"});
  if (At app = port["appProtocol"]; app.present()) app.must_be(check_qualified_name);
}

void validate(const Object& object, FieldErrors& errors) {
  Path path("subsets");
  At subsets(object["subsets"], path, errors);
  for (uint32_t i = 0; i < subsets.size(); i++) {
    At subset = subsets.item(i);
    At ready = subset["addresses"], not_ready = subset["notReadyAddresses"], ports = subset["ports"];
    if (ready.size() == 0 && not_ready.size() == 0) subset.required("must specify `addresses` or `notReadyAddresses`");
    validate_addresses(ready);
    validate_addresses(not_ready);
    for (uint32_t j = 0; j < ports.size(); j++) validate_port(ports.item(j), ports.size() > 1);
  }
}

// What was stored before a rule was made stays writable as long as it is left alone.
void validate_update(const Object& object, const Object& old, FieldErrors& errors) {
  if (!object["subsets"].equals(old["subsets"])) validate(object, errors);
}

void warnings(const Object& object, const Object*, Warnings& out) {
  if (object["metadata"]["labels"]["endpoints.kubernetes.io/managed-by"].as_string() == "endpoint-controller") return;
  Path root("subsets");
  auto subsets = object["subsets"];
  for (uint32_t i = 0; i < subsets.size(); i++) {
    auto subset_path = root.index(i);
    for (auto field : {"addresses", "notReadyAddresses"}) {
      auto list = subsets.item(i)[field];
      auto list_path = subset_path.child(field);
      for (uint32_t j = 0; j < list.size(); j++) warn_of_ip(list_path.index(j).child("ip"), list.item(j)["ip"].as_string(), out);
    }
  }
}

constexpr Column kColumns[] = {
    kNameColumn,
    {"Endpoints", "string", "",
     "The set of all endpoints is the union of all subsets. Addresses are placed into subsets according to the IPs they share. A single "
     "address with multiple ports, some of which are ready and some of which are not (because they come from different containers) will "
     "result in the address being displayed in different subsets for the different ports. No address will appear in both Addresses and "
     "NotReadyAddresses in the same subset. Sets of addresses and ports that comprise a service."},
    kAgeColumn,
};

std::string host_and_port(std::string_view host, int64_t port) {
  return host.find(':') == std::string_view::npos ? concat(host, ":", port) : concat("[", host, "]:", port);
}

std::string addresses_text(const AnyView& subsets) {
  if (subsets.size() == 0) return "<none>";
  std::vector<std::string> all;
  for (uint32_t i = 0; i < subsets.size(); i++) {
    auto addresses = subsets.item(i)["addresses"], ports = subsets.item(i)["ports"];
    // Headless services may have no ports.
    if (ports.size() == 0)
      for (uint32_t j = 0; j < addresses.size(); j++) all.emplace_back(addresses.item(j)["ip"].as_string());
    for (uint32_t p = 0; p < ports.size(); p++)
      for (uint32_t j = 0; j < addresses.size(); j++)
        all.push_back(host_and_port(addresses.item(j)["ip"].as_string(), ports.item(p)["port"].as_int()));
  }
  return first_few(all, 3);
}

void row(const Object& object, Row& row) {
  name_cell(object, row);
  row.text(addresses_text(object["subsets"]));
  age_cell(object, row);
}

}  // namespace core_endpoints

extern const Rules kEndpointsRules{
    .group = "",
    .kind = "Endpoints",
    .defaults = core_endpoints::defaults,
    .validate = core_endpoints::validate,
    .validate_update = core_endpoints::validate_update,
    .warnings = core_endpoints::warnings,
    .deprecation = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
    .update_checks_whole = true,
    .columns = core_endpoints::kColumns,
    .row = core_endpoints::row,
    .has_generation = false,
    .create_on_update = true,
};

}  // namespace sampan::registry
