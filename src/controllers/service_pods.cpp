#include "controllers/service_pods.h"

#include "base/text.h"
#include "registry/addresses.h"
#include "schema/label_selector.h"

namespace sampan::controllers {

namespace {

bool may_matter(const Change& change) {
  if (!change.object || !change.previous) return true;
  const Object &now = *change.object, &before = *change.previous;
  AnyView metadata = now["metadata"], old_metadata = before["metadata"], status = now["status"], old_status = before["status"];
  return is_deleting(now) != is_deleting(before) || is_pod_ready(now) != is_pod_ready(before) ||
         !metadata["labels"].equals(old_metadata["labels"]) || !status["podIPs"].equals(old_status["podIPs"]) ||
         status["phase"].as_string() != old_status["phase"].as_string() ||
         !now["spec"]["nodeName"].equals(before["spec"]["nodeName"]) || !now["spec"]["hostname"].equals(before["spec"]["hostname"]) ||
         !now["spec"]["subdomain"].equals(before["spec"]["subdomain"]);
}

int64_t ready_since(const Object& pod) { return condition_of(pod["status"]["conditions"], "Ready")["lastTransitionTime"].as_int(); }

}  // namespace

void ServiceInformers::watch(Watches& watches) {
  services = &watches.each("", "services");
  pods = &watches.on("", "pods", [this](const Change& change, const Watches::Enqueue& enqueue) {
    if (!may_matter(change)) return;
    auto prefix = concat(namespace_of(change.any()), "/");
    services->snapshot().each(prefix, {}, [&](std::string_view key, const ObjectRef& service) {
      if (!selects_pods(*service)) return true;
      auto selector = schema::LabelSelector::from_map((*service)["spec"]["selector"]);
      if ((change.object && selector.matches(*change.object)) || (change.previous && selector.matches(*change.previous))) enqueue(key);
      return true;
    });
  });
}

std::vector<ObjectRef> ServiceInformers::pods_of(const Object& service) const {
  std::vector<ObjectRef> found;
  auto selector = schema::LabelSelector::from_map(service["spec"]["selector"]);
  pods->snapshot().each(concat(namespace_of(service), "/"), {}, [&](std::string_view, const ObjectRef& pod) {
    if (selector.matches(*pod)) found.push_back(pod);
    return true;
  });
  return found;
}

bool is_pod_ready(const Object& pod) { return is_true(pod["status"]["conditions"], "Ready"); }

bool belongs_in_endpoints(const Object& pod, bool even_if_deleting) {
  AnyView status = pod["status"];
  auto phase = status["phase"].as_string();
  if (phase == "Failed" || phase == "Succeeded") return false;
  if (status["podIP"].as_string().empty() && status["podIPs"].size() == 0) return false;
  return even_if_deleting || !is_deleting(pod);
}

int find_port(const Object& pod, const AnyView& service_port) {
  auto target = service_port["targetPort"].present() ? service_port["targetPort"].as_int_or_string() : schema::IntOrString{};
  if (!target.is_string) return target.number;
  auto among = [&](const AnyView& container) {
    for (AnyView port : each(container["ports"]))
      if (port["name"].as_string() == target.text && port["protocol"].as_string() == service_port["protocol"].as_string())
        return static_cast<int>(port["containerPort"].as_int());
    return -1;
  };
  for (AnyView container : each(pod["spec"]["containers"]))
    if (int port = among(container); port >= 0) return port;
  for (AnyView container : each(pod["spec"]["initContainers"]))
    if (container["restartPolicy"].as_string() == "Always")
      if (int port = among(container); port >= 0) return port;
  return -1;
}

bool shows_host_name(const Object& pod, const Object& service) {
  AnyView spec = pod["spec"];
  return !spec["hostname"].as_string().empty() && spec["subdomain"].as_string() == name_of(service) &&
         namespace_of(pod) == namespace_of(service);
}

std::vector<std::string> addresses_of(const Object& pod, bool v6) {
  std::vector<std::string> addresses;
  for (AnyView item : each(pod["status"]["podIPs"]))
    if (auto ip = registry::parse_ip(item["ip"].as_string()); ip && ip->is_v6() == v6) addresses.push_back(ip->text());
  return addresses;
}

bool is_v6(std::string_view address) {
  auto ip = registry::parse_ip(address);
  return ip && ip->is_v6();
}

bool has_cluster_ip(const Object& service) {
  auto ip = service["spec"]["clusterIP"].as_string();
  return !ip.empty() && ip != "None";
}

bool selects_pods(const Object& service) {
  AnyView spec = service["spec"];
  return spec["type"].as_string() != "ExternalName" && spec["selector"].size() > 0;
}

TargetReference reference_to(const Object& pod) {
  TargetReference reference;
  reference.kind = "Pod";
  reference.name_space = namespace_of(pod);
  reference.name = name_of(pod);
  reference.uid = uid_of(pod);
  return reference;
}

std::string slice_name_prefix(std::string_view service) {
  constexpr size_t kSubdomainMax = 253;
  return service.size() < kSubdomainMax ? concat(service, "-") : std::string(service);
}

int64_t TriggerTimes::next(const Object& service, const std::vector<ObjectRef>& pods) {
  std::lock_guard lock(mutex_);
  auto [found, is_new] = states_.try_emplace(key_of(service));
  State& state = found->second;
  int64_t earliest = 0;
  auto consider = [&](int64_t time, int64_t before) {
    if (time > before && (earliest == 0 || time < earliest)) earliest = time;
  };
  std::map<std::string, int64_t> times;
  for (const auto& pod : pods) {
    int64_t time = ready_since(*pod);
    if (time == 0) continue;
    std::string name(name_of(*pod));
    auto before = state.pods.find(name);
    consider(time, before == state.pods.end() ? 0 : before->second);
    times.emplace(std::move(name), time);
  }
  int64_t made = service["metadata"]["creationTimestamp"].as_int();
  consider(made, state.service);
  state.pods = std::move(times);
  state.service = made;
  return is_new ? made : earliest;
}

void TriggerTimes::forget(std::string_view service_key) {
  std::lock_guard lock(mutex_);
  if (auto found = states_.find(service_key); found != states_.end()) states_.erase(found);
}

}  // namespace sampan::controllers
