// What the kernel's maps hold for the services, and which elements a change of one service adds and removes. Pure: the kernel is reached by
// rules.cpp, which carries the changes there.
//
// A frontend (address, protocol, port) leads to the chain of an endpoint set, which picks one of the elements (set, 0..n-1) -> (address, port) of one
// map that all sets share. So an endpoint more is one element more and one rule changed, however many services there are.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "network/proxy/plan.h"

namespace sampan::network::proxy {

enum class Map : uint8_t {
  ServiceIps,       // frontend -> chain of its endpoint set
  InnerServiceIps,  // the same for what comes from the node and its pods, where that is treated otherwise: external traffic policy Local
  Masqueraded,      // frontends whose traffic gets the node's address
  ExternalLocal,    // frontends in InnerServiceIps
  NoEndpoints,      // frontend -> "drop" or "reject"
  Endpoints,        // endpoint set, index -> address, port
  ClusterIps,
  Hairpins,         // address, address, protocol, port of endpoints on this node
  Firewall,         // frontends that not everybody may reach
  FirewallSources,  // frontend, range of sources that may
  NodePortIps,
};
inline constexpr int kMaps = 11;

struct Operation {
  bool add;
  Map map;
  std::string key, key_end, data;  // key_end: of ranges; data: of verdict maps a chain, "drop" or "reject"
  bool operator==(const Operation&) const = default;
};

// The chain of an endpoint set: picks one of `count`, and lets clients keep theirs for a time if that is not 0.
struct SetChain {
  uint32_t id = 0, count = 0, affinity_seconds = 0;
  bool fresh = true;  // there was none before
};
std::string chain_name(uint32_t set);

struct Changes {
  std::vector<Operation> operations;   // in order
  std::vector<SetChain> chains;        // to be written
  std::vector<uint32_t> removed;       // endpoint sets whose chain is not needed any more
  std::vector<std::string> forgotten;  // (set, address, port) that clients must not stick to any more
  bool empty() const { return operations.empty() && chains.empty() && forgotten.empty(); }
};

class Ruleset {
 public:
  explicit Ruleset(bool v6) : v6_(v6) {}
  bool v6() const { return v6_; }

  // An empty plan removes the service.
  void set_service(const std::string& name, const std::vector<PortPlan>& plan);
  void set_node_port_addresses(const std::vector<Address>& addresses);

  Changes take_changes();          // since the last call
  Changes everything() const;      // what an empty table needs to be as we want it
  size_t services() const { return services_.size(); }
  size_t ports() const { return ports_; }

 private:
  struct EndpointSet {
    uint32_t id = 0;  // 0: not used
    uint32_t affinity_seconds = 0;
    std::vector<Target> targets;  // by index
  };
  struct ElementName {
    Map map;
    std::string key;
    bool operator<(const ElementName& other) const { return std::tie(map, key) < std::tie(other.map, other.key); }
  };
  using Elements = std::map<ElementName, std::pair<std::string, std::string>>;  // -> key_end, data
  struct Port {
    std::string name;
    EndpointSet cluster, local;
    Elements elements;
  };
  struct Service {
    uint32_t id;
    std::vector<Port> ports;
  };
  // Who wants an element of a shared map: of several, the first has it, as the next one will when it goes.
  struct Claim {
    uint64_t owner;
    std::string key_end, data;
  };

  void set_targets(EndpointSet& set, const std::vector<Target>& wanted, bool used, uint32_t affinity_seconds);
  Elements elements_of(Port& port, const PortPlan& plan);
  void replace_elements(uint64_t owner, Elements& old, Elements wanted);
  void claim(uint64_t owner, const ElementName& name, const std::string& key_end, const std::string& data);
  void release(uint64_t owner, const ElementName& name);
  void emit(bool add, Map map, std::string key, std::string data = {}, std::string key_end = {});

  const bool v6_;
  uint32_t last_id_ = 0;  // of services and sets
  size_t ports_ = 0;
  std::unordered_map<std::string, Service> services_;
  std::map<ElementName, std::vector<Claim>> claims_;
  Elements node_elements_;
  Changes changes_;
};

// The bytes of keys and data, as they lie in the kernel's registers.
std::string number_bytes(uint32_t number);
std::string port_bytes(uint16_t port);
std::string frontend_key(bool v6, const Address& address, uint8_t protocol, uint16_t port);  // address 0: a node port

}  // namespace sampan::network::proxy
