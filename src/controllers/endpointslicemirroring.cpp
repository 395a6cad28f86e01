// Mirrors Endpoints that somebody else writes, of services without a selector, into endpoint slices: one slice for each subset and address family.
#include "base/text.h"
#include "controllers/controllers.h"
#include "controllers/endpoint_subsets.h"
#include "controllers/service_pods.h"
#include "registry/addresses.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kManager = "endpointslicemirroring-controller.k8s.io";
constexpr std::string_view kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";
constexpr size_t kAddressesPerSubsetMax = 1000;

bool is_mirrored(const Object& endpoints) {
  return label_of(endpoints, "endpointslice.kubernetes.io/skip-mirror") != "true" &&
         !has_annotation(endpoints, "control-plane.alpha.kubernetes.io/leader");
}

struct Group {
  Slice blank;
  EndpointSet endpoints;
};

struct Mirror {
  std::map<std::string, Group> groups;  // by address family and ports
  size_t invalid = 0, skipped = 0;
};

std::string group_key(std::string_view type, const std::vector<SlicePort>& ports) { return concat(type, "|", group_of(ports)); }

bool add(Mirror& mirror, const SubsetAddress& address, bool ready, const std::vector<SlicePort>& ports) {
  auto ip = registry::parse_ip(address.ip);
  if (!ip) return false;
  std::string type = ip->is_v6() ? "IPv6" : "IPv4";
  SliceEndpoint endpoint;
  endpoint.addresses = {ip->text()};
  endpoint.ready = ready;
  endpoint.target = address.target;
  endpoint.node_name = address.node_name;
  if (!address.host_name.empty()) endpoint.hostname = address.host_name;
  Group& group = mirror.groups[group_key(type, ports)];
  group.blank.address_type = type;
  group.blank.ports = ports;
  auto identity = endpoint.identity();
  group.endpoints.insert_or_assign(std::move(identity), std::move(endpoint));
  return true;
}

Mirror mirror_of(const Object& endpoints) {
  Mirror mirror;
  for (const Subset& subset : repack(subsets_in(endpoints["subsets"]))) {
    std::vector<SlicePort> ports;
    for (const auto& port : subset.ports) ports.push_back({port.name, port.protocol, port.app_protocol, port.port});
    size_t added = 0;
    auto add_all = [&](const std::vector<SubsetAddress>& addresses, bool ready) {
      for (const auto& address : addresses) {
        if (added >= kAddressesPerSubsetMax) break;
        if (add(mirror, address, ready, ports))
          added++;
        else
          mirror.invalid++;
      }
    };
    add_all(subset.ready, true);
    add_all(subset.not_ready, false);
    mirror.skipped += subset.ready.size() + subset.not_ready.size() - added;
  }
  return mirror;
}

bool is_same(const Slice& is, const Slice& wanted, const EndpointSet& endpoints) {
  if (is.labels != wanted.labels || is.annotations != wanted.annotations || is.endpoints.size() != endpoints.size()) return false;
  for (const auto& endpoint : is.endpoints) {
    auto found = endpoints.find(endpoint.identity());
    if (found == endpoints.end() || !found->second.same_state_as(endpoint)) return false;
  }
  return true;
}

class EndpointSliceMirroring final : public Controller {
 public:
  explicit EndpointSliceMirroring(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "endpoint-slice-mirroring-controller") {}

