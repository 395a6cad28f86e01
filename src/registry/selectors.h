// Which objects a list or a watch is about: label selectors and field selectors, in the forms and with the complaints of upstream
// (k8s.io/apimachinery/pkg/labels and fields).
//
//   "app=web,tier in (a,b),!canary,size>3"      "metadata.name=x,status.phase!=Running"
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "registry/rules.h"
#include "schema/object.h"

namespace sampan::registry {

class LabelSelector {
 public:
  // Matches everything.
  LabelSelector() = default;
  static LabelSelector nothing();
  // Of ?labelSelector=. The error is a BadRequest, "unable to parse requirement: ...".
  static Result<LabelSelector> parse(std::string_view text);
  // Of a metav1.LabelSelector in an object: absent selects nothing, empty everything. BadRequest for what validation should have refused.
  static Result<LabelSelector> from(const schema::AnyView& selector);
  // Of a plain map, as a Service or a ReplicationController has; an empty one selects nothing.
  static LabelSelector from_map(const schema::AnyView& labels);

  bool empty() const { return !nothing_ && requirements_.empty(); }
  bool matches(const schema::AnyView& labels) const;
  bool matches(const Object& object) const;
  std::string text() const;  // canonical: sorted by key, values sorted

 private:
  friend class LabelParser;
  enum class Operator : uint8_t { Equals, DoubleEquals, NotEquals, In, NotIn, Exists, DoesNotExist, GreaterThan, LessThan };
  struct Requirement {
    std::string key;
    Operator op = Operator::Exists;
    std::vector<std::string> values;  // sorted
    int64_t number = 0;               // of GreaterThan and LessThan
    bool matches(const schema::AnyView& labels) const;
  };
  // The complaints about one requirement, joined as upstream does; "" if it is good.
  static std::string complaints(Requirement& requirement);
  void sort();

  std::vector<Requirement> requirements_;
  bool nothing_ = false;
};

class FieldSelector {
 public:
  // Matches everything.
  FieldSelector() = default;
  static FieldSelector name_is(std::string_view name);
  // Of ?fieldSelector=. Must be resolved before it can match.
  static Result<FieldSelector> parse(std::string_view text);
  // Finds the fields among the kind's labels. Kinds that have labels of their own know metadata.namespace only if they are namespaced. The error is a
  // BadRequest: "field label not supported: spec.x", or of a kind without labels `"spec.x" is not a known field selector: only ...`.
  Result<void> resolve(std::span<const FieldLabel> labels, bool namespaced);

  bool empty() const { return terms_.empty(); }
  bool matches(const Object& object) const;
  std::optional<std::string_view> exact(std::string_view label) const;  // the value that this label must have
  std::string text() const;

 private:
  struct Term {
    std::string label, value;
    bool equal = true;
    enum class Field : uint8_t { Unresolved, Name, Namespace, Other } field = Field::Unresolved;
    std::string (*read)(const Object& object) = nullptr;
    bool matches(const Object& object) const;
  };
  std::vector<Term> terms_;
};

}  // namespace sampan::registry
