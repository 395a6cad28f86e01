// Keeps the endpoint slices of the service kube-dns, where it has no selector: every ready node whose agent answers DNS is an endpoint. A node that is
// deleted, or is no longer ready, is none. Who brings a DNS server of his own gives the service a selector, and ours are gone from it.
#include "base/text.h"
#include "client/node_dns.h"
#include "controllers/controllers.h"
#include "controllers/endpoint_slices.h"
#include "controllers/service_pods.h"
#include "controllers/tree.h"
#include "registry/addresses.h"

namespace sampan::controllers {

namespace {

using client::kDnsPort;

constexpr std::string_view kSpace = "kube-system", kService = "kube-dns", kKey = "kube-system/kube-dns", kManager = "sampan";

// What a slice may not hold: one such address would keep all others out.
bool can_be_endpoint(const registry::Ip& ip) {
  return !ip.is_unspecified() && !ip.is_loopback() && !ip.is_link_local_unicast() && !ip.is_multicast();
}

// The node's first internal address of the family; "" if it has none.
std::string address_of(const Object& node, bool v6) {
  for (AnyView address : each(node["status"]["addresses"])) {
    if (address["type"].as_string() != "InternalIP") continue;
    auto ip = registry::parse_ip(address["address"].as_string());
    if (ip && ip->is_v6() == v6 && can_be_endpoint(*ip)) return ip->text();
  }
  return {};
}

// 0: the node's agent does not answer DNS.
int32_t dns_port_of(const Object& node) {
  int32_t port = 0;
  return parse_int(annotation_of(node, kDnsPort), port) && port > 0 && port < 65536 ? port : 0;
}

bool is_ready(const Object& node) { return is_true(node["status"]["conditions"], "Ready") && !is_deleting(node); }

// Heartbeats change nothing here.
bool says_the_same(const Object& a, const Object& b) {
  return annotation_of(a, kDnsPort) == annotation_of(b, kDnsPort) && is_ready(a) == is_ready(b) && a["status"]["addresses"].equals(b["status"]["addresses"]) &&
         label_of(a, "topology.kubernetes.io/zone") == label_of(b, "topology.kubernetes.io/zone");
}

std::vector<SlicePort> slice_ports(int32_t number) {
  std::vector<SlicePort> ports;
  for (auto [name, protocol] : {std::pair("dns", "UDP"), std::pair("dns-tcp", "TCP")}) {
    SlicePort& port = ports.emplace_back();
    port.name = name;
    port.protocol = protocol;
    port.port = number;
  }
  return ports;
}

SliceEndpoint endpoint_for(const Object& node, std::string address) {
  SliceEndpoint endpoint;
  endpoint.addresses = {std::move(address)};
  endpoint.ready = endpoint.serving = true;
  endpoint.terminating = false;
  endpoint.node_name = std::string(name_of(node));
  endpoint.target = TargetReference{.api_version = "v1", .kind = "Node", .name_space = {}, .name = *endpoint.node_name, .uid = std::string(uid_of(node)),
                                    .resource_version = {}, .field_path = {}};
  if (auto zone = label_of(node, "topology.kubernetes.io/zone"); !zone.empty()) endpoint.zone = std::string(zone);
  return endpoint;
}

class ClusterDns final : public Controller {
 public:
  explicit ClusterDns(Environment& environment) : environment_(environment) {}

