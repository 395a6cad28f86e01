#include "controllers/daemon_set.h"

#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "controllers/owners.h"
#include "controllers/scaled_value.h"
#include "controllers/taints.h"
#include "schema/label_selector.h"

namespace sampan::controllers {

using schema::Object;
using schema::Value;

namespace {

using NodeSelectorTerm = api::core_v1::NodeSelectorTerm;

struct DaemonToleration {
  std::string_view key, effect;
  bool host_network_only = false;
};
constexpr DaemonToleration kTolerations[] = {
    {"node.kubernetes.io/not-ready", "NoExecute"},
    {"node.kubernetes.io/unreachable", "NoExecute"},
    {"node.kubernetes.io/disk-pressure", "NoSchedule"},
    {"node.kubernetes.io/memory-pressure", "NoSchedule"},
    {"node.kubernetes.io/pid-pressure", "NoSchedule"},
    {"node.kubernetes.io/unschedulable", "NoSchedule"},
    {"node.kubernetes.io/network-unavailable", "NoSchedule", true},
};

// All expressions hold, and there is one. What cannot be understood does not hold.
bool term_matches(NodeSelectorTerm term, const Object& node) {
  if (term.match_expressions().empty() && term.match_fields().empty()) return false;
  schema::LabelSelector labels;
  for (auto expression : term.match_expressions()) {
    std::vector<std::string> values;
    for (auto value : expression.values()) values.emplace_back(value);
    if (!labels.require(expression.key(), expression.operator_(), std::move(values))) return false;
  }
  if (!labels.matches(node)) return false;
  for (auto field : term.match_fields()) {
    if (field.key() != "metadata.name" || field.values().size() != 1) return false;
    bool is = field.values()[0] == metadata_of(node).name();
    if (!(field.operator_() == "In" ? is : field.operator_() == "NotIn" && !is)) return false;
  }
  return true;
}

bool affinity_matches(api::core_v1::PodSpec spec, const Object& node) {
  auto labels = metadata_of(node).labels();
  for (auto wanted : spec.node_selector())
    if (labels.get(wanted.key) != wanted.value) return false;
  auto affinity = spec.affinity().node_affinity();
  if (!affinity.has_required_during_scheduling_ignored_during_execution()) return true;
  for (auto term : affinity.required_during_scheduling_ignored_during_execution().node_selector_terms())
    if (term_matches(term, node)) return true;
  return false;
}

bool daemon_tolerates(api::core_v1::PodSpec spec, const schema::AnyView& tolerations, const Taint& taint) {
  for (const auto& daemon : kTolerations)
    if (daemon.key == taint.key && daemon.effect == taint.effect && (!daemon.host_network_only || spec.host_network())) return true;
  for (uint32_t i = 0; tolerations.present() && i < tolerations.size(); i++)
    if (tolerates(tolerations.item(i), taint)) return true;
  return false;
}

// The assigned ones first, then the oldest.
void sort_by_age(Objects& pods) {
  std::stable_sort(pods.begin(), pods.end(), [](const ObjectRef& a, const ObjectRef& b) {
    auto key = [](Pod pod) { return std::tuple(pod.spec().node_name().empty(), pod.metadata().creation_timestamp(), pod.metadata().name()); };
    return key(pod_of(*a)) < key(pod_of(*b));
  });
}

int32_t surge_of(DaemonSet set, int32_t nodes) {
  auto strategy = set.spec().update_strategy();
  return strategy.type() == "RollingUpdate" ? scaled_value(strategy.rolling_update().max_surge(), nodes, Round::Up) : 0;
}
int32_t unavailable_of(DaemonSet set, int32_t nodes) {
  auto strategy = set.spec().update_strategy();
  return strategy.type() == "RollingUpdate" ? scaled_value(strategy.rolling_update().max_unavailable(), nodes, Round::Up) : 0;
}

const Objects* pods_on(const DaemonView& view, std::string_view node) {
  auto at = view.pods.find(node);
  return at == view.pods.end() ? nullptr : &at->second;
}

}  // namespace

NodeFit NodeFit::of(const Object& set, const Object& node) {
  auto spec = set.as<DaemonSet>().spec().template_().spec();
  auto tolerations = set["spec"]["template"]["spec"]["tolerations"];
  if (!spec.node_name().empty() && spec.node_name() != metadata_of(node).name()) return {};
  if (!affinity_matches(spec, node)) return {};
  NodeFit fit{true, true};
  for (const auto& taint : taints_of(node)) {
    if (taint.effect != "NoSchedule" && taint.effect != "NoExecute") continue;
    if (daemon_tolerates(spec, tolerations, taint)) continue;
    fit.should_run = false;
    fit.may_stay &= taint.effect != "NoExecute";
  }
  return fit;
}

std::string_view target_node(Pod pod) {
  if (!pod.spec().node_name().empty()) return pod.spec().node_name();
  for (auto term : pod.spec().affinity().node_affinity().required_during_scheduling_ignored_during_execution().node_selector_terms())
    for (auto field : term.match_fields())
      if (field.key() == "metadata.name" && field.operator_() == "In") return field.values().size() == 1 ? field.values()[0] : std::string_view();
  return {};
}

void aim_at_node(Value pod, std::string_view node) {
  Arena& arena = pod.arena();
  Value spec = pod["spec"], tolerations = spec.ensure_list("tolerations");
  for (const auto& wanted : kTolerations) {
    if (wanted.host_network_only && !spec["hostNetwork"].as_bool()) continue;
    Value toleration = Value::object(arena, 3);
    toleration.set("key", wanted.key);
    toleration.set("operator", "Exists");
    toleration.set("effect", wanted.effect);
    bool found = false;
    for (Value& existing : tolerations.items()) {
      if (existing["key"].as_string() != wanted.key || existing["operator"].as_string() != "Exists" ||
          existing["effect"].as_string() != wanted.effect || !existing["value"].as_string().empty())
        continue;
      existing = toleration;
      found = true;
    }
    if (!found) tolerations.push(toleration);
  }
  Value field = Value::object(arena, 3), term = Value::object(arena, 1), terms = Value::list(arena, 1);
  field.set("key", "metadata.name");
  field.set("operator", "In");
  field.ensure_list("values").push(arena.copy(node));
  term.ensure_list("matchFields").push(field);
  terms.push(term);
  spec.ensure_object("affinity").ensure_object("nodeAffinity").ensure_object("requiredDuringSchedulingIgnoredDuringExecution").set("nodeSelectorTerms", terms);
}

bool DaemonView::is_updated(Pod pod) const {
  auto labels = pod.metadata().labels();
  if (!hash.empty() && labels.get("controller-revision-hash") == hash) return true;
  auto generation = set().metadata().annotations().get("deprecated.daemonset.template.generation");
  int64_t number;
  return generation && parse_int(*generation, number) && labels.get("pod-template-generation") == concat(number);
}

namespace {

// Of the pods of a node where one may be those that run; ended ones are to go.
Objects running_pods(const DaemonView& view, std::string_view node, const Objects& pods, DaemonPlan& plan) {
  Objects running;
  for (const auto& pod : pods) {
    if (is_deleted(pod_of(*pod))) continue;
    auto phase = pod_of(*pod).status().phase();
    if (phase == "Failed") {
      if (int64_t wait = view.failed_wait_us(node); wait > 0) {
        if (plan.look_again_us < 0 || wait < plan.look_again_us) plan.look_again_us = wait;
        continue;
      }
      plan.failed.push_back(pod);
      plan.remove.push_back(pod);
    } else if (phase == "Succeeded") {
      plan.succeeded.push_back(pod);
      plan.remove.push_back(pod);
    } else {
      running.push_back(pod);
    }
  }
  return running;
}

// The oldest of each revision may stay; of the two the old one goes when the new one is available, or when it is no good itself.
void plan_surging_node(const DaemonView& view, const Objects& running, DaemonPlan& plan) {
  ObjectRef updated, old;
  for (const auto& pod : running) {
    ObjectRef& place = pod_of(*pod).metadata().labels().get("controller-revision-hash") == view.hash ? updated : old;
    if (!place) place = pod;
    else plan.remove.push_back(pod);
  }
  if (updated && old && (!is_ready(pod_of(*old)) || view.available(pod_of(*updated)))) plan.remove.push_back(old);
}

void plan_node(const DaemonView& view, const Object& node, DaemonPlan& plan) {
  NodeFit fit = NodeFit::of(view.object, node);
  auto name = metadata_of(node).name();
  const Objects* pods = pods_on(view, name);
  if (!pods) {
    if (fit.should_run) plan.create_on.emplace_back(name);
    return;
  }
  if (!fit.may_stay) {
    for (const auto& pod : *pods)
      if (!is_deleted(pod_of(*pod))) plan.remove.push_back(pod);
    return;
  }
  Objects running = running_pods(view, name, *pods, plan);
  sort_by_age(running);
  if (surge_of(view.set(), 1) == 0) {
    for (size_t i = 1; i < running.size(); i++) plan.remove.push_back(running[i]);
  } else if (running.empty()) {
    if (fit.should_run) plan.create_on.emplace_back(name);
  } else if (running.size() > 1) {
    plan_surging_node(view, running, plan);
  }
}

}  // namespace

DaemonPlan plan_daemon(const DaemonView& view) {
  DaemonPlan plan;
  std::map<std::string_view, bool> known;
  for (const auto& node : view.nodes) {
    known[metadata_of(*node).name()] = true;
    plan_node(view, *node, plan);
  }
  // Pods that wait for a node that is gone.
  for (const auto& [node, pods] : view.pods)
    for (const auto& pod : pods)
      if (!known.contains(node) && pod_of(*pod).spec().node_name().empty()) plan.remove.push_back(pod);
  return plan;
}

namespace {

// The pod of the newest revision and that of another on a node, not counting those that go; false: there are several.
bool find_pair(const DaemonView& view, const Objects& pods, ObjectRef& updated, ObjectRef& old) {
  for (const auto& pod : pods) {
    if (is_deleted(pod_of(*pod))) continue;
    ObjectRef& place = view.is_updated(pod_of(*pod)) ? updated : old;
    if (place) return false;
    place = pod;
  }
  return true;
}

// Old pods are removed, as many as may be unavailable; those that are unavailable anyway all at once.
DaemonPlan plan_replacing(const DaemonView& view, const std::map<std::string_view, const Objects*>& nodes, int32_t unavailable_max) {
  DaemonPlan plan;
  Objects candidates;
  int32_t unavailable = 0;
  for (const auto& [node, pods] : nodes) {
    ObjectRef updated, old;
    bool clear = find_pair(view, pods ? *pods : Objects(), updated, old);
    if (!clear || bool(updated) == bool(old)) unavailable++;
    else if (updated) unavailable += !view.available(pod_of(*updated));
    else if (view.available(pod_of(*old))) candidates.push_back(old);
    else plan.remove.push_back(old), unavailable++;
  }
  for (const auto& pod : candidates)
    if (unavailable++ < unavailable_max) plan.remove.push_back(pod);
  return plan;
}

// New pods are made beside the old ones, as many as the surge allows; the old ones go when the new ones are available.
DaemonPlan plan_surging(const DaemonView& view, const std::map<std::string_view, const Objects*>& nodes,
                        const std::map<std::string_view, bool>& wants, int32_t surge_max, int32_t desired) {
  DaemonPlan plan;
  std::vector<std::string> candidates;
  Objects unwanted;
  int32_t surging = 0, available = 0;
  for (const auto& [node, pods] : nodes) {
    ObjectRef updated, old;
    if (!find_pair(view, pods ? *pods : Objects(), updated, old)) {
      surging++;
      continue;
    }
    bool old_available = old && view.available(pod_of(*old)), new_available = updated && view.available(pod_of(*updated));
    available += old ? old_available : new_available;
    if (!old) continue;
    auto at = wants.find(node);
    bool wanted = at != wants.end() && at->second;
    if (updated) {
      if (new_available) plan.remove.push_back(old);
      else surging++;
    } else if (!old_available) {
      if (wanted) plan.create_on.emplace_back(node);
      else plan.remove.push_back(old);
    } else if (!wanted) {
      unwanted.push_back(old);
    } else {
      candidates.emplace_back(node);
    }
  }
  for (int32_t i = 0; i < available - desired && i < static_cast<int32_t>(unwanted.size()); i++) plan.remove.push_back(unwanted[i]);
  for (const auto& node : candidates)
    if (surging++ < surge_max) plan.create_on.push_back(node);
  return plan;
}

}  // namespace

DaemonPlan plan_daemon_update(const DaemonView& view) {
  std::map<std::string_view, const Objects*> nodes;
  std::map<std::string_view, bool> wants;
  int32_t desired = 0;
  for (const auto& [node, pods] : view.pods) nodes[node] = &pods;
  for (const auto& node : view.nodes) {
    auto name = metadata_of(*node).name();
    wants[name] = NodeFit::of(view.object, *node).should_run;
    if (!wants[name]) continue;
    desired++;
    nodes.emplace(name, nullptr);
  }
  int32_t surge = surge_of(view.set(), desired), unavailable = unavailable_of(view.set(), desired);
  if (desired > 0 && surge == 0 && unavailable == 0) unavailable = 1;
  return surge == 0 ? plan_replacing(view, nodes, unavailable) : plan_surging(view, nodes, wants, surge, desired);
}

DaemonCounts count_daemon(const DaemonView& view) {
  DaemonCounts counts;
  for (const auto& node : view.nodes) {
    bool should_run = NodeFit::of(view.object, *node).should_run;
    const Objects* pods = pods_on(view, metadata_of(*node).name());
    counts.desired += should_run;
    if (!pods || pods->empty()) continue;
    if (!should_run) {
      counts.misscheduled++;
      continue;
    }
    counts.current++;
    Objects by_age = *pods;
    sort_by_age(by_age);
    Pod pod = pod_of(*by_age[0]);
    counts.ready += is_ready(pod);
    counts.available += view.available(pod);
    counts.updated += view.is_updated(pod);
  }
  return counts;
}

}  // namespace sampan::controllers
