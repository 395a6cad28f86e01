// How the health of nodes is judged, and how fast the nodes of a zone may be given up. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "schema/object.h"

namespace sampan::controllers {

// How often nodes are looked at, how long one may be silent, and how long one that has never spoken.
struct NodePatience {
  int64_t period_us = 5'000'000, grace_us = 50'000'000, startup_us = 60'000'000;
};

// What is remembered of a node between two looks: when it last gave a sign.
struct NodeHealth {
  std::string uid;
  int64_t sign_us = 0;
  std::optional<int64_t> heartbeat, transition;  // of its Ready condition, as last seen
  int64_t lease_renewed_us = 0;
};

// What is seen of it now.
struct NodeSigns {
  std::string_view uid;
  int64_t created_us = 0;
  std::optional<int64_t> heartbeat, transition;  // nothing: no Ready condition yet
  int64_t lease_renewed_us = 0;                  // 0: no lease
};
NodeSigns signs_of(const schema::Object& node, const schema::Object* lease);

// Takes note of what is seen. True: the node has been silent for longer than it may be.
bool is_silent(NodeHealth& health, const NodeSigns& signs, int64_t now_us, const NodePatience& patience = {});

enum class ZoneState : uint8_t { Normal, PartialDisruption, FullDisruption };
ZoneState zone_state(int ready, int not_ready);
std::string zone_of(const schema::Object& node);
// Nodes a second that may be tainted in a zone of this state and size.
double eviction_rate(ZoneState state, int nodes);

// One token at most, at a rate that may change.
class TokenBucket {
 public:
  explicit TokenBucket(double rate) : rate_(rate) {}
  void set_rate(double rate, int64_t now_us);
  bool take(int64_t now_us);
  int64_t next_us(int64_t now_us) const;  // when the next may be taken, from now; <0: never

 private:
  void fill(int64_t now_us);
  double rate_, tokens_ = 1;
  int64_t filled_us_ = 0;
};

}  // namespace sampan::controllers