  void watch(Watches& watches) override {
    services_ = &watches.on("", "services", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (key_of(change.any()) == kKey) enqueue(kKey);
    });
    nodes_ = &watches.on("", "nodes", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (!change.object || !change.previous || !says_the_same(*change.object, *change.previous)) enqueue(kKey);
    });
    slices_ = &watches.on("discovery.k8s.io", "endpointslices", [](const Change& change, const Watches::Enqueue& enqueue) {
      if (is_ours(change.any()) || (change.previous && is_ours(*change.previous))) enqueue(kKey);
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto service = services_->find(key.name_space, key.name);
    if (!service || is_deleting(*service)) return Again::never();  // its slices are owned by it: the garbage collector's
    SliceChanges changes;
    plan(*service, changes);
    for (const Slice& slice : changes.create) TRY(create(*service, slice));
    for (const Slice& slice : changes.update) {
      Arena arena;
      TRY(environment_.api.update(slices_->resource(), write_slice(arena, slice)));
    }
    for (const Slice& slice : changes.remove) TRY(ignore_not_found(environment_.api.remove(slices_->resource(), kSpace, slice.name, {.uid = uid_of(*slice.current)})));
    return Again::never();
  }

 private:
  static bool is_ours(const Object& slice) {
    return namespace_of(slice) == kSpace && label_of(slice, kServiceNameLabel) == kService && label_of(slice, kManagedByLabel) == kManager;
  }

  // By port: all have the same one, unless it is taken on some machine.
  std::map<int32_t, EndpointSet> wanted_for(const Object& service) const {
    std::map<int32_t, EndpointSet> wanted;
    if (selects_pods(service) || !has_cluster_ip(service)) return wanted;
    bool v6 = is_v6(service["spec"]["clusterIP"].as_string());
    auto nodes = nodes_->all();
    // A server that was ready a while ago is better than none.
    bool any_ready = std::any_of(nodes.begin(), nodes.end(), [&](const auto& node) { return is_ready(*node) && dns_port_of(*node) && !address_of(*node, v6).empty(); });
    for (const auto& node : nodes) {
      auto port = dns_port_of(*node);
      auto address = address_of(*node, v6);
      if (!port || address.empty() || (any_ready && !is_ready(*node))) continue;
      auto endpoint = endpoint_for(*node, std::move(address));
      auto identity = endpoint.identity();
      wanted[port].insert_or_assign(std::move(identity), std::move(endpoint));
    }
    return wanted;
  }

  void plan(const Object& service, SliceChanges& changes) const {
    auto wanted = wanted_for(service);
    Slice blank;
    blank.address_type = is_v6(service["spec"]["clusterIP"].as_string()) ? "IPv6" : "IPv4";
    blank.labels = labels_in(service["metadata"]["labels"]);
    blank.labels[std::string(kServiceNameLabel)] = kService;
    blank.labels[std::string(kManagedByLabel)] = kManager;
    std::map<std::string, std::vector<Slice>> groups;
    for (const auto& [port, endpoints] : wanted) groups[group_of(slice_ports(port))];
    std::vector<Slice> kept;
    slices_->snapshot().each(concat(kSpace, "/"), {}, [&](std::string_view, const ObjectRef& object) {
      if (!is_ours(*object) || is_deleting(*object)) return true;
      auto slice = Slice::of(object);
      auto group = groups.find(group_of(slice.ports));
      bool fits = group != groups.end() && slice.address_type == blank.address_type && controlling_owner(*object)["uid"].as_string() == uid_of(service);
      (fits ? group->second : changes.remove).push_back(slice);
      if (fits) kept.push_back(std::move(slice));
      return true;
    });
    for (auto& [port, endpoints] : wanted) {
      blank.ports = slice_ports(port);
      spread(std::move(groups[group_of(blank.ports)]), std::move(endpoints), blank, changes);
    }
    std::erase_if(kept, [&](const Slice& slice) {
      auto is_it = [&](const Slice& other) { return other.name == slice.name; };
      return std::any_of(changes.update.begin(), changes.update.end(), is_it) || std::any_of(changes.remove.begin(), changes.remove.end(), is_it);
    });
    hint(service["spec"]["trafficDistribution"].as_string(), changes, kept);
  }

  Result<void> create(const Object& service, const Slice& slice) {
    Arena arena;
    Value tree = write_slice(arena, slice);
    auto prefix = slice_name_prefix(kService);
    tree["metadata"].set("generateName", std::string_view(prefix));
    tree["metadata"].set("ownerReferences", list_of(arena, {owner_reference(arena, services_->resource(), service)}));
    TRY(environment_.api.create(slices_->resource(), kSpace, tree));
    return {};
  }

  Environment& environment_;
  Informer *services_ = nullptr, *nodes_ = nullptr, *slices_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_cluster_dns(Environment& environment) { return std::make_unique<ClusterDns>(environment); }

}  // namespace sampan::controllers
