#include "registry/core/service_allocation.h"

#include "base/text.h"
#include "registry/columns.h"
#include "registry/core/service.h"

namespace sampan::registry::core {

using schema::AnyView;

namespace {

std::vector<std::string> texts(Value list) {
  std::vector<std::string> out;
  for (Value item : list.items()) out.emplace_back(item.as_string());
  return out;
}

std::vector<std::string> texts(const AnyView& list) {
  std::vector<std::string> out;
  for (uint32_t i = 0; i < list.size(); i++) out.emplace_back(list.item(i).as_string());
  return out;
}

void set_texts(Value object, std::string_view field, const std::vector<std::string>& list) {
  Value items = Value::list(object.arena());
  for (const auto& text : list) items.push(object.arena().copy(text));
  object.set(field, items);
}

void set_text(Value object, std::string_view field, std::string_view text) { object.set(field, object.arena().copy(text)); }

std::string_view family_of(std::string_view ip) {
  auto parsed = parse_ip(ip);
  return !parsed ? "unknown" : parsed->is_v6() ? "IPv6" : "IPv4";
}

std::string_view other_family(std::string_view family) { return family == "IPv4" ? "IPv6" : "IPv4"; }

Error invalid(Value object, FieldErrors&& errors) {
  return std::move(errors).to_error("", "Service", object["metadata"]["name"].as_string());
}

Error invalid_at(Value object, const Path& path, const Shown& value, std::string_view detail) {
  FieldErrors errors;
  errors.invalid(path, value, detail);
  return invalid(object, std::move(errors));
}

bool has_cluster_ip(std::string_view type) { return type != "ExternalName"; }

bool wants_node_ports(Value spec) {
  auto type = spec["type"].as_string();
  if (type == "NodePort") return true;
  auto allocate = spec["allocateLoadBalancerNodePorts"];
  return type == "LoadBalancer" && (allocate.is_missing() || allocate.as_bool());
}
bool wants_node_ports(const AnyView& spec) {
  auto type = spec["type"].as_string();
  if (type == "NodePort") return true;
  auto allocate = spec["allocateLoadBalancerNodePorts"];
  return type == "LoadBalancer" && (!allocate.present() || allocate.as_bool());
}
bool wants_health_port(Value spec) {
  return spec["type"].as_string() == "LoadBalancer" && spec["externalTrafficPolicy"].as_string() == "Local";
}

std::vector<int> node_ports_of(const Object& service) {
  std::vector<int> out;
  auto ports = service["spec"]["ports"];
  for (uint32_t i = 0; i < ports.size(); i++)
    if (auto port = ports.item(i)["nodePort"].as_int()) out.push_back(static_cast<int>(port));
  if (needs_health_check(service))
    if (auto port = service["spec"]["healthCheckNodePort"].as_int()) out.push_back(static_cast<int>(port));
  return out;
}

std::vector<std::string> cluster_ips_of(const Object& service) {
  if (!has_cluster_ip(service["spec"]["type"].as_string()) || is_headless_service(service)) return {};
  return texts(service["spec"]["clusterIPs"]);
}

template <class T>
bool contains(const std::vector<T>& list, const T& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// ---- what an update leaves out is what it was ----

void keep_node_ports(Value spec, const AnyView& before) {
  auto old_ports = before["ports"];
  std::vector<int64_t> kept;
  for (Value port : spec["ports"].items())
    for (uint32_t i = 0; i < old_ports.size(); i++)
      if (auto number = port["nodePort"].as_int(); number && number == old_ports.item(i)["nodePort"].as_int()) kept.push_back(number);
  for (Value port : spec["ports"].items()) {
    if (!port.is_object() || port["nodePort"].as_int() != 0) continue;
    for (uint32_t i = 0; i < old_ports.size(); i++) {
      auto number = old_ports.item(i)["nodePort"].as_int();
      if (number && old_ports.item(i)["name"].as_string() == port["name"].as_string() && !contains(kept, number)) port.set("nodePort", number);
    }
  }
}

void keep_allocated(Value spec, const AnyView& before) {
  if (has_cluster_ip(before["type"].as_string()) && has_cluster_ip(spec["type"].as_string())) {
    auto ip = before["clusterIP"].as_string();
    if (spec["clusterIP"].as_string().empty() && !ip.empty()) set_text(spec, "clusterIP", ip);
    if (spec["clusterIPs"].size() == 0 && before["clusterIPs"].size() > 0) set_texts(spec, "clusterIPs", texts(before["clusterIPs"]));
  }
  if (wants_node_ports(spec) && wants_node_ports(before)) keep_node_ports(spec, before);
  bool had_health_port = before["type"].as_string() == "LoadBalancer" && before["externalTrafficPolicy"].as_string() == "Local";
  if (had_health_port && wants_health_port(spec) && spec["healthCheckNodePort"].as_int() == 0 && before["healthCheckNodePort"].as_int())
    spec.set("healthCheckNodePort", before["healthCheckNodePort"].as_int());
}

// Old clients know only clusterIP, new ones clusterIPs: one follows from the other, but only where the client did not say both.
void agree_on_cluster_ips(Value spec, const AnyView* before) {
  auto single = spec["clusterIP"].as_string();
  if (!before) {
    if (!single.empty() && spec["clusterIPs"].size() == 0) set_texts(spec, "clusterIPs", {std::string(single)});
    return;
  }
  auto old_single = (*before)["clusterIP"].as_string();
  auto old_ips = texts((*before)["clusterIPs"]);
  if (!old_ips.empty() && spec["clusterIPs"].size() == 0 && old_single == single) set_texts(spec, "clusterIPs", old_ips);
  if (old_single == single || texts(spec["clusterIPs"]) != old_ips) return;
  if (single.empty())
    spec.remove("clusterIPs");
  else
    set_texts(spec, "clusterIPs", {std::string(single)});
}

// A service that prefers two families and is written as it was keeps what it has, even if it has but one.
bool is_unchanged_preference(Value spec, const AnyView& before) {
  auto type = spec["type"].as_string();
  if (spec["ipFamilyPolicy"].is_missing() || type != before["type"].as_string() || type == "ExternalName") return false;
  if (spec["ipFamilyPolicy"].as_string() != "PreferDualStack") return false;
  if (before["ipFamilyPolicy"].present() && before["ipFamilyPolicy"].as_string() != "PreferDualStack") return false;
  return texts(spec["clusterIPs"]) == texts(before["clusterIPs"]) && texts(spec["ipFamilies"]) == texts(before["ipFamilies"]);
}

}  // namespace

// What was taken for a write that may still fail.
struct ServiceAllocator::Taken {
  std::vector<std::string> ips;
  std::vector<int> ports;
};

class ServiceAllocator::Giveback : public Hooks::Undo {
 public:
  Giveback(ServiceAllocator& allocator, Taken taken) : allocator_(allocator), taken_(std::move(taken)) {}
  void undo() override { allocator_.release(taken_.ips, taken_.ports); }

