// Names of services, endpoints and pods, and names of addresses.
#include "network/dns/resolver.h"

#include <algorithm>

#include "base/text.h"

namespace sampan::network::dns {
namespace {

constexpr size_t kLabelsMax = 8;  // below the zone; no name of ours has more
using Section = Writer::Section;
using namespace std::string_view_literals;

// The labels of `name` before `suffix`; -1: it does not end with it, or there are too many.
int labels_before(std::string_view name, std::string_view suffix, std::string_view* labels) {
  if (!name.ends_with(suffix)) return -1;
  size_t end = name.size() - suffix.size(), at = 0;
  int count = 0;
  while (at < end) {
    if (count == kLabelsMax) return -1;
    size_t size = static_cast<uint8_t>(name[at]);
    labels[count++] = name.substr(at + 1, size);
    at += 1 + size;
  }
  return at == end ? count : -1;
}

bool has_suffix(std::string_view name, std::string_view suffix) {
  while (name.size() > suffix.size()) name = without_first(name);
  return name == suffix;
}

std::string_view without_underscore(std::string_view label) { return label.starts_with('_') ? label.substr(1) : label; }

// "10-1-2-3" and "fd00--1", as pods are called by their address.
std::optional<Address> address_of_label(std::string_view label) {
  bool v4 = std::count(label.begin(), label.end(), '-') == 3 && label.find("--") == label.npos;
  std::string text(label);
  std::replace(text.begin(), text.end(), '-', v4 ? '.' : ':');
  return parse_address(text);
}

std::optional<Address> address_of_reverse(std::string_view name) {
  std::string_view labels[40];
  size_t count = 0;
  for (; !name.empty() && count < 40; name = without_first(name)) labels[count++] = first_label(name);
  if (!name.empty() || count < 3 || labels[count - 1] != "arpa") return {};
  std::string text;
  if (labels[count - 2] == "in-addr" && count == 6) {
    for (int i = 3; i >= 0; --i) append(text, text.empty() ? "" : ".", labels[i]);
  } else if (labels[count - 2] == "ip6" && count == 34) {
    for (int i = 31; i >= 0; --i) {
      if (labels[i].size() != 1) return {};
      append(text, i % 4 == 3 && i != 31 ? ":" : "", labels[i]);
    }
  } else {
    return {};
  }
  return parse_address(text);
}

bool matches(const PortRecord& port, std::string_view name, std::string_view protocol) { return port.name == name && port.protocol == protocol; }

}  // namespace

struct Resolver::Asked {
  const Question& question;
  std::string_view name;
  Writer& writer;
  uint32_t spin;
  Resolved& resolved;
};

struct Resolver::Name {
  const std::string_view* labels;
  int count;
};

Resolver::Resolver(const Index& index, ZoneOptions options)
    : index_(index), options_(std::move(options)), zone_(to_wire(options_.domain)), service_suffix_(concat("\3svc", zone_)) {}

bool Resolver::in_zone(std::string_view name) const { return has_suffix(name, zone_); }

size_t Resolver::refuse(std::string_view query, const Question& question, Code code, char* out, size_t size_max) {
  Writer writer(out, size_max);
  writer.begin(query, question, false);
  return writer.finish(code);
}

Resolved Resolver::resolve(std::string_view query, const Question& question, char* out, size_t size_max, uint32_t spin) const {
  Resolved resolved;
  auto refused = [&](Code code) {
    resolved.outcome = Outcome::Answered;
    resolved.code = code;
    resolved.size = refuse(query, question, code, out, size_max);
    return resolved;
  };
  if (question.has_edns && question.edns_version != 0) return refused(BadVersion);
  if (question.klass != 1 && question.klass != ANY) return refused(Refused);
  Writer writer(out, size_max);
  Asked asked{question, question.name(), writer, spin, resolved};
  std::string_view labels[kLabelsMax];
  bool reverse = false;
  if (!in_zone(asked.name)) {
    reverse = asked.name.ends_with("\4arpa"sv);
    if (!reverse) {
      resolved.outcome = Outcome::Forward;
      return resolved;
    }
  }
  resolved.outcome = Outcome::Answered;
  resolved.own_zone = true;
  writer.begin(query, question, true);
  if (reverse) {
    if (!answer_reverse(asked)) {
      resolved.outcome = Outcome::Forward;
      resolved.own_zone = false;
      return resolved;
    }
    resolved.size = writer.finish(NoError);
    return resolved;
  }
  resolved.code = answer_zone(asked, {labels, labels_before(asked.name, zone_, labels)});
  if (resolved.outcome == Outcome::Answered) resolved.size = writer.finish(resolved.code);
  return resolved;
}

// Nothing of what was asked for, or no such name: the zone's SOA says for how long to remember that.
Code Resolver::answer_zone(Asked& asked, const Name& name) const {
  const std::string_view* labels = name.labels;
  Writer& writer = asked.writer;
  uint32_t ttl = options_.ttl_s;
  auto nothing = [&](Code code) {
    writer.start_of_authority(Section::Authority, zone_, ttl, index_.serial());
    return code;
  };
  auto put_name_server = [&](Section section, std::string_view owner) {
    const ServiceRecord* dns = index_.service("kube-system", "kube-dns");
    if (!dns) return;
    for (const Address& address : dns->addresses)
      if (section == Section::Additional || asked.question.type == (address.v6 ? AAAA : A)) writer.address(section, owner, ttl, address);
  };
  if (name.count < 0) return nothing(NoSuchName);
  if (name.count == 0) {
    if (asked.question.type == SOA) return writer.start_of_authority(Section::Answer, zone_, ttl, index_.serial()), NoError;
    if (asked.question.type != NS) return nothing(NoError);
    WireName server = concat("\2ns\3dns", zone_);
    writer.name_record(Section::Answer, zone_, NS, ttl, server);
    put_name_server(Section::Additional, server);
    return NoError;
  }
  std::string_view branch = labels[name.count - 1];
  if (name.count == 1 && branch == "dns-version") {
    if (asked.question.type != TXT) return nothing(NoError);
    writer.text(Section::Answer, asked.name, ttl, "1.1.0");
    return NoError;
  }
  if (name.count == 2 && branch == "dns" && labels[0] == "ns") {
    put_name_server(Section::Answer, asked.name);
    return NoError;
  }
  if (branch != "svc" && branch != "pod") return nothing(NoSuchName);
  if (name.count == 1) return nothing(NoError);
  if (!index_.has_namespace(labels[name.count - 2])) return nothing(NoSuchName);
  if (name.count == 2) return nothing(NoError);
  Code code = branch == "svc" ? answer_service(asked, name) : answer_pod(asked, name);
  if (asked.resolved.outcome != Outcome::Answered || writer.answers()) return code;
  return nothing(code);
}

Code Resolver::answer_pod(Asked& asked, const Name& name) const {
  if (name.count != 3) return NoSuchName;
  std::optional<Address> address = address_of_label(name.labels[0]);
  if (!address) return NoSuchName;
  if (asked.question.type == (address->v6 ? AAAA : A)) asked.writer.address(Section::Answer, asked.name, options_.ttl_s, *address);
  return NoError;
}

void Resolver::put_addresses(Asked& asked, const std::vector<const Address*>& addresses) const {
  size_t count = addresses.size();
  for (size_t i = 0; i < count; ++i) asked.writer.address(Section::Answer, asked.name, options_.ttl_s, *addresses[(i + asked.spin) % count]);
}

// service.namespace.svc, label.service.namespace.svc, _port._protocol.service.namespace.svc
Code Resolver::answer_service(Asked& asked, const Name& name) const {
  if (name.count > 5) return NoSuchName;
  const ServiceRecord* record = index_.service(name.labels[name.count - 2], name.labels[name.count - 3]);
  if (!record) return NoSuchName;
  uint16_t type = asked.question.type;
  if (!record->external_name.empty()) {
    WireName target = to_wire(record->external_name);
    if (name.count != 3 || target.empty() || parse_address(record->external_name)) return NoSuchName;
    if (type != A && type != AAAA && type != CNAME) return NoError;
    asked.writer.name_record(Section::Answer, asked.name, CNAME, options_.ttl_s, target);
    if (type == CNAME) return NoError;
    asked.resolved.outcome = Outcome::Chase;
    asked.resolved.target = std::move(target);
    return NoError;
  }
  std::string_view label, port_name, protocol;
  if (name.count == 4) label = name.labels[0];
  if (name.count == 5) port_name = without_underscore(name.labels[0]), protocol = without_underscore(name.labels[1]);
  auto has_port = [&](const std::vector<PortRecord>& ports) {
    return name.count != 5 || std::any_of(ports.begin(), ports.end(), [&](const PortRecord& port) { return matches(port, port_name, protocol); });
  };
  bool by_endpoint = record->headless || name.count == 4, found = false;
  thread_local std::vector<const Address*> addresses;
  addresses.clear();
  auto add = [&](const Address& address) {
    found = true;
    if (type != (address.v6 ? AAAA : A)) return;
    for (const Address* one : addresses)
      if (*one == address) return;
    addresses.push_back(&address);
  };
  if (by_endpoint) {
    for (const EndpointRecord& endpoint : record->endpoints)
      if ((label.empty() || endpoint.label == label) && has_port(endpoint.ports)) add(endpoint.address);
    // A service that has no endpoints now is a name all the same.
    found |= name.count == 3 || (name.count == 5 && record->endpoints.empty() && has_port(record->ports));
  } else if (has_port(record->ports)) {
    for (const Address& address : record->addresses) add(address);
  }
  if (!found) return NoSuchName;
  if (type == A || type == AAAA) put_addresses(asked, addresses);
  if (type == SRV) put_services(asked, name, *record);
  return NoError;
}

void Resolver::put_services(Asked& asked, const Name& name, const ServiceRecord& record) const {
  std::string_view label, port_name, protocol;
  if (name.count == 4) label = name.labels[0];
  if (name.count == 5) port_name = without_underscore(name.labels[0]), protocol = without_underscore(name.labels[1]);
  auto wanted = [&](const PortRecord& port) { return name.count != 5 || matches(port, port_name, protocol); };
  WireName base;  // service.namespace.svc.zone
  for (int i = name.count - 3; i < name.count - 1; ++i) {
    base.push_back(static_cast<char>(name.labels[i].size()));
    base += name.labels[i];
  }
  base += service_suffix_;
  struct Line {
    uint16_t port;
    WireName target;
    const Address* address;  // endpoints have one, services their cluster IPs
  };
  std::vector<Line> lines;
  if (record.headless || name.count == 4) {
    for (const EndpointRecord& endpoint : record.endpoints) {
      if (!label.empty() && endpoint.label != label) continue;
      WireName target = concat(static_cast<char>(endpoint.label.size()), endpoint.label, base);
      for (const PortRecord& port : endpoint.ports)
        if (wanted(port)) lines.push_back({port.port, target, &endpoint.address});
    }
  } else {
    for (const PortRecord& port : record.ports)
      if (wanted(port)) lines.push_back({port.port, base, nullptr});
  }
  // Of an endpoint with two families there are two lines that say the same.
  auto said_before = [&](size_t i) {
    for (size_t j = 0; j < i; ++j)
      if (lines[j].port == lines[i].port && lines[j].target == lines[i].target) return true;
    return false;
  };
  uint16_t weight = static_cast<uint16_t>(lines.empty() ? 0 : std::max<size_t>(100 / lines.size(), 1));
  for (size_t i = 0; i < lines.size(); ++i)
    if (!said_before(i)) asked.writer.service(Section::Answer, asked.name, options_.ttl_s, lines[i].port, weight, lines[i].target);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].address) {
      if (i == 0)
        for (const Address& address : record.addresses) asked.writer.address(Section::Additional, base, options_.ttl_s, address);
      continue;
    }
    bool before = std::any_of(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(i), [&](const Line& one) { return one.address == lines[i].address; });
    if (!before) asked.writer.address(Section::Additional, lines[i].target, options_.ttl_s, *lines[i].address);
  }
}

bool Resolver::answer_reverse(Asked& asked) const {
  std::optional<Address> address = address_of_reverse(asked.name);
  const std::vector<std::string>* names = address ? index_.names_of(*address) : nullptr;
  if (!names) return false;
  if (asked.question.type != PTR) {
    asked.writer.start_of_authority(Section::Authority, zone_, options_.ttl_s, index_.serial());
    return true;
  }
  for (const std::string& name : *names) asked.writer.name_record(Section::Answer, asked.name, PTR, options_.ttl_s, to_wire(name) + service_suffix_);
  return true;
}

}  // namespace sampan::network::dns
