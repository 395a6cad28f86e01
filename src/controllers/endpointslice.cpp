// Keeps for every service with a selector the endpoint slices that tell its pods: one group of slices for each address family and each set of
// ports that pods have.
#include <set>

#include "base/text.h"
#include "base/time_text.h"
#include "controllers/controllers.h"
#include "controllers/service_pods.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kManager = "endpointslice-controller.k8s.io";

bool is_reserved(std::string_view label) { return label == kServiceNameLabel || label == kManagedByLabel || label == kHeadlessLabel; }

Labels slice_labels(const Object& service) {
  Labels labels = labels_in(service["metadata"]["labels"]);
  std::erase_if(labels, [](const auto& label) { return is_reserved(label.first); });
  if (!has_cluster_ip(service)) labels.emplace(kHeadlessLabel, "");
  labels.emplace(kServiceNameLabel, name_of(service));
  labels.emplace(kManagedByLabel, kManager);
  return labels;
}

std::vector<std::string> address_types(const Object& service) {
  std::vector<std::string> types;
  AnyView spec = service["spec"];
  for (AnyView family : each(spec["ipFamilies"])) types.emplace_back(family.as_string());
  if (!types.empty()) return types;
  if (has_cluster_ip(service)) return {is_v6(spec["clusterIP"].as_string()) ? "IPv6" : "IPv4"};
  return {"IPv4", "IPv6"};
}

// The values that stand for one rule: "PreferClose" is the old name of "PreferSameZone".
std::string_view distribution_of(const Object& service) {
  auto value = service["spec"]["trafficDistribution"].as_string();
  return value == "PreferClose" || value == "PreferSameZone" || value == "PreferSameNode" ? value : std::string_view();
}

std::vector<SlicePort> ports_of(const Object& pod, const Object& service) {
  std::vector<SlicePort> ports;
  for (AnyView port : each(service["spec"]["ports"])) {
    int number = find_port(pod, port);
    if (number < 0) continue;
    SlicePort& added = ports.emplace_back();
    added.name = std::string(port["name"].as_string());
    added.protocol = std::string(port["protocol"].as_string());
    if (auto protocol = port["appProtocol"]; protocol.present()) added.app_protocol = std::string(protocol.as_string());
    added.port = number;
  }
  return ports;
}

SliceEndpoint endpoint_for(const Object& pod, const Object* node, const Object& service, std::vector<std::string> addresses) {
  SliceEndpoint endpoint;
  bool ready = is_pod_ready(pod), deleting = is_deleting(pod);
  endpoint.addresses = std::move(addresses);
  endpoint.ready = truth(service["spec"]["publishNotReadyAddresses"]) || (ready && !deleting);
  endpoint.serving = ready;
  endpoint.terminating = deleting;
  endpoint.target = reference_to(pod);
  if (auto name = pod["spec"]["nodeName"].as_string(); !name.empty()) endpoint.node_name = std::string(name);
  if (node)
    if (auto zone = label_of(*node, "topology.kubernetes.io/zone"); !zone.empty()) endpoint.zone = std::string(zone);
  if (shows_host_name(pod, service)) endpoint.hostname = std::string(pod["spec"]["hostname"].as_string());
  return endpoint;
}

bool is_owned_by(const Slice& slice, const Object& service) {
  if (!slice.current) return false;
  for (AnyView owner : each((*slice.current)["metadata"]["ownerReferences"]))
    if (owner["uid"].as_string() == uid_of(service) && owner["kind"].as_string() == "Service" && owner["apiVersion"].as_string() == "v1")
      return true;
  return false;
}

class EndpointSlices final : public Controller {
 public:
  explicit EndpointSlices(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "endpoint-slice-controller") {}