 private:
  ServiceAllocator& allocator_;
  Taken taken_;
};

ServiceAllocator::ServiceAllocator(AddressObjects& addresses, PortStore& ports, ReadyCidrs cidrs, Random& random, AllocatorOptions options)
    : addresses_(addresses), ports_(ports), cidrs_(std::move(cidrs)), random_(random), options_(std::move(options)) {}

bool ServiceAllocator::is_configured(std::string_view family) const { return contains(options_.families, std::string(family)); }

// ---- families ----

Result<void> ServiceAllocator::init_families(Value object, const Object* old) {
  Value spec = object["spec"];
  if (!has_cluster_ip(spec["type"].as_string())) return {};
  AnyView before = old ? (*old)["spec"] : AnyView();
  if (old && is_unchanged_preference(spec, before)) return {};
  bool selectorless_headless = spec["clusterIP"].as_string() == "None" && spec["selector"].size() == 0;
  if (spec["ipFamilyPolicy"].is_missing()) {
    if (before["ipFamilyPolicy"].present())
      set_text(spec, "ipFamilyPolicy", before["ipFamilyPolicy"].as_string());
    else
      spec.set("ipFamilyPolicy", selectorless_headless ? "RequireDualStack" : "SingleStack");
  }
  auto policy = spec["ipFamilyPolicy"].as_string();
  bool single = policy == "SingleStack";
  {
    auto frozen = TRY(schema::freeze(object, *schema::builtin_kind("", "v1", "Service")));
    FieldErrors errors;
    validate_cluster_ips(*frozen, old, errors);
    if (!errors.empty()) return fail(invalid(object, std::move(errors)));
  }
  auto ips = texts(spec["clusterIPs"]), families = texts(spec["ipFamilies"]);
  FieldErrors errors;
  Path path("spec");
  auto policy_invalid = [&](std::string_view detail) { errors.invalid(path.child("ipFamilyPolicy"), policy, detail); };
  if (old) {
    auto old_ips = texts(before["clusterIPs"]), old_families = texts(before["ipFamilies"]);
    if (single) {
      if (ips == old_ips && ips.size() > 1) ips.resize(1);
      if (families == old_families && families.size() > 1) families.resize(1);
    } else {
      if (!ips.empty() && ips.size() < old_ips.size()) policy_invalid("must be 'SingleStack' to release the secondary cluster IP");
      if (!families.empty() && families.size() < old_families.size()) policy_invalid("must be 'SingleStack' to release the secondary IP family");
    }
  }
  if (single && ips.size() == 2) policy_invalid("must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified");
  if (single && families.size() == 2) policy_invalid("must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified");
  auto ips_path = path.child("clusterIPs");
  for (size_t i = 0; i < ips.size() && ips[i] != "None"; i++) {
    if (i < families.size()) continue;
    auto family = family_of(ips[i]);
    if (is_configured(family))
      families.emplace_back(family);
    else
      errors.invalid(ips_path.index(i), Shown::texts(ips), concat(family, " is not configured on this cluster"));
  }
  if (!errors.empty()) return fail(invalid(object, std::move(errors)));
  if (!ips.empty()) set_texts(spec, "clusterIPs", ips);
  if (!selectorless_headless) return init_plain_families(object, std::move(families), policy);
  // Nobody but the user says what is behind a headless service without selector: any family may be.
  if (families.empty()) families.push_back(options_.default_family);
  if (families.size() < 2 && !single) families.emplace_back(other_family(families[0]));
  set_texts(spec, "ipFamilies", families);
  return {};
}

Result<void> ServiceAllocator::init_plain_families(Value object, std::vector<std::string> families, std::string_view policy) {
  FieldErrors errors;
  Path path("spec");
  if (policy == "RequireDualStack" && options_.families.size() < 2)
    errors.invalid(path.child("ipFamilyPolicy"), policy, "this cluster is not configured for dual-stack services");
  auto families_path = path.child("ipFamilies");
  for (size_t i = 0; i < families.size(); i++)
    if (!is_configured(families[i])) errors.invalid(families_path.index(i), Shown::named(families[i]), "not configured on this cluster");
  if (!errors.empty()) return fail(invalid(object, std::move(errors)));
  if (families.empty()) families.push_back(options_.default_family);
  if (policy != "SingleStack" && families.size() == 1 && options_.families.size() == 2) families.emplace_back(other_family(families[0]));
  set_texts(object["spec"], "ipFamilies", families);
  return {};
}

// ---- cluster IPs ----

Result<void> ServiceAllocator::take_cluster_ips(Value object, Taken& taken, bool dry_run) {
  Value spec = object["spec"];
  if (!has_cluster_ip(spec["type"].as_string())) return {};
  auto ips = texts(spec["clusterIPs"]), families = texts(spec["ipFamilies"]);
  if (!ips.empty() && ips[0] == "None") return {};
  ips.resize(std::max(ips.size(), families.size()));
  for (size_t i = 0; i < families.size(); i++) ips[i] = TRY(take_ip(object, families[i], ips[i], taken, dry_run));
  set_texts(spec, "clusterIPs", ips);
  if (!ips.empty()) set_text(spec, "clusterIP", ips[0]);
  return {};
}

namespace {

struct AddressRange {
  Ip first, last;
  uint64_t size = 0;      // addresses that may be used, capped
  uint64_t reserved = 0;  // at the start, for those who ask for a certain one
};

Ip plus(Ip ip, uint64_t offset) {
  unsigned carry = 0;
  for (int i = 15; i >= 0 && (offset || carry); i--) {
    unsigned sum = ip.bytes[i] + (offset & 0xff) + carry;
    ip.bytes[i] = static_cast<uint8_t>(sum);
    carry = sum >> 8;
    offset >>= 8;
  }
  return ip;
}

// Neither the network's own address nor, for IPv4, the broadcast address is given away.
AddressRange range_of(const Cidr& cidr) {
  AddressRange range;
  int host_bits = 128 - cidr.prefix_of_128();
  uint64_t all = host_bits >= 62 ? uint64_t{1} << 62 : uint64_t{1} << host_bits;
  uint64_t unused = cidr.is_v4() ? 2 : 1;
  range.size = all > unused ? all - unused : 0;
  range.first = plus(cidr.network(), 1);
  range.last = plus(cidr.network(), range.size);
  range.reserved = all <= 16 ? 0 : std::clamp<uint64_t>(all / 16, 16, 256);
  return range;
}

bool is_between(const Ip& ip, const AddressRange& range) {
  return range.size > 0 && range.first.bytes <= ip.bytes && ip.bytes <= range.last.bytes;
}

constexpr std::string_view kTaken = "provided IP is already allocated";

}  // namespace

// The IPAddress object that says whose the address is. False: somebody has it.
Result<bool> ServiceAllocator::make_address(Value object, const Ip& ip) {
  Arena arena;
  Value address = Value::object(arena), labels = Value::object(arena), metadata = Value::object(arena);
  labels.set("ipaddress.kubernetes.io/ip-family", ip.is_v6() ? "IPv6" : "IPv4");
  labels.set("ipaddress.kubernetes.io/managed-by", "ipallocator.k8s.io");
  metadata.set("name", arena.copy(ip.text()));
  metadata.set("labels", labels);
  address.set("metadata", metadata);
  Value parent = Value::object(arena), spec = Value::object(arena);
  parent.set("resource", "services");
  parent.set("namespace", arena.copy(object["metadata"]["namespace"].as_string()));
  parent.set("name", arena.copy(object["metadata"]["name"].as_string()));
  spec.set("parentRef", parent);
  address.set("spec", spec);
  auto made = addresses_.create(address, arena);
  if (made) return true;
  if (made.error().is(Reason::AlreadyExists)) return false;
  return fail(std::move(made).error());
}

Result<std::string> ServiceAllocator::take_ip(Value object, std::string_view family, std::string_view wanted, Taken& taken, bool dry_run) {
  if (wanted.empty()) return take_any_ip(object, family, taken, dry_run);
  auto ip = parse_ip(wanted);
  if (!ip) return fail(internal_error(concat("failed to parse service IP ", quoted(wanted))));
  auto refuse = [&](std::string_view why) {
    auto shown = Shown::texts(texts(object["spec"]["clusterIPs"]));
    return fail(invalid_at(object, Path("spec").child("clusterIPs"), shown, concat("failed to allocate IP ", wanted, ": ", why)));
  };
  bool in_range = false;  // the network's own address and its broadcast address are in none
  for (const Cidr& cidr : cidrs_()) in_range |= cidr.contains(*ip) && is_between(*ip, range_of(cidr));
  if (!in_range) return refuse("the provided network does not match the current range");
  if (dry_run) return std::string(wanted);
  auto made = make_address(object, *ip);
  if (!made) return refuse(made.error().message());
  if (!*made) return refuse(kTaken);
  taken.ips.push_back(ip->text());
  return std::string(wanted);
}

Result<std::string> ServiceAllocator::take_any_ip(Value object, std::string_view family, Taken& taken, bool dry_run) {
  for (const Cidr& cidr : cidrs_()) {
    if (cidr.is_v4() != (family == "IPv4")) continue;
    if (dry_run) return cidr.network().text();
    auto range = range_of(cidr);
    auto search = [&](uint64_t low, uint64_t high) -> Result<std::string> {
      if (low >= high) return std::string();
      uint64_t start = random_.below(high - low);
      for (uint64_t i = 0; i < high - low; i++) {
        Ip ip = plus(range.first, low + (start + i) % (high - low));
        auto name = ip.text();
        if (addresses_.exists(name)) continue;
        auto made = make_address(object, ip);
        if (!made) {
          auto shown = Shown::texts(std::vector<std::string>{std::string()});
          return fail(invalid_at(object, Path("spec").child("clusterIPs"), shown, concat("failed to allocate IP: ", made.error().message())));
        }
        if (!*made) continue;
        taken.ips.push_back(name);
        return name;
      }
      return std::string();
    };
    if (auto name = TRY(search(range.reserved, range.size)); !name.empty()) return name;
    if (auto name = TRY(search(0, std::min(range.reserved, range.size))); !name.empty()) return name;
  }
  return fail(internal_error(
      concat("failed to allocate a serviceIP for Service ", quoted(object["metadata"]["name"].as_string()), ": range is full")));
}

Result<void> ServiceAllocator::update_cluster_ips(Value object, const Object& old, Taken& taken, bool dry_run) {
  Value spec = object["spec"];
  auto before = old["spec"];
  if (is_unchanged_preference(spec, before) || !has_cluster_ip(spec["type"].as_string())) return {};
  if (!has_cluster_ip(before["type"].as_string())) return take_cluster_ips(object, taken, dry_run);
  if (is_headless_service(old)) return {};
  auto families = texts(spec["ipFamilies"]), ips = texts(spec["clusterIPs"]);
  if (before["ipFamilies"].size() != 1 || families.size() != 2) return {};
  ips.resize(2);
  ips[1] = TRY(take_ip(object, families[1], ips[1], taken, dry_run));
  set_texts(spec, "clusterIPs", ips);
  return {};
}

// ---- ports ----

Result<int> ServiceAllocator::take_port(int wanted, Taken& taken, bool dry_run) {
  int port = wanted;
  auto done = ports_.update([&](PortBitmap& ports) -> Result<void> {
    if (wanted) {
      if (!ports.in_range(wanted))
        return fail(bad_request(concat("provided port is not in the valid range. The range of valid ports is ", ports.range_text())));
      if (ports.has(wanted)) return fail(bad_request("provided port is already allocated"));
    } else {
      port = ports.pick(random_);
      if (!port) return fail(bad_request("range is full"));
    }
    if (dry_run) return {};
    ports.set(port, true);
    return {};
  });
  if (!done) return fail(std::move(done).error());
  if (!dry_run) taken.ports.push_back(port);
  return port;
}

Result<void> ServiceAllocator::take_node_ports(Value object, const Object* old, Taken& taken, bool dry_run) {
  Value spec = object["spec"];
  auto type = spec["type"].as_string();
  std::vector<int> had = old ? node_ports_of(*old) : std::vector<int>();
  if (type == "NodePort" || type == "LoadBalancer") {
    Path path("spec");
    auto ports_path = path.child("ports");
    std::vector<std::pair<int64_t, int>> by_port;  // one node port serves a port over all protocols, unless told otherwise
    size_t index = 0;
    for (Value port : spec["ports"].items()) {
      size_t i = index++;
      if (!port.is_object()) continue;
      int wanted = static_cast<int>(port["nodePort"].as_int());
      if (wanted == 0 && !wants_node_ports(spec)) continue;
      auto number = port["port"].as_int();
      auto shared = std::find_if(by_port.begin(), by_port.end(), [&](const auto& entry) { return entry.first == number; });
      if (!old && shared == by_port.end() && wanted == 0)
        for (Value other : spec["ports"].items())
          if (other["port"].as_int() == number && other["nodePort"].as_int()) {
            wanted = static_cast<int>(other["nodePort"].as_int());
            break;
          }
      if (!old && shared != by_port.end() && wanted == 0) wanted = shared->second;
      if (wanted && (contains(had, wanted) || (old && contains(taken.ports, wanted)))) {
        port.set("nodePort", wanted);
        by_port.emplace_back(number, wanted);
        continue;
      }
      bool same_as_shared = shared != by_port.end() && wanted == shared->second;
      if (same_as_shared) {
        port.set("nodePort", wanted);
        continue;
      }
      auto got = take_port(wanted, taken, dry_run);
      if (!got && wanted) return fail(invalid_at(object, ports_path.index(i).child("nodePort"), wanted, got.error().message()));
      if (!got) return fail(internal_error(concat("failed to allocate a nodePort: ", got.error().message())));
      port.set("nodePort", *got);
      by_port.emplace_back(number, *got);
    }
  }
  if (!wants_health_port(spec) || (old && needs_health_check(*old))) return {};
  int wanted = static_cast<int>(spec["healthCheckNodePort"].as_int());
  auto got = take_port(wanted, taken, dry_run);
  if (!got)
    return fail(internal_error(wanted ? concat("failed to allocate requested HealthCheck NodePort ", wanted, ": ", got.error().message())
                                      : concat("failed to allocate a HealthCheck NodePort 0: ", got.error().message())));
  spec.set("healthCheckNodePort", *got);
  return {};
}

// ---- hooks ----

Result<std::unique_ptr<Hooks::Undo>> ServiceAllocator::before_create(Value object, bool dry_run) {
  Value spec = object.ensure_object("spec");
  agree_on_cluster_ips(spec, nullptr);
  TRY(init_families(object, nullptr));
  Taken taken;
  auto take = [&]() -> Result<void> {
    TRY(take_cluster_ips(object, taken, dry_run));
    return take_node_ports(object, nullptr, taken, dry_run);
  };
  if (auto done = take(); !done) {
    release(taken.ips, taken.ports);
    return fail(std::move(done).error());
  }
  return std::make_unique<Giveback>(*this, std::move(taken));
}

Result<std::unique_ptr<Hooks::Undo>> ServiceAllocator::before_update(Value object, const Object& old, bool dry_run) {
  Value spec = object.ensure_object("spec");
  auto before = old["spec"];
  keep_allocated(spec, before);
  agree_on_cluster_ips(spec, &before);
  TRY(init_families(object, &old));
  Taken taken;
  auto take = [&]() -> Result<void> {
    TRY(update_cluster_ips(object, old, taken, dry_run));
    return take_node_ports(object, &old, taken, dry_run);
  };
  if (auto done = take(); !done) {
    release(taken.ips, taken.ports);
    return fail(std::move(done).error());
  }
  return std::make_unique<Giveback>(*this, std::move(taken));
}

void ServiceAllocator::after_update(const Object& object, const Object& old) {
  auto ips = cluster_ips_of(object);
  auto ports = node_ports_of(object);
  std::vector<std::string> free_ips;
  std::vector<int> free_ports;
  for (const auto& ip : cluster_ips_of(old))
    if (!contains(ips, ip)) free_ips.push_back(ip);
  for (int port : node_ports_of(old))
    if (!contains(ports, port)) free_ports.push_back(port);
  release(free_ips, free_ports);
}

void ServiceAllocator::after_delete(const Object& object) { release(cluster_ips_of(object), node_ports_of(object)); }

// What cannot be given back now is found by repair().
void ServiceAllocator::release(const std::vector<std::string>& ips, const std::vector<int>& ports) {
  for (const auto& ip : ips)
    if (auto parsed = parse_ip(ip)) (void)addresses_.remove(parsed->text());
  if (ports.empty()) return;
  (void)ports_.update([&](PortBitmap& bitmap) -> Result<void> {
    for (int port : ports) bitmap.set(port, false);
    return {};
  });
}

}  // namespace sampan::registry::core
