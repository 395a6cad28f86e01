// Listing and deleting tracked flows by ctnetlink.
#include "network/netlink/conntrack.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

namespace sampan::network {
namespace {

constexpr uint16_t type_of(uint16_t message) { return NFNL_SUBSYS_CTNETLINK << 8 | message; }
constexpr int kRoundsMax = 3;  // dumps that a change raced with are repeated

struct Tuple {
  Address source, destination;
  uint8_t protocol = 0;
  uint16_t source_port = 0, destination_port = 0;
};

Tuple tuple_of(std::string_view bytes) {
  Tuple tuple;
  Attributes addresses(find_attribute(bytes, CTA_TUPLE_IP));
  while (addresses.next()) {
    std::optional<Address> address = address_of(addresses.value());
    if (!address) continue;
    if (addresses.type() == CTA_IP_V4_SRC || addresses.type() == CTA_IP_V6_SRC) tuple.source = *address;
    if (addresses.type() == CTA_IP_V4_DST || addresses.type() == CTA_IP_V6_DST) tuple.destination = *address;
  }
  Attributes transport(find_attribute(bytes, CTA_TUPLE_PROTO));
  while (transport.next()) {
    if (transport.type() == CTA_PROTO_NUM && !transport.value().empty()) tuple.protocol = transport.value()[0];
    if (transport.type() == CTA_PROTO_SRC_PORT) tuple.source_port = transport.be16();
    if (transport.type() == CTA_PROTO_DST_PORT) tuple.destination_port = transport.be16();
  }
  return tuple;
}

}  // namespace

Result<int> forget_flows(NetlinkSocket& netfilter, bool v6, uint8_t protocol, const std::function<bool(const Flow&)>& unwanted) {
  nfgenmsg head{.nfgen_family = static_cast<uint8_t>(v6 ? AF_INET6 : AF_INET)};
  std::vector<std::string> found;
  bool complete = false;
  for (int round = 0; round < kRoundsMax && !complete; ++round) {
    Messages request;
    request.begin(type_of(IPCTNL_MSG_CT_GET), NLM_F_DUMP);
    request.header(head);
    request.end();
    found.clear();
    complete = TRY(netfilter.query(request, [&](const Answer& answer) {
      std::string_view attributes = answer.after(sizeof head);
      std::string_view original = find_attribute(attributes, CTA_TUPLE_ORIG);
      Tuple there = tuple_of(original);
      if (there.protocol != protocol) return;
      Tuple back = tuple_of(find_attribute(attributes, CTA_TUPLE_REPLY));
      Flow flow{.source = there.source, .destination = there.destination, .answered_by = back.source, .protocol = protocol,
                .source_port = there.source_port, .destination_port = there.destination_port, .answering_port = back.source_port};
      if (unwanted(flow)) found.emplace_back(original);
    }));
  }
  int count = 0;
  for (const std::string& tuple : found) {
    Messages request;
    request.begin(type_of(IPCTNL_MSG_CT_DELETE), 0);
    request.header(head);
    request.attribute(CTA_TUPLE_ORIG | NLA_F_NESTED, tuple);
    request.end();
    auto done = netfilter.execute(request);
    if (!done && done.error().code() != ENOENT) return fail(std::move(done).error());
    count += done.has_value();
  }
  return count;
}

Result<int> forget_flows_to_port(NetlinkSocket& netfilter, bool v6, uint8_t protocol, uint16_t port) {
  return forget_flows(netfilter, v6, protocol, [port](const Flow& flow) { return flow.destination_port == port; });
}

}  // namespace sampan::network
