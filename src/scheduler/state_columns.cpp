// The columns of the state: how they come about, and what of a pod's spec leads to them.
#include "base/text.h"
#include "scheduler/node_match.h"
#include "scheduler/state.h"

namespace sampan::scheduler {

std::shared_ptr<const NodeColumn> State::column(const std::string& key,
                                                const std::function<std::function<int32_t(const core_v1::Node&)>()>& make) {
  auto& column = columns_[key];
  if (column) return column;
  column = std::make_shared<NodeColumn>();
  column->of = make();
  column->values.resize(slots());
  for (auto& node : slots_)
    if (node && node->object) column->values[node->slot] = column->of(node->node);
  return column;
}

std::shared_ptr<Topology> State::topology(std::string_view key) {
  auto& topology = topologies_[std::string(key)];
  if (topology) return topology;
  topology = std::make_shared<Topology>(key);
  topology->resize(slots());
  for (auto& node : slots_)
    if (node && node->object) topology->set(node->slot, &node->node);
  return topology;
}

MatcherRef State::matcher(PodMatcher matcher) {
  std::sort(matcher.namespaces.begin(), matcher.namespaces.end());
  auto text = [](const schema::LabelSelector& selector) { return selector.empty() ? std::string("*") : selector.text(); };
  matcher.key = concat(join(matcher.namespaces, ","), "|", matcher.selects_namespaces ? text(matcher.namespace_selector) : "-", "|",
                       text(matcher.selector));
  auto& known = matchers_[matcher.key];
  if (auto shared = known.lock()) return shared;
  auto shared = std::make_shared<const PodMatcher>(std::move(matcher));
  known = shared;
  return shared;
}

bool State::in_set(const PodSet& set, const PodInfo& pod) const {
  if (set.skip_terminating && pod.terminating) return false;
  for (auto& matcher : set.matchers)
    if (!matcher->matches(pod.name_space, matcher->selects_namespaces ? namespace_labels(pod.name_space) : schema::Labels(), pod.labels))
      return false;
  return true;
}

std::shared_ptr<const PodSet> State::pod_set(std::vector<MatcherRef> matchers, bool skip_terminating) {
  std::string key(skip_terminating ? "t" : "a");
  for (auto& matcher : matchers) append(key, "&", matcher->key);
  auto& set = pod_sets_[key];
  if (set) return set;
  set = std::make_shared<PodSet>();
  set->matchers = std::move(matchers);
  set->skip_terminating = skip_terminating;
  set->counts.resize(slots());
  for (auto& node : slots_) {
    if (!node) continue;
    for (auto& pod : node->pods)
      if (in_set(*set, *pod)) {
        set->counts[node->slot]++;
        set->total++;
      }
  }
  pod_set_index_.add(*set->matchers.front(), set.get());
  return set;
}

std::shared_ptr<TermGroup> State::group(TermGroup::Kind kind, const AffinityTerm& term) {
  auto key = concat(static_cast<int>(kind), "|", term.weight, "|", term.topology->key(), "|", term.matcher->key);
  auto& group = groups_[key];
  if (group) return group;
  group = std::make_shared<TermGroup>();
  group->kind = kind;
  group->weight = term.weight;
  group->matcher = term.matcher;
  group->topology = term.topology;
  group->counts.resize(slots());
  group_index_.add(*group->matcher, group.get());
  return group;
}

bool State::read_term(const core_v1::PodAffinityTerm& term, int32_t weight, PodInfo& pod, std::vector<AffinityTerm>& into,
                      TermGroup::Kind kind) {
  PodMatcher matcher;
  auto selector = schema::LabelSelector::from(any(term.label_selector()));
  auto namespaces = schema::LabelSelector::from(any(term.namespace_selector()));
  if (!selector || !namespaces) {
    pod.broken_affinity = (selector ? namespaces : selector).error().message();
    return false;
  }
  for (auto name : term.namespaces()) matcher.namespaces.emplace_back(name);
  if (matcher.namespaces.empty() && !term.has_namespace_selector()) matcher.namespaces.emplace_back(pod.name_space);
  matcher.selects_namespaces = term.has_namespace_selector();
  matcher.namespace_selector = *std::move(namespaces);
  matcher.selector = *std::move(selector);
  into.push_back({this->matcher(std::move(matcher)), topology(term.topology_key()), weight});
  pod.groups.push_back(group(kind, into.back()));
  return true;
}

void State::read_terms(PodInfo& pod) {
  using Kind = TermGroup::Kind;
  auto affinity = pod.pod.spec().affinity();
  if (!affinity.has_pod_affinity() && !affinity.has_pod_anti_affinity()) return;
  auto attract = affinity.pod_affinity();
  auto repel = affinity.pod_anti_affinity();
  for (auto term : attract.required_during_scheduling_ignored_during_execution())
    if (!read_term(term, 0, pod, pod.required_affinity, Kind::RequiredAffinity)) return;
  for (auto term : repel.required_during_scheduling_ignored_during_execution())
    if (!read_term(term, 0, pod, pod.required_anti_affinity, Kind::RequiredAntiAffinity)) return;
  for (auto term : attract.preferred_during_scheduling_ignored_during_execution())
    if (!read_term(term.pod_affinity_term(), term.weight(), pod, pod.preferred_affinity, Kind::PreferredAffinity)) return;
  for (auto term : repel.preferred_during_scheduling_ignored_during_execution())
    if (!read_term(term.pod_affinity_term(), term.weight(), pod, pod.preferred_anti_affinity, Kind::PreferredAntiAffinity)) return;
}

// A namespace's labels changed: sets that go by them are counted anew.
void State::recount_namespace_selectors() {
  for (auto& [key, set] : pod_sets_) {
    bool selects = std::any_of(set->matchers.begin(), set->matchers.end(), [](auto& matcher) { return matcher->selects_namespaces; });
    if (!selects) continue;
    set->total = 0;
    for (auto& node : slots_) {
      if (!node) continue;
      auto& count = set->counts[node->slot];
      count = static_cast<int32_t>(std::count_if(node->pods.begin(), node->pods.end(), [&](auto& pod) { return in_set(*set, *pod); }));
      set->total += count;
    }
  }
}

size_t State::shared_things() const { return columns_.size() + topologies_.size() + pod_sets_.size() + groups_.size() + matchers_.size(); }

void State::sweep() {
  reasons.trim();
  if (shared_things() <= swept_to_) return;
  std::erase_if(columns_, [](auto& entry) { return entry.second.use_count() == 1; });
  std::erase_if(pod_sets_, [&](auto& entry) {
    if (entry.second.use_count() > 1) return false;
    pod_set_index_.remove(*entry.second->matchers.front(), entry.second.get());
    return true;
  });
  std::erase_if(groups_, [&](auto& entry) {
    if (entry.second.use_count() > 1) return false;
    group_index_.remove(*entry.second->matcher, entry.second.get());
    return true;
  });
  std::erase_if(topologies_, [](auto& entry) { return entry.second.use_count() == 1; });
  std::erase_if(matchers_, [](auto& entry) { return entry.second.expired(); });
  swept_to_ = 2 * shared_things() + 64;
}

}  // namespace sampan::scheduler
