// Keeps for every service with a selector the Endpoints object of its name, the older form of what endpoint slices tell.
#include "base/text.h"
#include "base/time_text.h"
#include "controllers/controllers.h"
#include "controllers/endpoint_subsets.h"
#include "controllers/service_pods.h"

namespace sampan::controllers {

namespace {

constexpr std::string_view kManagerLabel = "endpoints.kubernetes.io/managed-by", kManager = "endpoint-controller";
constexpr std::string_view kOverCapacity = "endpoints.kubernetes.io/over-capacity";
constexpr std::string_view kLeaderAnnotation = "control-plane.alpha.kubernetes.io/leader";

bool wants_v6(const Object& service, const Object& pod) {
  AnyView spec = service["spec"], families = spec["ipFamilies"];
  if (families.size() > 0) return families.item(0).as_string() == "IPv6";
  return is_v6(has_cluster_ip(service) ? spec["clusterIP"].as_string() : pod["status"]["podIP"].as_string());
}

void add_pod(const Object& service, const Object& pod, std::vector<Subset>& subsets) {
  AnyView spec = service["spec"], ports = spec["ports"];
  bool publish_all = truth(spec["publishNotReadyAddresses"]);
  if (!belongs_in_endpoints(pod, publish_all)) return;
  auto addresses = addresses_of(pod, wants_v6(service, pod));
  if (addresses.empty()) return;
  SubsetAddress address;
  address.ip = addresses[0];
  address.node_name = std::string(pod["spec"]["nodeName"].as_string());
  address.target = reference_to(pod);
  if (shows_host_name(pod, service)) address.host_name = pod["spec"]["hostname"].as_string();
  auto add = [&](std::vector<SubsetPort> port) {
    Subset& subset = subsets.emplace_back();
    (publish_all || is_pod_ready(pod) ? subset.ready : subset.not_ready).push_back(address);
    subset.ports = std::move(port);
  };
  if (ports.size() == 0) {
    if (spec["clusterIP"].as_string() == "None") add({});
    return;
  }
  for (AnyView view : each(ports)) {
    int number = find_port(pod, view);
    if (number < 0) continue;
    SubsetPort port;
    port.name = view["name"].as_string();
    port.protocol = view["protocol"].as_string();
    port.port = number;
    if (auto protocol = view["appProtocol"]; protocol.present()) port.app_protocol = std::string(protocol.as_string());
    add({port});
  }
}

Labels endpoints_labels(const Object& service) {
  Labels labels = labels_in(service["metadata"]["labels"]);
  if (has_cluster_ip(service))
    labels.erase(std::string(kHeadlessLabel));
  else
    labels[std::string(kHeadlessLabel)] = "";
  labels[std::string(kManagerLabel)] = kManager;
  return labels;
}

class EndpointsController final : public Controller {
 public:
  explicit EndpointsController(Environment& environment)
      : environment_(environment), events_(environment.api, environment.clock, environment.executor, "endpoint-controller") {}

  void watch(Watches& watches) override {
    informers_.watch(watches);
    // Those that went are made again; those that were there before us may have lost their service while nobody looked. Others may be made before it.
    int64_t start = environment_.clock.now_us() / 1'000'000;
    endpoints_ = &watches.on("", "endpoints", [start](const Change& change, const Watches::Enqueue& enqueue) {
      bool is_left_over = change.any()["metadata"]["creationTimestamp"].as_int() < start && !has_annotation(change.any(), kLeaderAnnotation);
      if (!change.object || (!change.previous && is_left_over)) enqueue(key_of(change.any()));
    });
  }

  Result<Again> reconcile(const Key& key) override {
    auto service = informers_.services->find(key.name_space, key.name);
    auto current = endpoints_->find(key.name_space, key.name);
    if (!service) {
      trigger_times_.forget(concat(key.name_space, "/", key.name));
      if (current) TRY(ignore_not_found(environment_.api.remove(endpoints_->resource(), key.name_space, key.name)));
      return Again::never();
    }
    if (!selects_pods(*service)) return Again::never();
    auto pods = informers_.pods_of(*service);
    int64_t trigger = trigger_times_.next(*service, pods);
    std::vector<Subset> subsets;
    for (const auto& pod : pods) add_pod(*service, *pod, subsets);
    subsets = repack(subsets);
    if (current && is_as_wanted(*current, *service, subsets)) return Again::never();
    TRY(write(*service, current, std::move(subsets), trigger));
    return Again::never();
  }

 private:
  static bool is_as_wanted(const Object& current, const Object& service, const std::vector<Subset>& subsets) {
    auto is = subsets_in(current["subsets"]);
    if (has_annotation(current, kOverCapacity)) return false;
    auto has = labels_in(current["metadata"]["labels"]), wants = endpoints_labels(service);
    has.erase(std::string(kHeadlessLabel)), wants.erase(std::string(kHeadlessLabel));
    return has == wants && (is == subsets || repack(is) == subsets);
  }

  Result<void> write(const Object& service, const ObjectRef& current, std::vector<Subset> subsets, int64_t trigger) {
    Arena arena;
    Value tree = current ? schema::thaw(*current, arena) : Value::object(arena);
    Value metadata = tree.ensure_object("metadata"), labels = Value::object(arena), annotations = metadata.ensure_object("annotations");
    metadata.set("name", text_in(arena, name_of(service)));
    for (const auto& [label, value] : endpoints_labels(service)) labels.set_copy(label, text_in(arena, value));
    metadata.set("labels", labels);
    if (trigger)
      annotations.set(kTriggerTimeAnnotation, time_in(arena, trigger));
    else
      annotations.remove(kTriggerTimeAnnotation);
    if (truncate(subsets))
      annotations.set(kOverCapacity, "truncated");
    else
      annotations.remove(kOverCapacity);
    tree.set("subsets", write_subsets(arena, subsets));
    const auto& resource = endpoints_->resource();
    auto written = current ? environment_.api.update(resource, tree) : environment_.api.create(resource, namespace_of(service), tree);
    if (written) return {};
    if (!current && is_of_ending_namespace(written.error())) return {};
    client::Reference about;
    about.api_version = "v1", about.kind = "Endpoints", about.name_space = namespace_of(service), about.name = name_of(service);
    if (current) about.uid = uid_of(*current);
    events_.tell(about, client::kWarning, current ? "FailedToUpdateEndpoint" : "FailedToCreateEndpoint",
                 concat(current ? "Failed to update endpoint " : "Failed to create endpoint for service ", key_of(service), ": ",
                        written.error().message()));
    return fail(std::move(written).error());
  }

  Environment& environment_;
  client::Events events_;
  ServiceInformers informers_;
  Informer* endpoints_ = nullptr;
  TriggerTimes trigger_times_;
};

}  // namespace

std::unique_ptr<Controller> make_endpoints(Environment& environment) { return std::make_unique<EndpointsController>(environment); }

}  // namespace sampan::controllers
