#include "controllers/pods.h"

#include <cmath>

#include "base/text.h"

namespace sampan::controllers {

using schema::ObjectRef;

bool is_ready(Pod pod) { return find_condition(pod.status().conditions(), "Ready").status() == "True"; }

int64_t ready_since(Pod pod) {
  auto ready = find_condition(pod.status().conditions(), "Ready");
  return ready.status() == "True" ? ready.last_transition_time() : 0;
}

bool is_available(Pod pod, int32_t min_ready_seconds, int64_t now_us) {
  if (!is_ready(pod)) return false;
  int64_t since = ready_since(pod);
  return min_ready_seconds == 0 || (since != 0 && (since + min_ready_seconds) * 1'000'000 <= now_us);
}

int64_t available_in_us(Pod pod, int32_t min_ready_seconds, int64_t now_us) {
  int64_t since = ready_since(pod);
  if (since == 0 || min_ready_seconds <= 0) return -1;
  int64_t in = (since + min_ready_seconds) * 1'000'000 - now_us;
  return in > 0 ? in : -1;
}

int64_t next_available_us(std::span<const ObjectRef> pods, int32_t min_ready_seconds, int64_t now_us) {
  int64_t soonest = -1;
  for (const auto& object : pods) {
    int64_t in = available_in_us(pod_of(*object), min_ready_seconds, now_us);
    if (in >= 0 && (soonest < 0 || in < soonest)) soonest = in;
  }
  return soonest;
}

bool is_finished(Pod pod) {
  auto phase = pod.status().phase();
  return phase == "Succeeded" || phase == "Failed";
}
bool is_active(Pod pod) { return !is_finished(pod) && !is_deleted(pod); }
bool is_terminating(Pod pod) { return !is_finished(pod) && is_deleted(pod); }

int32_t deletion_cost(Pod pod) {
  auto text = pod.metadata().annotations().get("controller.kubernetes.io/pod-deletion-cost");
  // A number as Go writes it: no plus sign, no leading zeros.
  if (!text || text->empty() || text->front() == '+' || (text->front() == '0' && text->size() > 1)) return 0;
  int32_t cost = 0;
  return parse_int(*text, cost) ? cost : 0;
}

namespace {

int phase_rank(std::string_view phase) { return phase == "Unknown" ? 1 : phase == "Running" ? 2 : 0; }

struct Restarts {
  int32_t regular = 0, sidecar = 0;
};

Restarts restarts_of(Pod pod) {
  Restarts out;
  for (auto status : pod.status().container_statuses()) out.regular = std::max(out.regular, status.restart_count());
  for (auto status : pod.status().init_container_statuses())
    for (auto container : pod.spec().init_containers())
      if (container.name() == status.name() && container.restart_policy() == "Always")
        out.sidecar = std::max(out.sidecar, status.restart_count());
  return out;
}

// What decides the order, read once a pod.
struct Standing {
  bool assigned, ready;
  int phase, rank;
  int32_t cost;
  int64_t ready_since, created;
  Restarts restarts;
  std::string_view node, uid;

  Standing(Pod pod, int rank_of_pod)
      : assigned(!pod.spec().node_name().empty()),
        ready(is_ready(pod)),
        phase(phase_rank(pod.status().phase())),
        rank(rank_of_pod),
        cost(deletion_cost(pod)),
        ready_since(controllers::ready_since(pod)),
        created(pod.metadata().creation_timestamp()),
        restarts(restarts_of(pod)),
        node(pod.spec().node_name()),
        uid(pod.metadata().uid()) {}
};

int sign(int64_t value) { return value < 0 ? -1 : value > 0; }
// The later time goes first, one that is not known before all.
int later_first(int64_t a, int64_t b) { return a == 0 || b == 0 ? (a == b ? 0 : a == 0 ? -1 : 1) : sign(b - a); }

int age_step(int64_t since_seconds, int64_t now_us) {
  __int128 nanoseconds = static_cast<__int128>(now_us) * 1000 - static_cast<__int128>(since_seconds) * 1'000'000'000;
  return nanoseconds > 0 ? static_cast<int>(std::log2(static_cast<double>(nanoseconds))) : -1;
}

// As later_first, but pods of about the same age are drawn by their uids.
int by_age(int64_t a, int64_t b, const Standing& x, const Standing& y, int64_t now_us) {
  if (a == b) return 0;
  if (now_us == 0 || a == 0 || b == 0) return later_first(a, b);
  int difference = age_step(a, now_us) - age_step(b, now_us);
  return difference != 0 ? difference : x.uid.compare(y.uid);
}

// <0: x goes first. `now_us` 0: plain ages, no costs and ranks.
int compare(const Standing& x, const Standing& y, int64_t now_us) {
  if (x.assigned != y.assigned) return x.assigned ? 1 : -1;
  if (x.phase != y.phase) return x.phase - y.phase;
  if (x.ready != y.ready) return x.ready ? 1 : -1;
  if (now_us != 0 && x.cost != y.cost) return x.cost < y.cost ? -1 : 1;
  if (now_us != 0 && x.rank != y.rank) return y.rank - x.rank;
  if (x.ready)
    if (int order = by_age(x.ready_since, y.ready_since, x, y, now_us)) return order;
  if (x.restarts.regular != y.restarts.regular) return y.restarts.regular - x.restarts.regular;
  if (x.restarts.sidecar != y.restarts.sidecar) return y.restarts.sidecar - x.restarts.sidecar;
  return by_age(x.created, y.created, x, y, now_us);
}

}  // namespace

void sort_by_deletion(std::vector<std::pair<ObjectRef, int>>& pods, int64_t now_us) {
  std::vector<std::pair<Standing, size_t>> order;
  for (size_t i = 0; i < pods.size(); i++) order.emplace_back(Standing(pod_of(*pods[i].first), pods[i].second), i);
  std::stable_sort(order.begin(), order.end(),
                   [now_us](const auto& a, const auto& b) { return compare(a.first, b.first, now_us) < 0; });
  std::vector<std::pair<ObjectRef, int>> sorted;
  for (const auto& entry : order) sorted.push_back(pods[entry.second]);
  pods = std::move(sorted);
}

void sort_by_activity(Objects& pods) {
  std::vector<std::pair<Standing, size_t>> order;
  for (size_t i = 0; i < pods.size(); i++) order.emplace_back(Standing(pod_of(*pods[i]), 0), i);
  std::stable_sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return compare(a.first, b.first, 0) < 0; });
  Objects sorted;
  for (const auto& entry : order) sorted.push_back(pods[entry.second]);
  pods = std::move(sorted);
}

}  // namespace sampan::controllers
