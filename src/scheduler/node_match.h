// Which nodes a pod may or would rather go to: node selectors, node affinity, taints.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "api/core_v1.h"
#include "schema/label_selector.h"

namespace sampan::scheduler {

namespace core_v1 = api::core_v1;

// A typed view as one that is read by name.
template <class T>
schema::AnyView any(const T& view) {
  return view.present() ? schema::AnyView(&T::schema_type(), view.base, view.at) : schema::AnyView();
}

// One term: all its expressions hold. A term that cannot be understood matches nothing.
class NodeTerm {
 public:
  explicit NodeTerm(const core_v1::NodeSelectorTerm& term);
  bool empty() const { return empty_; }
  bool matches(const core_v1::Node& node) const;

 private:
  struct Field {
    std::string key, value;
    bool equal;
  };
  schema::LabelSelector labels_;
  std::vector<Field> fields_;
  bool empty_ = false, broken_ = false;
};

// Any of the terms; empty ones match nothing.
class NodeSelector {
 public:
  explicit NodeSelector(const core_v1::NodeSelector& selector);
  bool matches(const core_v1::Node& node) const;

 private:
  std::vector<NodeTerm> terms_;
};

// spec.nodeSelector and the required node affinity of a pod together.
class RequiredNodes {
 public:
  explicit RequiredNodes(const core_v1::PodSpec& spec);
  static bool any_in(const core_v1::PodSpec& spec);  // does the pod require anything?
  bool matches(const core_v1::Node& node) const;

 private:
  schema::LabelSelector labels_;
  std::optional<NodeSelector> affinity_;
};

class PreferredNodes {
 public:
  explicit PreferredNodes(const schema::ListView<core_v1::PreferredSchedulingTerm>& terms);
  int32_t score(const core_v1::Node& node) const;  // the weights of what matches

 private:
  std::vector<std::pair<NodeTerm, int32_t>> terms_;
};

using Tolerations = schema::ListView<core_v1::Toleration>;
bool tolerates(const core_v1::Toleration& toleration, std::string_view key, std::string_view value, std::string_view effect);
bool tolerated(const Tolerations& tolerations, std::string_view key, std::string_view value, std::string_view effect);
// Has the node a taint with effect NoSchedule or NoExecute that is not tolerated?
bool has_untolerated_taint(const core_v1::Node& node, const Tolerations& tolerations);

}  // namespace sampan::scheduler
