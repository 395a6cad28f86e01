#include "controllers/deployment.h"

#include "base/text.h"
#include "controllers/owners.h"
#include "controllers/scaled_value.h"

namespace sampan::controllers {

using schema::Object;
using schema::Value;

RolloutLimits RolloutLimits::of(Deployment deployment) {
  RolloutLimits limits;
  auto spec = deployment.spec();
  limits.replicas = spec.replicas().value_or(1);
  limits.rolling = spec.strategy().type() == "RollingUpdate";
  if (!limits.rolling) return limits;
  auto rolling = spec.strategy().rolling_update();
  limits.surge = scaled_value(rolling.max_surge(), limits.replicas, Round::Up);
  limits.unavailable = scaled_value(rolling.max_unavailable(), limits.replicas, Round::Down);
  // Both may come out as 0 of a percentage of little; then nothing could ever move.
  if (limits.surge == 0 && limits.unavailable == 0) limits.unavailable = 1;
  limits.unavailable = std::min(limits.unavailable, limits.replicas);
  return limits;
}

namespace {

// What the set should gain (or lose) when the deployment goes from the size it had to the one it should have.
int32_t fraction_of(const RolloutLimits& limits, const SetSize& set, int32_t total_before) {
  if (limits.replicas == 0) return -set.replicas;
  int32_t before = set.max_replicas != 0 ? set.max_replicas : total_before;
  if (before == 0) return 0;
  double size = static_cast<double>(set.replicas) * limits.most() / before;
  return static_cast<int32_t>(std::clamp(size < 0 ? size - 0.5 : size + 0.5, 0.0, double{INT32_MAX})) - set.replicas;
}

}  // namespace

std::vector<int32_t> proportional_sizes(const RolloutLimits& limits, std::span<const SetSize> sets, int32_t total_before) {
  int32_t total = 0;
  for (const auto& set : sets) total = add_held(total, set.replicas);
  int32_t to_add = (limits.replicas > 0 ? limits.most() : 0) - total, added = 0;
  std::vector<size_t> order(sets.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  // The largest first; of equals the newest when there is more to share, the oldest when there is less.
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) {
    const SetSize &a = sets[i], &b = sets[j];
    if (a.replicas != b.replicas) return a.replicas > b.replicas;
    bool older = a.created != b.created ? a.created < b.created : a.name < b.name;
    return to_add > 0 ? !older && (a.created != b.created || a.name != b.name) : older;
  });
  std::vector<int32_t> sizes(sets.size());
  for (size_t i : order) {
    sizes[i] = sets[i].replicas;
    if (to_add == 0 || sets[i].replicas == 0 || to_add == added) continue;
    int32_t fraction = fraction_of(limits, sets[i], total_before), allowed = to_add - added;
    int32_t share = to_add > 0 ? std::min(fraction, allowed) : std::max(fraction, allowed);
    sizes[i] += share;
    added += share;
  }
  // What rounding left over is the largest one's.
  if (to_add != 0 && !order.empty()) sizes[order[0]] = std::max(0, sizes[order[0]] + to_add - added);
  return sizes;
}

int32_t new_set_size(const RolloutLimits& limits, int32_t now, int32_t total) {
  if (!limits.rolling) return limits.replicas;
  int32_t room = limits.most() - total;
  return room <= 0 ? now : now + std::min(room, limits.replicas - now);
}

bool revision_of(const Object& object, int64_t& revision) {
  revision = 0;
  auto text = metadata_of(object).annotations().get(kRevision);
  return !text || parse_int(*text, revision);
}

int64_t max_revision(const Objects& sets) {
  int64_t max = 0, revision;
  for (const auto& set : sets)
    if (revision_of(*set, revision)) max = std::max(max, revision);
  return max;
}

int64_t second_revision(const Objects& sets) {
  int64_t max = 0, second = 0, revision;
  for (const auto& set : sets) {
    if (!revision_of(*set, revision)) continue;
    if (revision >= max) second = std::exchange(max, revision);
    else second = std::max(second, revision);
  }
  return second;
}

bool is_deployments_own(std::string_view annotation) {
  return annotation == "kubectl.kubernetes.io/last-applied-configuration" || annotation == kRevision || annotation == kRevisionHistory ||
         annotation == kDesiredReplicas || annotation == kMaxReplicas || annotation == kRollbackTo;
}

namespace {

bool put_annotation(Value annotations, std::string_view name, std::string_view text) {
  Value before = annotations[name];
  if (before.is_string() && before.as_string() == text) return false;
  Arena& arena = annotations.arena();
  annotations.set_copy(name, arena.copy(text));
  return true;
}

// The revisions that a set has been before, the oldest dropped when they grow too long.
void remember_revision(Value annotations, std::string_view revision) {
  constexpr size_t kLengthMax = 2000;
  std::string history(annotations[kRevisionHistory].as_string());
  if (!history.empty()) history += ',';
  history += revision;
  while (history.size() > kLengthMax) {
    size_t comma = history.find(',');
    if (comma == std::string::npos) return;
    history.erase(0, comma + 1);
  }
  put_annotation(annotations, kRevisionHistory, history);
}

}  // namespace

bool set_replicas_annotations(Value set, const RolloutLimits& limits) {
  Value annotations = set.ensure_object("metadata").ensure_object("annotations");
  bool changed = put_annotation(annotations, kDesiredReplicas, concat(limits.replicas));
  changed |= put_annotation(annotations, kMaxReplicas, concat(limits.most()));
  return changed;
}

bool replicas_annotations_differ(const Object& set, const RolloutLimits& limits) {
  auto annotations = metadata_of(set).annotations();
  return annotations.get(kDesiredReplicas) != concat(limits.replicas) ||
         annotations.get(kMaxReplicas) != concat(limits.most());
}

std::optional<int32_t> desired_replicas_annotation(const Object& set) {
  auto text = metadata_of(set).annotations().get(kDesiredReplicas);
  int32_t replicas = 0;
  if (!text || !parse_int(*text, replicas) || replicas < 0) return {};
  return replicas;
}

bool set_new_set_annotations(Value set, Deployment deployment, int64_t revision, const RolloutLimits& limits, bool exists) {
  Value annotations = set.ensure_object("metadata").ensure_object("annotations");
  bool changed = false;
  for (auto annotation : deployment.metadata().annotations())
    if (!is_deployments_own(annotation.key)) changed |= put_annotation(annotations, annotation.key, annotation.value);
  bool had = annotations.has(kRevision);
  std::string before(annotations[kRevision].as_string());
  int64_t revision_before = 0;
  if (!before.empty() && !parse_int(std::string_view(before), revision_before)) return false;
  if (revision_before < revision) {
    put_annotation(annotations, kRevision, concat(revision));
    changed = true;
    if (had) remember_revision(annotations, before);
  }
  if (!exists) changed |= set_replicas_annotations(set, limits);
  return changed;
}

std::string replica_set_name(std::string_view deployment, std::string_view hash) {
  constexpr size_t kNameMax = 253;
  return concat(deployment.substr(0, kNameMax - 1 - hash.size()), "-", hash);
}

}  // namespace sampan::controllers
