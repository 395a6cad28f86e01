// Connection tracking: flows that the kernel remembers. A flow that was translated keeps its translation, so that UDP, which never ends, goes on to
// a pod that is no more unless its flow is forgotten.
#pragma once
#include <functional>

#include "network/address.h"
#include "network/netlink/netlink.h"

namespace sampan::network {

struct Flow {
  Address source, destination;  // as the client sent it
  Address answered_by;          // the source of the answers: where the flow was translated to
  uint8_t protocol = 0;
  uint16_t source_port = 0, destination_port = 0, answering_port = 0;
};

// Forgets the flows of a family and protocol that `unwanted` names; how many.
Result<int> forget_flows(NetlinkSocket& netfilter, bool v6, uint8_t protocol, const std::function<bool(const Flow&)>& unwanted);
Result<int> forget_flows_to_port(NetlinkSocket& netfilter, bool v6, uint8_t protocol, uint16_t port);

}  // namespace sampan::network
