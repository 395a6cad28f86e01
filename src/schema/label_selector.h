// Which objects are meant, by their labels: in the forms and with the complaints of upstream (k8s.io/apimachinery/pkg/labels).
//
//   "app=web,tier in (a,b),!canary,size>3"
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "schema/object.h"

namespace sampan::schema {

using Labels = MapView<std::string_view>;

class LabelSelector {
 public:
  // Matches everything.
  LabelSelector() = default;
  static LabelSelector nothing();
  // Of ?labelSelector=. The error is a BadRequest, "unable to parse requirement: ...".
  static Result<LabelSelector> parse(std::string_view text);
  // Of a metav1.LabelSelector in an object: absent selects nothing, empty everything. BadRequest for what validation should have refused.
  static Result<LabelSelector> from(const AnyView& selector);
  // Of a plain map, as a Service or a ReplicationController has; an empty one selects nothing.
  static LabelSelector from_map(const AnyView& labels);

  // One more requirement, by the operator's name in the API: In, NotIn, Exists, DoesNotExist, Gt, Lt. BadRequest as from().
  Result<void> require(std::string_view key, std::string_view operator_name, std::vector<std::string> values);
  void also(const LabelSelector& other);  // whatever matches must match that one, too

  bool empty() const { return !nothing_ && requirements_.empty(); }
  bool matches(const Labels& labels) const;
  bool matches(const AnyView& labels) const;
  bool matches(const Object& object) const;
  // A label that whatever matches must have, if the selector names one: what an index of selectors goes by.
  std::optional<std::pair<std::string_view, std::string_view>> pinned() const;
  std::string text() const;  // canonical: sorted by key, values sorted
  struct Term {
    std::string_view key, operator_name;  // In, NotIn, Exists, DoesNotExist, Gt, Lt
    std::span<const std::string> values;
  };
  std::vector<Term> terms() const;  // all of which must hold

 private:
  friend class LabelParser;
  enum class Operator : uint8_t { Equals, DoubleEquals, NotEquals, In, NotIn, Exists, DoesNotExist, GreaterThan, LessThan };
  struct Requirement {
    std::string key;
    Operator op = Operator::Exists;
    std::vector<std::string> values;  // sorted
    int64_t number = 0;               // of GreaterThan and LessThan
    bool matches(const Labels& labels) const;
  };
  // The complaints about one requirement, joined as upstream does; "" if it is good.
  static std::string complaints(Requirement& requirement);
  void sort();

  std::vector<Requirement> requirements_;
  bool nothing_ = false;
};

}  // namespace sampan::schema
