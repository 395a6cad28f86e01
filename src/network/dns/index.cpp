// Building the records of a service from it and its endpoint slices.
#include "network/dns/index.h"

#include <time.h>

#include <algorithm>
#include <mutex>

#include "api/core_v1.h"
#include "api/discovery_v1.h"
#include "base/text.h"

namespace sampan::network::dns {
namespace {

using api::core_v1::Service;
using api::discovery_v1::EndpointSlice;

std::string key_of(std::string_view name_space, std::string_view name) { return concat(name_space, "/", name); }

std::string dashed(const Address& address) {
  std::string text = address.text();
  for (char& c : text)
    if (c == '.' || c == ':') c = '-';
  return text;
}

void add_endpoints(const EndpointSlice& slice, std::vector<EndpointRecord>& out) {
  std::vector<PortRecord> ports;
  for (auto port : slice.ports())
    if (port.port()) ports.push_back({std::string(port.name().value_or("")), to_lower(port.protocol().value_or("TCP")), static_cast<uint16_t>(*port.port())});
  for (auto endpoint : slice.endpoints()) {
    if (!endpoint.conditions().ready().value_or(true)) continue;
    for (std::string_view text : endpoint.addresses()) {
      std::optional<Address> address = parse_address(text);
      if (!address) continue;
      std::string label = to_lower(endpoint.hostname().value_or(""));
      if (label.empty()) label = dashed(*address);
      // One that moves between slices is in both for a while.
      auto same = [&](const EndpointRecord& one) { return one.address == *address && one.label == label; };
      auto before = std::find_if(out.begin(), out.end(), same);
      if (before == out.end()) {
        out.push_back({std::move(label), *address, ports});
        continue;
      }
      for (const PortRecord& port : ports)
        if (std::none_of(before->ports.begin(), before->ports.end(), [&](const PortRecord& one) { return one.name == port.name && one.protocol == port.protocol; }))
          before->ports.push_back(port);
    }
  }
}

ServiceRecord record_of(const Service& service, const std::map<std::string, schema::ObjectRef, std::less<>>& slices) {
  ServiceRecord record;
  auto spec = service.spec();
  if (spec.type() == "ExternalName") {
    record.external_name = spec.external_name();
    return record;
  }
  record.headless = spec.cluster_ip() == "None";
  auto add_address = [&](std::string_view text) {
    if (std::optional<Address> address = parse_address(text)) record.addresses.push_back(*address);
  };
  for (std::string_view ip : spec.cluster_ips()) add_address(ip);
  if (spec.cluster_ips().empty()) add_address(spec.cluster_ip());
  for (auto port : spec.ports())
    record.ports.push_back({std::string(port.name()), to_lower(port.protocol().empty() ? std::string_view("TCP") : port.protocol()), static_cast<uint16_t>(port.port())});
  for (const auto& [name, slice] : slices) add_endpoints(slice->as<EndpointSlice>(), record.endpoints);
  return record;
}

}  // namespace

void Index::rebuild(const std::string& key, Entry& entry) {
  auto drop = [](auto& names, const std::string& address, const std::string& name) {
    auto found = names.find(address);
    if (found == names.end()) return;
    std::erase(found->second, name);
    if (found->second.empty()) names.erase(found);
  };
  for (const auto& [address, name] : entry.reverse) {
    drop(service_names_, address, name);
    drop(endpoint_names_, address, name);
  }
  entry.reverse.clear();
  entry.record = entry.service ? record_of(entry.service->as<Service>(), entry.slices) : ServiceRecord();
  std::string name = concat(key.substr(key.find('/') + 1), ".", key.substr(0, key.find('/')));
  for (const Address& address : entry.record.addresses) {
    service_names_[std::string(address.view())].push_back(name);
    entry.reverse.emplace_back(address.view(), name);
  }
  for (const EndpointRecord& endpoint : entry.record.endpoints) {
    std::string whole = concat(endpoint.label, ".", name);
    std::vector<std::string>& names = endpoint_names_[std::string(endpoint.address.view())];
    if (std::find(names.begin(), names.end(), whole) != names.end()) continue;
    names.push_back(whole);
    entry.reverse.emplace_back(endpoint.address.view(), std::move(whole));
  }
  serial_ = static_cast<uint32_t>(time(nullptr));
  if (!entry.service && entry.slices.empty()) entries_.erase(key);
}

void Index::set_service(std::string_view name_space, std::string_view name, schema::ObjectRef service) {
  std::unique_lock lock(mutex_);
  std::string key = key_of(name_space, name);
  Entry& entry = entry_of(key);
  entry.service = std::move(service);
  rebuild(key, entry);
}

void Index::set_slice(std::string_view name_space, std::string_view name, std::string_view service, schema::ObjectRef slice) {
  if (service.empty()) return;
  std::unique_lock lock(mutex_);
  std::string key = key_of(name_space, service);
  Entry& entry = entry_of(key);
  if (slice) entry.slices.insert_or_assign(std::string(name), std::move(slice));
  else if (auto found = entry.slices.find(name); found != entry.slices.end()) entry.slices.erase(found);
  rebuild(key, entry);
}

void Index::set_namespace(std::string_view name, bool exists) {
  std::unique_lock lock(mutex_);
  if (exists) namespaces_.emplace(name);
  else if (auto found = namespaces_.find(name); found != namespaces_.end()) namespaces_.erase(found);
}

const ServiceRecord* Index::service(std::string_view name_space, std::string_view name) const {
  char key[256];
  if (name_space.size() + name.size() + 1 > sizeof key) return nullptr;
  std::memcpy(key, name_space.data(), name_space.size());
  key[name_space.size()] = '/';
  std::memcpy(key + name_space.size() + 1, name.data(), name.size());
  auto found = entries_.find(std::string_view(key, name_space.size() + name.size() + 1));
  return found == entries_.end() || !found->second.service ? nullptr : &found->second.record;
}

const std::vector<std::string>* Index::names_of(const Address& address) const {
  auto found = service_names_.find(address.view());
  if (found != service_names_.end()) return &found->second;
  found = endpoint_names_.find(address.view());
  return found == endpoint_names_.end() ? nullptr : &found->second;
}

}  // namespace sampan::network::dns
