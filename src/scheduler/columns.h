// Data by node. Every node has a slot, a small number; a column is a vector over slots. Columns are made when a pod first needs them, shared by all
// pods that ask for the same (by their key), and kept up to date by State in the time that a change takes, not the cluster.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/core_v1.h"
#include "schema/label_selector.h"

namespace sampan::scheduler {

namespace core_v1 = api::core_v1;

// A number that follows from the node alone: does it match this selector, how many of its taints are not tolerated ...
struct NodeColumn {
  std::function<int32_t(const core_v1::Node&)> of;
  std::vector<int32_t> values;  // 0 where there is no node
  int32_t operator[](uint32_t slot) const { return values[slot]; }
};

// The nodes' values of a label, as small numbers from 1 on; 0: the node has no such label.
class Topology {
 public:
  explicit Topology(std::string_view key) : key_(key) {}
  const std::string& key() const { return key_; }
  uint32_t operator[](uint32_t slot) const { return values_[slot]; }
  uint32_t limit() const { return static_cast<uint32_t>(uses_.size()); }  // all values are below

  void resize(uint32_t slots) { values_.resize(slots); }
  void set(uint32_t slot, const core_v1::Node* node);

 private:
  const std::string key_;
  std::vector<uint32_t> values_;
  std::unordered_map<std::string, uint32_t> ids_;
  std::vector<uint32_t> uses_{0};   // by value: how many nodes have it
  std::vector<uint32_t> free_;
  std::vector<std::string> names_{""};
};

// Which pods a term means.
struct PodMatcher {
  std::string key;  // equal for equal matchers
  std::vector<std::string> namespaces;
  schema::LabelSelector namespace_selector = schema::LabelSelector::nothing();
  bool selects_namespaces = false;
  schema::LabelSelector selector;
  bool matches(std::string_view name_space, const schema::Labels& namespace_labels, const schema::Labels& labels) const;
};
using MatcherRef = std::shared_ptr<const PodMatcher>;

// How many of the pods that all matchers mean are on each node.
struct PodSet {
  std::vector<MatcherRef> matchers;
  bool skip_terminating = false;
  std::vector<int32_t> counts;
  int64_t total = 0;
};

// A term of pods that are placed: how often each node has it.
struct TermGroup {
  enum class Kind : uint8_t { RequiredAffinity, RequiredAntiAffinity, PreferredAffinity, PreferredAntiAffinity };
  Kind kind = Kind::RequiredAffinity;
  int32_t weight = 0;  // of preferred ones
  MatcherRef matcher;
  std::shared_ptr<Topology> topology;
  std::vector<int32_t> counts;
  int64_t total = 0;
};

// Things with a matcher, found by a pod that might match: by a label that it must have and its namespace, so that a thousand deployments'
// selectors are not all tried on each pod.
template <class T>
class MatcherIndex {
 public:
  void add(const PodMatcher& matcher, T* thing) { things_.emplace(key_of(matcher), thing); }
  void remove(const PodMatcher& matcher, T* thing) {
    auto [from, to] = things_.equal_range(key_of(matcher));
    for (; from != to; ++from)
      if (from->second == thing) {
        things_.erase(from);
        return;
      }
  }
  // Each candidate once; the caller tries the matcher itself.
  template <class Visit>
  void candidates(std::string_view name_space, const schema::Labels& labels, Visit&& visit) const {
    if (things_.empty()) return;
    std::string key;
    auto look = [&] {
      auto [from, to] = things_.equal_range(key);
      for (; from != to; ++from) visit(*from->second);
    };
    for (bool inside : {true, false}) {
      size_t prefix = compose(key, inside ? name_space : std::string_view());
      look();
      for (auto label : labels) {
        key.resize(prefix);
        key.append(label.key).append(1, '=').append(label.value);
        look();
      }
    }
  }

 private:
  static size_t compose(std::string& key, std::string_view name_space) {
    key.assign(name_space).append(1, '\0');
    return key.size();
  }
  static std::string key_of(const PodMatcher& matcher) {
    std::string key;
    compose(key, matcher.namespaces.size() == 1 && !matcher.selects_namespaces ? std::string_view(matcher.namespaces[0]) : std::string_view());
    if (auto pinned = matcher.selector.pinned()) key.append(pinned->first).append(1, '=').append(pinned->second);
    return key;
  }
  std::unordered_multimap<std::string, T*> things_;
};

}  // namespace sampan::scheduler
