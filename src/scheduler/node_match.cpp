#include "scheduler/node_match.h"

namespace sampan::scheduler {

NodeTerm::NodeTerm(const core_v1::NodeSelectorTerm& term) {
  empty_ = term.match_expressions().empty() && term.match_fields().empty();
  for (auto expression : term.match_expressions()) {
    std::vector<std::string> values;
    for (auto value : expression.values()) values.emplace_back(value);
    if (!labels_.require(expression.key(), expression.operator_(), std::move(values))) broken_ = true;
  }
  for (auto field : term.match_fields()) {
    bool in = field.operator_() == "In";
    if ((!in && field.operator_() != "NotIn") || field.values().size() != 1) {
      broken_ = true;
      continue;
    }
    fields_.push_back({std::string(field.key()), std::string(field.values()[0]), in});
  }
}

bool NodeTerm::matches(const core_v1::Node& node) const {
  if (broken_ || !labels_.matches(node.metadata().labels())) return false;
  for (auto& field : fields_) {
    auto value = field.key == "metadata.name" ? node.metadata().name() : std::string_view();
    if ((value == field.value) != field.equal) return false;
  }
  return true;
}

NodeSelector::NodeSelector(const core_v1::NodeSelector& selector) {
  for (auto view : selector.node_selector_terms())
    if (NodeTerm term(view); !term.empty()) terms_.push_back(std::move(term));
}

bool NodeSelector::matches(const core_v1::Node& node) const {
  for (auto& term : terms_)
    if (term.matches(node)) return true;
  return false;
}

bool RequiredNodes::any_in(const core_v1::PodSpec& spec) {
  return !spec.node_selector().empty() || spec.affinity().node_affinity().has_required_during_scheduling_ignored_during_execution();
}

RequiredNodes::RequiredNodes(const core_v1::PodSpec& spec) {
  if (!spec.node_selector().empty()) labels_ = schema::LabelSelector::from_map(any(spec)["nodeSelector"]);
  auto affinity = spec.affinity().node_affinity();
  if (affinity.has_required_during_scheduling_ignored_during_execution())
    affinity_.emplace(affinity.required_during_scheduling_ignored_during_execution());
}

bool RequiredNodes::matches(const core_v1::Node& node) const {
  return labels_.matches(node.metadata().labels()) && (!affinity_ || affinity_->matches(node));
}

PreferredNodes::PreferredNodes(const schema::ListView<core_v1::PreferredSchedulingTerm>& terms) {
  for (auto view : terms)
    if (NodeTerm term(view.preference()); view.weight() != 0 && !term.empty()) terms_.emplace_back(std::move(term), view.weight());
}

int32_t PreferredNodes::score(const core_v1::Node& node) const {
  int32_t sum = 0;
  for (auto& [term, weight] : terms_)
    if (term.matches(node)) sum += weight;
  return sum;
}

bool tolerates(const core_v1::Toleration& toleration, std::string_view key, std::string_view value, std::string_view effect) {
  if (!toleration.effect().empty() && toleration.effect() != effect) return false;
  if (!toleration.key().empty() && toleration.key() != key) return false;
  auto op = toleration.operator_();
  return op == "Exists" || ((op.empty() || op == "Equal") && toleration.value() == value);
}

bool tolerated(const Tolerations& tolerations, std::string_view key, std::string_view value, std::string_view effect) {
  for (auto toleration : tolerations)
    if (tolerates(toleration, key, value, effect)) return true;
  return false;
}

bool has_untolerated_taint(const core_v1::Node& node, const Tolerations& tolerations) {
  for (auto taint : node.spec().taints()) {
    bool hard = taint.effect() == "NoSchedule" || taint.effect() == "NoExecute";
    if (hard && !tolerated(tolerations, taint.key(), taint.value(), taint.effect())) return true;
  }
  return false;
}

}  // namespace sampan::scheduler