  void watch(Watches& watches) override {
    endpoints_ = &watches.on("", "endpoints", [](const Change& change, const Watches::Enqueue& enqueue) {
      if ((change.object && is_mirrored(*change.object)) || (change.previous && is_mirrored(*change.previous))) enqueue(key_of(change.any()));
    });
    services_ = &watches.on("", "services", [](const Change& change, const Watches::Enqueue& enqueue) {
      bool selected = change.object && (*change.object)["spec"]["selector"].size() > 0;
      bool was_selected = change.previous && (*change.previous)["spec"]["selector"].size() > 0;
      if (change.object && change.previous ? selected != was_selected : !selected && !was_selected) enqueue(key_of(change.any()));
    });
    slices_ = &watches.on("discovery.k8s.io", "endpointslices", [](const Change& change, const Watches::Enqueue& enqueue) {
      for (const ObjectRef& slice : {change.object, change.previous})
        if (slice && label_of(*slice, kManagedByLabel) == kManager)
          enqueue(concat(namespace_of(*slice), "/", label_of(*slice, kServiceNameLabel)));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto endpoints = endpoints_->find(key.name_space, key.name);
    auto service = services_->find(key.name_space, key.name);
    std::vector<Slice> existing;
    slices_->snapshot().each(concat(key.name_space, "/"), {}, [&](std::string_view, const ObjectRef& slice) {
      if (label_of(*slice, kServiceNameLabel) == key.name && label_of(*slice, kManagedByLabel) == kManager) existing.push_back(Slice::of(slice));
      return true;
    });
    if (!endpoints || !is_mirrored(*endpoints) || !service || (*service)["spec"]["selector"].size() > 0) {
      for (const Slice& slice : existing) TRY(remove(slice));
      return Again::never();
    }
    TRY(bring_about(*endpoints, std::move(existing)));
    return Again::never();
  }

 private:
  Result<void> bring_about(const Object& endpoints, std::vector<Slice> existing) {
    Mirror mirror = mirror_of(endpoints);
    auto about = client::Reference::of(endpoints_->resource(), endpoints);
    if (mirror.invalid > 0)
      events_.tell(about, client::kWarning, "InvalidIPAddress",
                   concat("Skipped ", mirror.invalid, " invalid IP addresses when mirroring to EndpointSlices"));
    if (mirror.skipped > mirror.invalid)
      events_.tell(about, client::kWarning, "TooManyAddressesToMirror",
                   concat("A max of ", kAddressesPerSubsetMax, " addresses can be mirrored to EndpointSlices per Endpoints subset. ",
                          mirror.skipped, " addresses were skipped"));
    Labels labels = labels_in(endpoints["metadata"]["labels"]), annotations = labels_in(endpoints["metadata"]["annotations"]);
    labels[std::string(kServiceNameLabel)] = name_of(endpoints);
    labels[std::string(kManagedByLabel)] = kManager;
    annotations.erase(std::string(kTriggerTimeAnnotation));
    annotations.erase(std::string(kLastApplied));

    SliceChanges changes;
    std::map<std::string, std::vector<Slice>> by_group;
    for (Slice& slice : existing) by_group[group_key(slice.address_type, slice.ports)].push_back(std::move(slice));
    for (auto& [key, group] : mirror.groups) {
      group.blank.labels = labels;
      group.blank.annotations = annotations;
      auto slices = std::move(by_group[key]);
      by_group.erase(key);
      for (size_t i = 1; i < slices.size(); i++) changes.remove.push_back(std::move(slices[i]));
      Slice wanted = group.blank;
      if (!slices.empty()) {
        if (is_same(slices[0], wanted, group.endpoints) && !is_of_another(slices[0], endpoints)) continue;
        wanted.current = slices[0].current;
        wanted.name = slices[0].name;
      }
      for (auto& [identity, endpoint] : group.endpoints) wanted.endpoints.push_back(std::move(endpoint));
      (slices.empty() ? changes.create : changes.update).push_back(std::move(wanted));
    }
    for (auto& [key, slices] : by_group)
      for (Slice& slice : slices) changes.remove.push_back(std::move(slice));
    reuse_slices(changes, [](const Slice&) { return true; });
    return write(endpoints, changes);
  }

  // Endpoints were deleted and made anew: the slices of the old ones go to the new.
  static bool is_of_another(const Slice& slice, const Object& endpoints) {
    for (AnyView owner : each((*slice.current)["metadata"]["ownerReferences"]))
      if (owner["kind"].as_string() == "Endpoints" && owner["name"].as_string() == name_of(endpoints) &&
          owner["uid"].as_string() != uid_of(endpoints))
        return true;
    return false;
  }

  Value write_mirror(Arena& arena, const Object& endpoints, const Slice& slice) {
    Value tree = write_slice(arena, slice);
    tree["metadata"].set("ownerReferences", list_of(arena, {owner_reference(arena, endpoints_->resource(), endpoints)}));
    return tree;
  }

  Result<void> write(const Object& endpoints, const SliceChanges& changes) {
    const auto& resource = slices_->resource();
    if (!is_deleting(endpoints)) {
      for (const Slice& slice : changes.create) {
        Arena arena;
        Value tree = write_mirror(arena, endpoints, slice);
        tree["metadata"].set("generateName", text_in(arena, slice_name_prefix(name_of(endpoints))));
        auto made = environment_.api.create(resource, namespace_of(endpoints), tree);
        if (!made && is_of_ending_namespace(made.error())) return {};
        if (!made)
          return fail(std::move(made).error().context(concat("failed to create EndpointSlice for Endpoints ", key_of(endpoints), ": ")));
      }
    }
    for (const Slice& slice : changes.update) {
      Arena arena;
      auto updated = environment_.api.update(resource, write_mirror(arena, endpoints, slice));
      if (!updated)
        return fail(std::move(updated).error().context(
            concat("failed to update ", slice.name, " EndpointSlice for Endpoints ", key_of(endpoints), ": ")));
    }
    for (const Slice& slice : changes.remove) TRY(remove(slice));
    return {};
  }

  Result<void> remove(const Slice& slice) {
    return ignore_not_found(environment_.api.remove(slices_->resource(), namespace_of(*slice.current), slice.name));
  }

  Environment& environment_;
  client::Events events_;
  Informer *endpoints_ = nullptr, *services_ = nullptr, *slices_ = nullptr;
};

}  // namespace

std::unique_ptr<Controller> make_endpointslicemirroring(Environment& environment) {
  return std::make_unique<EndpointSliceMirroring>(environment);
}

}  // namespace sampan::controllers
