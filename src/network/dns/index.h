// What the cluster's objects mean in DNS: services and their endpoints by name, names by address, namespaces. Kept by the changes; readers hold
// the lock shared for as long as they look.
#pragma once
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "network/address.h"
#include "schema/object.h"

namespace sampan::network::dns {

struct PortRecord {
  std::string name;      // may be empty
  std::string protocol;  // lower case
  uint16_t port;
};

struct EndpointRecord {
  std::string label;  // its hostname, or its address with dashes
  Address address;
  std::vector<PortRecord> ports;
};

struct ServiceRecord {
  bool headless = false;
  std::string external_name;  // ExternalName: nothing else is set
  std::vector<Address> addresses;  // cluster IPs
  std::vector<PortRecord> ports;
  std::vector<EndpointRecord> endpoints;  // ready ones
};

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

class Index {
 public:
  // Null removes.
  void set_service(std::string_view name_space, std::string_view name, schema::ObjectRef service);
  void set_slice(std::string_view name_space, std::string_view name, std::string_view service, schema::ObjectRef slice);
  void set_namespace(std::string_view name, bool exists);

  std::shared_mutex& mutex() const { return mutex_; }
  // Under the mutex:
  const ServiceRecord* service(std::string_view name_space, std::string_view name) const;
  bool has_namespace(std::string_view name) const { return namespaces_.contains(name); }
  // "label.service.namespace" or "service.namespace": what an address is called. Null if nothing.
  const std::vector<std::string>* names_of(const Address& address) const;
  uint32_t serial() const { return serial_; }

 private:
  struct Entry {
    schema::ObjectRef service;
    std::map<std::string, schema::ObjectRef, std::less<>> slices;
    ServiceRecord record;
    std::vector<std::pair<std::string, std::string>> reverse;  // address bytes, name
  };
  void rebuild(const std::string& key, Entry& entry);
  Entry& entry_of(const std::string& key) { return entries_[key]; }

  mutable std::shared_mutex mutex_;
  std::unordered_map<std::string, Entry, StringHash, std::equal_to<>> entries_;  // "namespace/name"
  std::unordered_map<std::string, std::vector<std::string>, StringHash, std::equal_to<>> service_names_, endpoint_names_;
  std::unordered_set<std::string, StringHash, std::equal_to<>> namespaces_;
  uint32_t serial_ = 1;
};

}  // namespace sampan::network::dns
