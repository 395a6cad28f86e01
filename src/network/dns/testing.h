// A small cluster, questions as bytes and answers as text, for the tests of this folder.
#pragma once
#include "api/core_v1.h"
#include "api/discovery_v1.h"
#include "base/text.h"
#include "network/dns/resolver.h"
#include "network/objects_testing.h"

namespace sampan::network::dns {

inline void fill(Index& index) {
  using api::core_v1::Service;
  using api::discovery_v1::EndpointSlice;
  for (const char* name : {"default", "kube-system"}) index.set_namespace(name, true);
  index.set_service("kube-system", "kube-dns", object_of<Service>("spec: {clusterIP: 10.0.0.53, clusterIPs: [10.0.0.53], ports: [{name: dns, port: 53, protocol: UDP}]}\n"));
  index.set_service("default", "web", object_of<Service>("spec: {clusterIP: 10.0.0.10, clusterIPs: [10.0.0.10, 'fd00::10'],\n"
                                                         "  ports: [{name: http, port: 80, protocol: TCP}, {name: dns, port: 53, protocol: UDP}]}\n"));
  index.set_slice("default", "web-1", "web", object_of<EndpointSlice>("metadata: {name: web-1}\naddressType: IPv4\nports: [{name: http, port: 8080, protocol: TCP}]\n"
                                                                      "endpoints: [{addresses: [10.1.0.1]}]\n"));
  index.set_service("default", "db", object_of<Service>("spec: {clusterIP: None, clusterIPs: [None], ports: [{name: sql, port: 5432, protocol: TCP}]}\n"));
  index.set_slice("default", "db-1", "db", object_of<EndpointSlice>("metadata: {name: db-1}\naddressType: IPv4\nports: [{name: sql, port: 5432, protocol: TCP}]\n"
                                                                    "endpoints: [{addresses: [10.1.0.5], hostname: db-0}, {addresses: [10.1.0.6]},\n"
                                                                    "  {addresses: [10.1.0.7], hostname: db-2, conditions: {ready: false}}]\n"));
  index.set_service("default", "empty", object_of<Service>("spec: {clusterIP: None, clusterIPs: [None]}\n"));
  index.set_service("default", "ext", object_of<Service>("spec: {type: ExternalName, externalName: www.example.com}\n"));
}

inline std::string make_query(std::string_view name, uint16_t type, uint16_t edns_bytes, uint16_t id = 0x1234) {
  auto put16 = [](std::string& out, int value) { out += static_cast<char>(value >> 8), out += static_cast<char>(value); };
  std::string out;
  for (int value : {int{id}, 0x0100, 1, 0, 0, edns_bytes ? 1 : 0}) put16(out, value);
  for (std::string_view label : split(name, '.')) append(out, static_cast<char>(label.size()), label);
  out += '\0';
  put16(out, type), put16(out, 1);
  if (edns_bytes) {
    out += '\0';
    for (int value : {int{OPT}, int{edns_bytes}, 0, 0, 0}) put16(out, value);
  }
  return out;
}

// "NOERROR aa; A 10.0.0.1; + A 10.0.0.2": the records, those of the additional section with a plus; "soa" in the authority section.
inline std::string describe(std::string_view message) {
  auto u16 = [&](size_t at) { return static_cast<uint8_t>(message[at]) << 8 | static_cast<uint8_t>(message[at + 1]); };
  if (message.size() < 12) return "too short";
  const char* codes[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"};
  int code = message[3] & 15;
  std::string out = code < 6 ? codes[code] : "?";
  if (message[2] & 4) out += " aa";
  if (message[2] & 2) out += " tc";
  size_t at = 12;
  if (u16(4)) {
    if (!skip_name(message, at)) return "bad question";
    at += 4;
  }
  int sections[] = {u16(6), u16(8), u16(10)};
  for (int section = 0; section < 3; ++section) {
    for (int i = 0; i < sections[section]; ++i) {
      WireName owner, name;
      if (!read_name(message, at, owner) || message.size() - at < 10) return out + "; bad record";
      int type = u16(at), size = u16(at + 8);
      if (type == OPT && message[at + 4] == 1) out = "BADVERS";
      at += 10;
      size_t data = at;
      at += size;
      if (at > message.size()) return out + "; bad data";
      if (type == OPT) continue;
      if (section == 1 && type == SOA) {
        out += "; soa";
        continue;
      }
      append(out, "; ", section == 2 ? "+ " : "");
      if (type == A || type == AAAA) append(out, type == A ? "A " : "AAAA ", address_of(message.substr(data, size))->text());
      else if (type == SOA) out += "SOA";
      else if (type == TXT) append(out, "TXT ", message.substr(data + 1, size - 1));
      else if (type == SRV) read_name(message, data += 6, name), append(out, "SRV ", u16(at - size + 2), " ", u16(at - size + 4), " ", to_text(name));
      else read_name(message, data, name), append(out, type == CNAME ? "CNAME " : type == PTR ? "PTR " : "NS ", to_text(name));
    }
  }
  return out;
}

inline std::string ask_bytes(const Resolver& resolver, std::string_view query) {
  Question question;
  if (parse_query(query, question) != Parsed::Good) return "bad query";
  char out[4096];
  Resolved resolved = resolver.resolve(query, question, out, sizeof out, 0);
  if (resolved.outcome == Outcome::Forward) return "forward";
  if (resolved.outcome == Outcome::Chase) return "chase " + to_text(resolved.target);
  return describe({out, resolved.size});
}

inline std::string ask_resolver(const Resolver& resolver, std::string_view question) {
  static constexpr std::pair<std::string_view, uint16_t> types[] = {{"A", A}, {"AAAA", AAAA}, {"SRV", SRV}, {"PTR", PTR}, {"CNAME", CNAME}, {"SOA", SOA}, {"NS", NS}, {"TXT", TXT}, {"MX", MX}};
  size_t space = question.find(' ');
  for (auto [name, type] : types)
    if (question.substr(space + 1) == name) return ask_bytes(resolver, make_query(question.substr(0, space), type, 1232));
  return "unknown type";
}

}  // namespace sampan::network::dns
