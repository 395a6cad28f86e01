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
#include "schema/label_selector.h"
#include "schema/object.h"

namespace sampan::registry {

using schema::LabelSelector;

class FieldSelector {
 public:
  // Matches everything.
  FieldSelector() = default;
  static FieldSelector name_is(std::string_view name);
  // Of ?fieldSelector=. Must be resolved before it can match.
  static Result<FieldSelector> parse(std::string_view text);
  // Finds the fields among the kind's labels. Kinds that have labels of their own know metadata.namespace only if they are namespaced. The error is a
  // BadRequest: "field label not supported: spec.x", or of a kind without labels `"spec.x" is not a known field selector: only ...`.
  Result<void> resolve(std::span<const FieldLabel> labels, bool namespaced, UnknownLabel unknown = nullptr);

  bool empty() const { return terms_.empty(); }
  bool matches(const Object& object) const;
  std::optional<std::string_view> exact(std::string_view label) const;  // the value that this label must have
  std::string text() const;
  struct Requirement {
    std::string_view label, value;
    bool equal;
  };
  std::vector<Requirement> requirements() const;  // all of which must hold

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
