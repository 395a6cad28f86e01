#include "controllers/endpoint_subsets.h"

#include <map>

#include "base/text.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

using schema::AnyView;
using schema::Value;

constexpr size_t kAddressesMax = 1000;

using AddressKey = std::pair<std::string, std::string>;  // address, uid of the target
using Readiness = std::map<AddressKey, bool>;

AddressKey key_of(const SubsetAddress& address) { return {address.ip, address.target ? address.target->uid : ""}; }

std::vector<SubsetAddress> addresses_in(const AnyView& list) {
  std::vector<SubsetAddress> addresses;
  for (AnyView item : each(list)) {
    SubsetAddress& address = addresses.emplace_back();
    address.ip = item["ip"].as_string();
    address.host_name = item["hostname"].as_string();
    if (auto node = item["nodeName"]; node.present()) address.node_name = std::string(node.as_string());
    address.target = target_of(item["targetRef"]);
  }
  return addresses;
}

Value write_addresses(Arena& arena, const std::vector<SubsetAddress>& addresses) {
  Value list = Value::list(arena);
  for (const auto& address : addresses) {
    Value item = tree_of(arena, {{"ip", text_in(arena, address.ip)}});
    if (!address.host_name.empty()) item.set("hostname", text_in(arena, address.host_name));
    if (address.node_name) item.set("nodeName", text_in(arena, *address.node_name));
    if (address.target) item.set("targetRef", target_tree(arena, *address.target));
    list.push(item);
  }
  return list;
}

}  // namespace

bool SubsetAddress::operator==(const SubsetAddress& other) const {
  return ip == other.ip && host_name == other.host_name && node_name == other.node_name &&
         target.has_value() == other.target.has_value() && (!target || target->same_as(*other.target));
}

std::vector<Subset> subsets_in(const schema::AnyView& subsets) {
  std::vector<Subset> result;
  for (AnyView item : each(subsets)) {
    Subset& subset = result.emplace_back();
    subset.ready = addresses_in(item["addresses"]);
    subset.not_ready = addresses_in(item["notReadyAddresses"]);
    for (AnyView view : each(item["ports"])) {
      SubsetPort& port = subset.ports.emplace_back();
      port.name = view["name"].as_string();
      port.protocol = view["protocol"].as_string();
      port.port = static_cast<int32_t>(view["port"].as_int());
      if (auto protocol = view["appProtocol"]; protocol.present()) port.app_protocol = std::string(protocol.as_string());
    }
  }
  return result;
}

std::vector<Subset> repack(const std::vector<Subset>& subsets) {
  std::map<AddressKey, SubsetAddress> addresses;
  std::map<std::optional<SubsetPort>, Readiness> by_port;  // no port: of subsets that have none
  for (const Subset& subset : subsets) {
    auto add = [&](const SubsetAddress& address, bool ready, const std::optional<SubsetPort>& port) {
      auto key = key_of(address);
      addresses.emplace(key, address);
      auto [found, is_new] = by_port[port].try_emplace(key, ready);
      found->second &= ready;
    };
    auto add_all = [&](const std::optional<SubsetPort>& port) {
      for (const auto& address : subset.ready) add(address, true, port);
      for (const auto& address : subset.not_ready) add(address, false, port);
    };
    if (subset.ports.empty()) add_all({});
    for (const auto& port : subset.ports) add_all(port);
  }
  std::map<Readiness, std::vector<SubsetPort>> ports_of;
  for (const auto& [port, readiness] : by_port) {
    auto& ports = ports_of[readiness];
    if (port) ports.push_back(*port);
  }
  std::map<std::vector<SubsetPort>, const Readiness*> ordered;
  for (const auto& [readiness, ports] : ports_of) ordered.emplace(ports, &readiness);
  std::vector<Subset> result;
  for (const auto& [ports, readiness] : ordered) {
    Subset& subset = result.emplace_back();
    subset.ports = ports;
    for (const auto& [key, ready] : *readiness) (ready ? subset.ready : subset.not_ready).push_back(addresses.at(key));
  }
  return result;
}

bool truncate(std::vector<Subset>& subsets) {
  size_t ready = 0, not_ready = 0;
  for (const Subset& subset : subsets) ready += subset.ready.size(), not_ready += subset.not_ready.size();
  if (ready + not_ready <= kAddressesMax) return false;
  bool too_many_ready = ready > kAddressesMax;
  size_t room = too_many_ready ? kAddressesMax : kAddressesMax - ready, left = room;
  size_t total = too_many_ready ? ready : not_ready;
  for (Subset& subset : subsets) {
    auto& list = too_many_ready ? subset.ready : subset.not_ready;
    // Each subset its share, rounded up: the last ones may get less.
    size_t share = std::min((list.size() * room + total - 1) / total, left);
    if (list.size() > share) list.resize(share);
    left -= list.size();
    if (too_many_ready) subset.not_ready.clear();
  }
  return true;
}

schema::Value write_subsets(Arena& arena, const std::vector<Subset>& subsets) {
  Value list = Value::list(arena);
  for (const Subset& subset : subsets) {
    Value item = Value::object(arena), ports = Value::list(arena);
    if (!subset.ready.empty()) item.set("addresses", write_addresses(arena, subset.ready));
    if (!subset.not_ready.empty()) item.set("notReadyAddresses", write_addresses(arena, subset.not_ready));
    for (const auto& port : subset.ports) {
      Value added = tree_of(arena, {{"port", static_cast<int64_t>(port.port)}, {"protocol", text_in(arena, port.protocol)}});
      if (!port.name.empty()) added.set("name", text_in(arena, port.name));
      if (port.app_protocol) added.set("appProtocol", text_in(arena, *port.app_protocol));
      ports.push(added);
    }
    if (!ports.empty()) item.set("ports", ports);
    list.push(item);
  }
  return list;
}

}  // namespace sampan::controllers
