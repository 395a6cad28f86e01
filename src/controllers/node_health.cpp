#include "controllers/node_health.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "controllers/tree.h"

namespace sampan::controllers {

namespace {

constexpr double kRate = 0.1, kSecondaryRate = 0.01, kUnhealthyShare = 0.55;
constexpr int kLargeZone = 50;

}  // namespace

NodeSigns signs_of(const schema::Object& node, const schema::Object* lease) {
  NodeSigns signs;
  signs.uid = uid_of(node);
  signs.created_us = node["metadata"]["creationTimestamp"].as_int() * 1'000'000;
  if (AnyView ready = condition_of(node["status"]["conditions"], "Ready"); ready.present()) {
    signs.heartbeat = ready["lastHeartbeatTime"].as_int();
    signs.transition = ready["lastTransitionTime"].as_int();
  }
  if (lease) signs.lease_renewed_us = (*lease)["spec"]["renewTime"].as_int();
  return signs;
}

bool is_silent(NodeHealth& health, const NodeSigns& signs, int64_t now_us, const NodePatience& patience) {
  bool is_new = health.uid != signs.uid;
  if (is_new) {
    health = {};
    health.uid = signs.uid;
    // A node that never said anything counts from when it was made; of another it is not known when it was last heard.
    health.sign_us = signs.heartbeat ? now_us : signs.created_us;
  } else if (health.heartbeat != signs.heartbeat) {
    health.sign_us = now_us;
  }
  health.heartbeat = signs.heartbeat;
  health.transition = signs.transition;
  if (signs.lease_renewed_us > health.lease_renewed_us) {
    health.lease_renewed_us = signs.lease_renewed_us;
    health.sign_us = now_us;
  }
  return now_us > health.sign_us + (signs.heartbeat ? patience.grace_us : patience.startup_us);
}

ZoneState zone_state(int ready, int not_ready) {
  if (ready == 0 && not_ready > 0) return ZoneState::FullDisruption;
  if (not_ready > 2 && not_ready >= kUnhealthyShare * (ready + not_ready)) return ZoneState::PartialDisruption;
  return ZoneState::Normal;
}

std::string zone_of(const schema::Object& node) {
  auto either = [&](std::string_view stable, std::string_view beta) {
    auto value = label_of(node, stable);
    return value.empty() ? label_of(node, beta) : value;
  };
  auto region = either("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region");
  auto zone = either("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone");
  return region.empty() && zone.empty() ? std::string() : concat(region, ":", zone);
}

double eviction_rate(ZoneState state, int nodes) {
  if (state == ZoneState::PartialDisruption) return nodes > kLargeZone ? kSecondaryRate : 0;
  return kRate;
}

void TokenBucket::fill(int64_t now_us) {
  tokens_ = std::min(1.0, tokens_ + rate_ * static_cast<double>(now_us - filled_us_) / 1e6);
  filled_us_ = now_us;
}

void TokenBucket::set_rate(double rate, int64_t now_us) {
  if (filled_us_ != 0) fill(now_us);
  rate_ = rate;
}

bool TokenBucket::take(int64_t now_us) {
  if (rate_ <= 0) return false;
  fill(now_us);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

int64_t TokenBucket::next_us(int64_t now_us) const {
  if (rate_ <= 0) return -1;
  double tokens = std::min(1.0, tokens_ + rate_ * static_cast<double>(now_us - filled_us_) / 1e6);
  return tokens >= 1 ? 0 : static_cast<int64_t>(std::ceil((1 - tokens) / rate_ * 1e6));
}

}  // namespace sampan::controllers
