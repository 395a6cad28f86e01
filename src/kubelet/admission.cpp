// See admission.h.
#include "kubelet/admission.h"

#include "base/text.h"
#include "schema/label_selector.h"

namespace sampan::kubelet {

namespace {

std::optional<Parts::Refusal> predicate(std::string_view name, std::string_view what) {
  return Parts::Refusal{std::string(name), concat("Predicate ", name, " failed: ", what)};
}

// In whole units, CPU in thousandths, as the scheduler counts.
int64_t amount(const std::string& name, const schema::Quantity& quantity) { return name == "cpu" ? quantity.milli_value() : quantity.value(); }

std::optional<Parts::Refusal> lacks(std::string_view resource, int64_t requested, int64_t used, int64_t capacity) {
  if (requested == 0 || requested <= capacity - used) return {};
  return Parts::Refusal{concat("OutOf", resource),
                        concat("Node didn't have enough resource: ", resource, ", requested: ", requested, ", used: ", used, ", capacity: ", capacity)};
}

std::optional<Parts::Refusal> check_resources(const AdmissionInput& in) {
  auto of = [&](std::string_view name) {
    auto at = in.allocatable.find(name);
    return at == in.allocatable.end() ? std::optional<int64_t>() : amount(at->first, at->second);
  };
  Quantities used;
  for (auto& other : in.others)
    for (auto& [name, quantity] : requests_of(other->as<core_v1::Pod>())) {
      auto [at, is_new] = used.emplace(name, quantity);
      if (!is_new) at->second += quantity;
    }
  if (auto pods = of("pods"))
    if (auto refusal = lacks("pods", 1, static_cast<int64_t>(in.others.size()), *pods)) return refusal;
  for (auto& [name, quantity] : requests_of(in.pod)) {
    auto capacity = of(name);
    bool own = name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
    // What the node does not know is a resource of the cluster's.
    if (!capacity && !own) continue;
    auto at = used.find(name);
    if (auto refusal = lacks(name, amount(name, quantity), at == used.end() ? 0 : amount(name, at->second), capacity.value_or(0))) return refusal;
  }
  return {};
}

struct HostPort {
  std::string ip, protocol;
  int port = 0;
};

std::vector<HostPort> host_ports(const core_v1::Pod& pod) {
  std::vector<HostPort> out;
  for (auto& spec : containers_of(pod)) {
    if (spec.kind == ContainerKind::Init && !is_sidecar(spec.container)) continue;
    for (auto port : spec.container.ports()) {
      auto number = port.host_port() ? port.host_port() : pod.spec().host_network() ? port.container_port() : 0;
      if (number) out.push_back({std::string(port.host_ip().empty() ? "0.0.0.0" : port.host_ip()), std::string(port.protocol().empty() ? "TCP" : port.protocol()), number});
    }
  }
  return out;
}

bool ports_conflict(const AdmissionInput& in) {
  auto wanted = host_ports(in.pod);
  if (wanted.empty()) return false;
  for (auto& other : in.others)
    for (auto& taken : host_ports(other->as<core_v1::Pod>()))
      for (auto& want : wanted)
        if (want.port == taken.port && want.protocol == taken.protocol && (want.ip == taken.ip || want.ip == "0.0.0.0" || taken.ip == "0.0.0.0")) return true;
  return false;
}

bool affinity_matches(const core_v1::Pod& pod, const core_v1::Node& node) {
  for (auto entry : pod.spec().node_selector())
    if (node.metadata().labels().get(entry.key) != entry.value) return false;
  auto required = pod.spec().affinity().node_affinity().required_during_scheduling_ignored_during_execution();
  if (!required.present()) return true;
  for (auto term : required.node_selector_terms())
    if (selector_matches(term, node)) return true;
  return false;
}

bool tolerates(const core_v1::Pod& pod, const core_v1::Taint& taint) {
  for (auto toleration : pod.spec().tolerations()) {
    if (!toleration.effect().empty() && toleration.effect() != taint.effect()) continue;
    bool exists = toleration.operator_() == "Exists";
    if (toleration.key().empty() ? exists : toleration.key() == taint.key() && (exists || toleration.value() == taint.value())) return true;
  }
  return false;
}

}  // namespace

bool selector_matches(const core_v1::NodeSelectorTerm& term, const core_v1::Node& node) {
  if (term.match_expressions().empty() && term.match_fields().empty()) return false;
  schema::LabelSelector labels;
  for (auto one : term.match_expressions()) {
    std::vector<std::string> values;
    for (auto value : one.values()) values.emplace_back(value);
    if (!labels.require(one.key(), one.operator_(), std::move(values))) return false;
  }
  if (!labels.matches(node.metadata().labels())) return false;
  for (auto one : term.match_fields()) {
    if (one.key() != "metadata.name" || one.values().size() != 1) return false;
    bool same = one.values()[0] == node.metadata().name();
    if (one.operator_() == "In" ? !same : one.operator_() == "NotIn" ? same : true) return false;
  }
  return true;
}

std::optional<Parts::Refusal> admit(const AdmissionInput& in) {
  if (auto os = in.pod.spec().os().name(); !os.empty() && os != "linux")
    return Parts::Refusal{"PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"};
  if (in.pod.spec().security_context().supplemental_groups_policy() == "Strict" && !in.supplemental_groups_policy)
    return Parts::Refusal{"SupplementalGroupsPolicyNotSupported", "SupplementalGroupsPolicy=Strict is not supported in this node"};
  if (auto refusal = check_resources(in)) return refusal;
  if (!in.node.present()) return {};
  if (!affinity_matches(in.pod, in.node)) return predicate("NodeAffinity", "node(s) didn't match Pod's node affinity/selector");
  if (auto name = in.pod.spec().node_name(); !name.empty() && name != in.node.metadata().name()) return predicate("NodeName", "node(s) didn't match the requested node name");
  if (ports_conflict(in)) return predicate("NodePorts", "node(s) didn't have free ports for the requested pod ports");
  if (!is_static(in.pod))
    for (auto taint : in.node.spec().taints())
      if (taint.effect() == "NoExecute" && !tolerates(in.pod, taint)) return predicate("TaintToleration", "node(s) had taints that the pod didn't tolerate");
  return {};
}

}  // namespace sampan::kubelet