  void watch(Watches& watches) override {
    informers_.watch(watches);
    nodes_ = &watches.read("", "nodes");
    slices_ = &watches.on("discovery.k8s.io", "endpointslices", [](const Change& change, const Watches::Enqueue& enqueue) {
      for (const ObjectRef& slice : {change.object, change.previous})
        if (slice && label_of(*slice, kManagedByLabel) == kManager)
          enqueue(concat(namespace_of(*slice), "/", label_of(*slice, kServiceNameLabel)));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto service = informers_.services->find(key.name_space, key.name);
    if (!service) {
      trigger_times_.forget(concat(key.name_space, "/", key.name));
      return Again::never();  // its slices are owned by it: the garbage collector's
    }
    if (!selects_pods(*service)) return Again::never();
    auto result = bring_about(*service);
    if (!result) {
      events_.tell(client::Reference::of(informers_.services->resource(), *service), client::kWarning, "FailedToUpdateEndpointSlices",
                   concat("Error updating Endpoint Slices for Service ", key.name_space, "/", key.name, ": ", result.error().message()));
      return fail(std::move(result).error());
    }
    return Again::never();
  }

 private:
  // What one address family needs: wanted endpoints by group of ports, and what a slice of each group looks like.
  struct Wanted {
    std::map<std::string, EndpointSet> endpoints;
    std::map<std::string, std::vector<SlicePort>> ports;
    std::string missing_node;  // of a pod that is left out because of that
  };

  Wanted wanted_of(const Object& service, const std::vector<ObjectRef>& pods, std::string_view type) const {
    Wanted wanted;
    for (const auto& pod : pods) {
      if (!belongs_in_endpoints(*pod, true)) continue;
      auto ports = ports_of(*pod, service);
      auto group = group_of(ports);
      auto& endpoints = wanted.endpoints[group];
      wanted.ports.emplace(group, std::move(ports));
      auto node = nodes_->find({}, (*pod)["spec"]["nodeName"].as_string());
      if (!node && !truth(service["spec"]["publishNotReadyAddresses"])) {
        wanted.missing_node = concat("skipping Pod ", name_of(*pod), " for Service ", key_of(service), ": Node ",
                                     (*pod)["spec"]["nodeName"].as_string(), " Not Found");
        continue;
      }
      auto addresses = addresses_of(*pod, type == "IPv6");
      if (addresses.empty()) continue;
      auto endpoint = endpoint_for(*pod, node ? &*node : nullptr, service, std::move(addresses));
      auto identity = endpoint.identity();
      endpoints.insert_or_assign(std::move(identity), std::move(endpoint));
    }
    return wanted;
  }

  Result<void> bring_about(const Object& service) {
    auto pods = informers_.pods_of(service);
    int64_t trigger = trigger_times_.next(service, pods);
    std::map<std::string, std::vector<Slice>, std::less<>> existing;
    slices_->snapshot().each(concat(namespace_of(service), "/"), {}, [&](std::string_view, const ObjectRef& slice) {
      if (label_of(*slice, kServiceNameLabel) == name_of(service) && label_of(*slice, kManagedByLabel) == kManager && !is_deleting(*slice))
        existing[std::string((*slice)["addressType"].as_string())].push_back(Slice::of(slice));
      return true;
    });
    Result<void> result;
    for (const auto& type : address_types(service)) {
      auto slices = existing.extract(type);
      auto done = bring_about(service, pods, type, slices ? std::move(slices.mapped()) : std::vector<Slice>(), trigger);
      if (!done) result = std::move(done);
    }
    for (auto& [type, slices] : existing)
      for (const Slice& slice : slices) TRY(remove(slice));
    return result;
  }

  Result<void> bring_about(const Object& service, const std::vector<ObjectRef>& pods, const std::string& type, std::vector<Slice> existing,
                           int64_t trigger) {
    Wanted wanted = wanted_of(service, pods, type);
    SliceChanges changes;
    Slice blank;
    blank.address_type = type;
    blank.labels = slice_labels(service);
    std::map<std::string, std::vector<Slice>> groups;
    for (const Slice& slice : existing) {
      auto group = group_of(slice.ports);
      if (!is_owned_by(slice, service) || !wanted.endpoints.contains(group))
        changes.remove.push_back(slice);
      else
        groups[group].push_back(slice);
    }
    for (auto& [group, endpoints] : wanted.endpoints) {
      blank.ports = wanted.ports[group];
      spread(std::move(groups[group]), std::move(endpoints), blank, changes);
    }
    // A service without endpoints has one slice that says so.
    if (changes.create.empty() && changes.remove.size() == existing.size()) {
      blank.ports.clear();
      bool is_there = changes.remove.size() == 1 && is_owned_by(changes.remove[0], service) && changes.remove[0].ports.empty() &&
                      changes.remove[0].endpoints.empty() && changes.remove[0].labels == blank.labels;
      if (is_there) {
        changes.remove.clear();
      } else {
        changes.create.push_back(blank);
      }
    }
    std::set<std::string_view> touched;
    for (const Slice& slice : changes.update) touched.insert(slice.name);
    for (const Slice& slice : changes.remove) touched.insert(slice.name);
    std::vector<Slice> unchanged;
    for (const Slice& slice : existing)
      if (!touched.contains(slice.name)) unchanged.push_back(slice);
    hint(distribution_of(service), changes, unchanged);
    reuse_slices(changes, [&](const Slice& slice) { return is_owned_by(slice, service); });
    TRY(write(service, changes, trigger));
    // The pod is looked at again with its node's arrival or its own end; until then it comes up every so often.
    if (!wanted.missing_node.empty()) return fail(internal_error(wanted.missing_node));
    return {};
  }

  Result<void> write(const Object& service, SliceChanges& changes, int64_t trigger) {
    const auto& resource = slices_->resource();
    auto stamp = [&](Slice& slice) {
      if (trigger)
        slice.annotations[std::string(kTriggerTimeAnnotation)] = rfc3339(trigger);
      else
        slice.annotations.erase(std::string(kTriggerTimeAnnotation));
    };
    if (!is_deleting(service)) {
      for (Slice& slice : changes.create) {
        Arena arena;
        stamp(slice);
        Value tree = write_slice(arena, slice);
        Value metadata = tree["metadata"];
        auto prefix = slice_name_prefix(name_of(service));
        metadata.set("generateName", std::string_view(prefix));
        metadata.set("ownerReferences", list_of(arena, {owner_reference(arena, informers_.services->resource(), service)}));
        auto made = environment_.api.create(resource, namespace_of(service), tree);
        if (!made && is_of_ending_namespace(made.error())) return {};
        if (!made)
          return fail(std::move(made).error().context(concat("failed to create EndpointSlice for Service ", key_of(service), ": ")));
      }
    }
    for (Slice& slice : changes.update) {
      Arena arena;
      stamp(slice);
      auto updated = environment_.api.update(resource, write_slice(arena, slice));
      if (!updated)
        return fail(std::move(updated).error().context(
            concat("failed to update ", slice.name, " EndpointSlice for Service ", key_of(service), ": ")));
    }
    for (const Slice& slice : changes.remove) TRY(remove(slice));
    return {};
  }

  Result<void> remove(const Slice& slice) {
    return ignore_not_found(environment_.api.remove(slices_->resource(), namespace_of(*slice.current), slice.name));
  }

  Environment& environment_;
  client::Events events_;
  ServiceInformers informers_;
  Informer *nodes_ = nullptr, *slices_ = nullptr;
  TriggerTimes trigger_times_;
};

}  // namespace

std::unique_ptr<Controller> make_endpointslice(Environment& environment) { return std::make_unique<EndpointSlices>(environment); }

}  // namespace sampan::controllers
